"""One trial of a fused group: how far it is, whose turn it is, and what it keeps."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hpsearch.trainer import averages
from hpsearch.trainer.fused.batches import Source
from hpsearch.trainer.fused.inherited_weights import first_nets
from hpsearch.trainer.reporting import next_report
from hpsearch.trainer.run import Run
from hpsearch.trainer.steps import cycle, updates_before
from hpsearch.trainer.trainer import Optimizer, Trainer


class Member:
    """A trial's own side of the group.

    Attributes:
        run: what the trial is asked, and where its reports go.
        nets: its networks in its own shapes, averaged ones too; once it is stacked, views of the
            stack.
        source: of its batches.
        inputs: what it evaluates on.
        step: the number of its next step.
        waits: whether it stands at a report that has not been made.
        optimizers: of each phase.
        saved: the optimizers' states that it goes on with, by phase, as torch.optim has them.
    """

    def __init__(self, trainer: Trainer, run: Run) -> None:
        run.add_defaults(trainer.defaults)
        self.run = run
        self.nets = first_nets(trainer, run)
        self.source = Source.of(trainer, run.hp, run.seed)
        self.inputs: Mapping[str, Tensor] = trainer.inputs(run.hp)
        self.optimizers: dict[str, Optimizer] = {
            phase: trainer.optimizer(phase, run.hp) for phase in trainer.phases
        }
        self.nets |= averages.averaged_nets(trainer, self.nets, self.optimizers)
        self._cycle = cycle(trainer, run.hp)
        self.saved: Mapping[str, Any] = {}
        self.step = 0
        if (state := run.load()) is not None:
            self.step, self.saved = state["step"], state["optimizers"]
            for name, net in self.nets.items():
                net.load_state_dict(state["nets"][name])
        run.rewind(self.step)
        # Trained to the end before: what this process must know of it is still missing.
        self.waits = self.step >= run.budget
        self._report_at = next_report(self.step, run)

    @property
    def phase(self) -> str:
        return self._cycle[self.step % len(self._cycle)]

    def updates(self, phase: str) -> int:
        """How often the phase has been updated so far."""
        return updates_before(self.step, phase, self._cycle)

    @property
    def is_done(self) -> bool:
        return self.step >= self.run.budget and not self.waits

    def advance(self) -> None:
        self.step += 1
        self.waits = self.step >= self._report_at

    def state(self, optimizers: Mapping[str, Any]) -> dict[str, Any]:
        """A checkpoint, in the form that a trial has alone."""
        nets = {
            name: {
                key: tensor.clone(memory_format=torch.contiguous_format)
                for key, tensor in net.state_dict().items()
            }
            for name, net in self.nets.items()
        }
        return {"step": self.step, "nets": nets, "optimizers": dict(optimizers)}

    def go_on(self) -> None:
        """The report at which it stood has been made."""
        self.waits = False
        self._report_at = next_report(self.step, self.run)
