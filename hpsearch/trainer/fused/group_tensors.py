"""The stacked tensors of a fused group: networks, optimizers, batches and hyperparameters."""

import copy
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from hpsearch.method import Shape
from hpsearch.trainer.averages import average_name, averaged_phases
from hpsearch.trainer.fused.batches import StackedBatches
from hpsearch.trainer.fused.graph.tracer import StepInputs
from hpsearch.trainer.fused.hyper import stacked_numbers
from hpsearch.trainer.fused.member import Member
from hpsearch.trainer.fused.optim.optimizers import StackedOptimizer
from hpsearch.trainer.fused.stack import Stack, padded
from hpsearch.trainer.randomness import initial_weights
from hpsearch.trainer.run import HP
from hpsearch.trainer.trainer import Trainer

_TENSORS_PER_PARAMETER = 5  # itself, its gradient, two of an optimizer, one temporary


class GroupTensors:
    """What the steps of a group read and write, on one device.

    Args:
        rows: the member of each row of the stacks; members that stand there twice are copied.
        group_hp: the hyperparameters that all members share, over those of the first member.

    Attributes:
        averages: the moving averages of the phases' networks.

    Raises:
        TrainerError: the members' networks, averages or batches do not fit into one group.
    """

    def __init__(
        self, trainer: Trainer, rows: Sequence[Member], group_hp: HP, shape: Shape
    ) -> None:
        device = rows[0].run.device
        with initial_weights(rows[0].run.seed):
            templates = trainer.build(group_hp)
        self.stacks = {
            name: Stack(template, _distinct([m.nets[name] for m in rows]), device)
            for name, template in templates.items()
        }
        self.averages = {
            phase: _averaged_stack(phase, rows, self.stacks[phase], device)
            for phase in averaged_phases(trainer, [m.optimizers for m in rows])
        }
        dtype = self.stacks[trainer.phases[0]].rows.dtype
        noise = _noise_shapes(trainer, group_hp, shape)
        self.batches = StackedBatches([m.batches for m in rows], noise, dtype, device)
        numbers = stacked_numbers([m.run.hp for m in rows], shape, dtype)
        self._numbers = {name: tensor.to(device) for name, tensor in numbers.items()}
        own_inputs = [m.inputs for m in rows]
        self._inputs = _stacked_inputs(own_inputs, trainer.inputs(group_hp), device)
        self.optimizers = {
            phase: _stacked_optimizer(phase, rows, self.stacks[phase], self.averages.get(phase))
            for phase in trainer.phases
        }

    @property
    def averaged_stacks(self) -> dict[str, Stack]:
        return {average_name(phase): stack for phase, stack in self.averages.items()}

    @property
    def buffers(self) -> list[Tensor]:
        """The buffers of all networks, [rows, ...] each; averaged networks share them."""
        return [b for stack in self.stacks.values() for b in stack.buffers.values()]

    @property
    def step_inputs(self) -> StepInputs:
        return self._read(self.stacks, self.batches.batch)

    @property
    def evaluation_inputs(self) -> StepInputs:
        """What `Trainer.outputs` reads."""
        return self._read({**self.stacks, **self.averaged_stacks}, self._inputs)

    def row_bytes(self) -> int:
        """Memory of a row, in bytes: parameters and their training state, averages and batch."""
        count = len(next(iter(self.stacks.values())).rows)
        parameters = sum(stack.rows.nbytes for stack in self.stacks.values()) // count
        averages = sum(stack.rows.nbytes for stack in self.averages.values()) // count
        batch = sum(tensor.nbytes for tensor in self.batches.batch.values()) // count
        return parameters * _TENSORS_PER_PARAMETER + averages + batch

    def optimizer_states(self, k: int) -> dict[str, Any]:
        """The state_dicts that torch.optim would have for row k alone, by phase."""
        return {
            phase: optimizer.to_torch(k, partial(self.stacks[phase].views, k))
            for phase, optimizer in self.optimizers.items()
        }

    def _read(self, stacks: Mapping[str, Stack], batch: Mapping[str, Tensor]) -> StepInputs:
        return StepInputs(
            {name: stack.parameters for name, stack in stacks.items()},
            {name: stack.buffers for name, stack in stacks.items()},
            batch,
            self._numbers,
        )


def _averaged_stack(phase: str, rows: Sequence[Member], raw: Stack, device: str) -> Stack:
    nets = _distinct([m.nets[average_name(phase)] for m in rows])
    return Stack(copy.deepcopy(raw.template), nets, device, raw.buffers)


def _stacked_optimizer(
    phase: str, rows: Sequence[Member], stack: Stack, average: Stack | None
) -> StackedOptimizer:
    optimizer = StackedOptimizer(
        [m.optimizers[phase] for m in rows], stack.rows, None if average is None else average.rows
    )
    for k, member in enumerate(rows):
        if phase in member.optimizer_states:
            views, updates = partial(stack.views, k), member.updates(phase)
            optimizer.from_torch(k, member.optimizer_states[phase], updates, views)
    return optimizer


def _noise_shapes(trainer: Trainer, group_hp: HP, shape: Shape) -> dict[str, tuple[int, ...]]:
    """The shapes of all noise that a member may need, for any of the choices that vary."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, choices in shape.varying.items():
        for choice in choices or ():
            shapes |= trainer.noise(HP({**group_hp, name: choice}))
    return {**shapes, **trainer.noise(group_hp)}


def _distinct(nets: Sequence[nn.Module]) -> list[nn.Module]:
    """The networks, with a copy in place of each repetition."""
    return [net if net not in nets[:i] else copy.deepcopy(net) for i, net in enumerate(nets)]


def _stacked_inputs(
    own_inputs: Sequence[Mapping[str, Tensor]], group_inputs: Mapping[str, Tensor], device: str
) -> dict[str, Tensor]:
    """Inputs [members, ...]; a tensor that all members share is stored once."""
    stacked = {}
    for name, like in group_inputs.items():
        tensors = [inputs[name] for inputs in own_inputs]
        if all(tensor is like for tensor in tensors):
            stacked[name] = like.to(device).expand(len(tensors), *like.shape)
        else:
            padded_tensors = [padded(tensor, like.shape) for tensor in tensors]
            stacked[name] = torch.stack(padded_tensors).to(device)
    return stacked
