"""A trial between two steps, as the lone loop and a fused group build and save it."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from hpsearch.trainer.averages import averaged_nets
from hpsearch.trainer.inherited_weights import initial_nets
from hpsearch.trainer.run import Run
from hpsearch.trainer.steps import Batches, cycle, updates_before
from hpsearch.trainer.trainer import Optimizer, Trainer


class TrialState:
    """Networks, optimizers' settings, batches and the number of the next step.

    The state is that of the trial's checkpoint if there is one; later reports are removed. The run
    gets the trainer's defaults.

    Attributes:
        trained: the networks by name, which require no gradients.
        nets: `trained` and the averaged networks.
        optimizer_states: the checkpoint's state_dicts of torch.optim by phase; empty at a new
            start.

    Raises:
        TrainerError: the trainer breaks its contract.
        RunFolderError: the weights from which the trial starts are missing.
    """

    def __init__(self, trainer: Trainer, run: Run, device: str) -> None:
        run.add_defaults(trainer.defaults)
        hp = run.hp
        self.run = run
        self.trained: dict[str, nn.Module] = {
            name: net.to(device).requires_grad_(False)
            for name, net in initial_nets(trainer, run).items()
        }
        self._cycle = cycle(trainer, hp)
        self.batches = Batches(trainer, hp, run.seed, device)
        self.inputs = {name: tensor.to(device) for name, tensor in trainer.inputs(hp).items()}
        self.optimizers: dict[str, Optimizer] = {
            phase: trainer.optimizer(phase, hp) for phase in trainer.phases
        }
        self.nets = {**self.trained, **averaged_nets(trainer, self.trained, self.optimizers)}
        self.step = 0
        self.optimizer_states: Mapping[str, Any] = {}
        if (checkpoint := run.load()) is not None:
            self.step, self.optimizer_states = checkpoint["step"], checkpoint["optimizers"]
            for name, net in self.nets.items():
                net.load_state_dict(checkpoint["nets"][name])
        run.rewind(self.step)

    @property
    def phase(self) -> str:
        return self._cycle[self.step % len(self._cycle)]

    def updates(self, phase: str) -> int:
        return updates_before(self.step, phase, self._cycle)

    def checkpoint(self, optimizer_states: Mapping[str, Any]) -> dict[str, Any]:
        """The content of the trial's checkpoint, with the state_dicts of torch.optim by phase."""
        nets = {name: _own_state(net) for name, net in self.nets.items()}
        return {"step": self.step, "nets": nets, "optimizers": dict(optimizer_states)}


def _own_state(net: nn.Module) -> dict[str, Any]:
    """A network's state_dict in memory of its own: a view would be saved with its whole stack."""
    state = net.state_dict()
    for name, value in state.items():
        if isinstance(value, Tensor):
            state[name] = value.clone(memory_format=torch.contiguous_format)
    return state
