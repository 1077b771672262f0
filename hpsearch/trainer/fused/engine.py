"""The tensors in which the members of a group train, and the programs that move them.

Networks with convolutions are trained one member after another on the CPU, where a grouped
convolution is slower than its parts; all others as one stack.
"""

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from hpsearch.method import Shape
from hpsearch.trainer import averages
from hpsearch.trainer import randomness as chance
from hpsearch.trainer.fused import memory
from hpsearch.trainer.fused.batches import Feed
from hpsearch.trainer.fused.graph.program import Program, Replay
from hpsearch.trainer.fused.graph.recording import Material, Script
from hpsearch.trainer.fused.hyper import stacked_numbers
from hpsearch.trainer.fused.member import Member
from hpsearch.trainer.fused.optim.optimizers import Stacked
from hpsearch.trainer.fused.stack import Stack, padded
from hpsearch.trainer.fused.step_executor import Captured, Looped, Move, Replayed, Whole, compiled
from hpsearch.trainer.run import HP
from hpsearch.trainer.trainer import Trainer

CHECK_INTERVAL = 50  # steps of a GPU between looks at the losses
_CONVOLUTION = "aten::convolution"


class Engine:
    """A stack of members.

    A lone member is trained beside a copy of itself, because the kernels for a single matrix give
    other bits than those for several.

    Args:
        trainer: of all members.
        members: at least one; their networks become views of the stack.
        shape: what they share.
        is_compiled: whether torch.compile makes the steps, which gives up that bits do not depend
            on the company.

    Attributes:
        live_bytes: what a step's intermediate results take at most, in bytes.

    Raises:
        UnfusableError: the trainer's steps cannot be recorded.
        TooLargeError: the device has no room for so many members.
    """

    def __init__(
        self,
        trainer: Trainer,
        members: Sequence[Member],
        shape: Shape,
        *,
        is_compiled: bool = False,
        fits: int = 0,
    ) -> None:
        self.members = list(members)
        self._trainer = trainer
        self._device = members[0].run.device
        self._is_compiled = is_compiled
        self._count = _stack_size(len(members), is_compiled)
        rows = [*members, *[members[0]] * (self._count - len(members))]
        first = rows[0].run
        group = HP({**first.hp, **shape.values})
        with chance.initial_weights(first.seed):
            templates = trainer.build(group)
        self.stacks = {
            name: Stack(template, _apart([m.nets[name] for m in rows]), self._device)
            for name, template in templates.items()
        }
        averaged = averages.averaged_phases(trainer, [m.optimizers for m in rows])
        self._averages = {phase: self._stack_of_averages(phase, rows) for phase in averaged}
        dtype = self.stacks[trainer.phases[0]].rows.dtype
        noise = _noise_shapes(trainer, group, shape)
        self._feed = Feed([m.source for m in rows], noise, dtype, self._device)
        numbers = stacked_numbers([m.run.hp for m in rows], shape, dtype)
        self._numbers = {name: tensor.to(self._device) for name, tensor in numbers.items()}
        inputs = [m.inputs for m in rows]
        self._inputs = _stacked_inputs(inputs, trainer.inputs(group), self._device)
        self._script = Script(
            trainer,
            {name: stack.template for name, stack in self.stacks.items()},
            {name: value for name, value in group.items() if name not in shape.varying},
            {name: choices for name, choices in shape.varying.items() if choices is not None},
            is_exact=self._device == "cpu" and not is_compiled,
        )
        self._optimizers = {p: self._stacked_optimizers(p, rows) for p in trainer.phases}
        self.live_bytes = 0
        self._steps: dict[str, Move] = {}
        self._taken = 0
        self._outputs: list[Replay] | None = None
        self._output_names: list[str] = []
        self._is_looped = self._measure(fits)

    def step(self, phase: str, members: Sequence[int]) -> list[tuple[int, float]]:
        """Update the parameters of a phase for these members.

        Returns:
            Those of them whose loss was not finite, with it.
        """
        self._feed.fill([(k, self.members[k].step) for k in members])
        if phase not in self._steps:
            self._steps[phase] = self._record_step(phase)
        losses = self._steps[phase](members)
        self._taken += 1
        if self._device != "cpu" and self._taken % CHECK_INTERVAL:
            return []  # a look would wait for the device; a loss that is not finite stays so
        if math.isfinite(float(losses.sum())):
            return []
        of = losses.tolist()
        return [(k, of[k]) for k in members if not math.isfinite(of[k])]

    def outputs(self) -> list[dict[str, Tensor]]:
        """What the trainer's `outputs` gives, for each member."""
        for stack in [*self.stacks.values(), *self._averages.values()]:
            stack.template.eval()
        if self._outputs is None:
            self._outputs = self._record_outputs()
        if self._is_looped:
            found = [run() for run in self._outputs]
        else:
            together = self._outputs[0]()
            found = [[tensor[k] for tensor in together] for k in range(len(self.members))]
        return [dict(zip(self._output_names, tensors, strict=True)) for tensors in found]

    def state(self, k: int) -> dict[str, Any]:
        """Member k's checkpoint."""
        return self.members[k].state(self._optimizer_states(k))

    def release(self, k: int) -> None:
        """Let the member take its optimizers' states along to another stack."""
        self.members[k].saved = self._optimizer_states(k)

    def _optimizer_states(self, k: int) -> dict[str, Any]:
        return {
            phase: optimizer.to_torch(k, partial(self.stacks[phase].views, k))
            for phase, optimizer in self._optimizers.items()
        }

    def _stack_of_averages(self, phase: str, rows: Sequence[Member]) -> Stack:
        raw, name = self.stacks[phase], averages.name_of(phase)
        nets, template = _apart([m.nets[name] for m in rows]), copy.deepcopy(raw.template)
        return Stack(template, nets, self._device, raw.buffers)

    def _stacked_optimizers(self, phase: str, rows: Sequence[Member]) -> Stacked:
        stack, average = self.stacks[phase], self._averages.get(phase)
        stacked = Stacked(
            [m.optimizers[phase] for m in rows],
            stack.rows,
            None if average is None else average.rows,
        )
        for k, member in enumerate(rows):
            if phase in member.saved:
                views, updates = partial(stack.views, k), member.updates(phase)
                stacked.from_torch(k, member.saved[phase], updates, views)
        return stacked

    def _material(self, batch: Mapping[str, Tensor], *, evaluates: bool = False) -> Material:
        stacks = {**self.stacks, **self._averaged()} if evaluates else self.stacks
        return Material(
            {name: stack.parameters for name, stack in stacks.items()},
            {name: stack.buffers for name, stack in stacks.items()},
            batch,
            self._numbers,
        )

    def _averaged(self) -> dict[str, Stack]:
        return {averages.name_of(phase): stack for phase, stack in self._averages.items()}

    def _measure(self, fits: int) -> bool:
        """Take a member's first step by itself; says whether all members go one after another.

        Raises:
            TooLargeError: the group does not fit the device.
        """
        lane = self._material(self._feed.batch).lane(0)
        programs = [self._recorded(phase, lane, None) for phase in self._trainer.phases]
        convolves = any(_CONVOLUTION in program.operations for program in programs)
        is_looped = convolves and self._script.is_exact
        rows = sum(stack.rows.nbytes for stack in self.stacks.values()) // self._count
        of_averages = sum(stack.rows.nbytes for stack in self._averages.values()) // self._count
        batch = sum(tensor.nbytes for tensor in self._feed.batch.values()) // self._count
        kept = rows * memory.STATES + of_averages + batch
        if len(self.members) > fits:
            memory.check(
                self._device,
                of_member=kept if is_looped else kept + self.live_bytes,
                in_common=self.live_bytes if is_looped else 0,
                members=self._count,
            )
        return is_looped

    def _record_step(self, phase: str) -> Move:
        stack, optimizer = self.stacks[phase], self._optimizers[phase]
        mask = _bits(stack.own_positions(), stack.rows.dtype) if stack.is_padded else None
        material = self._material(self._feed.batch)
        buffers = [b for s in self.stacks.values() for b in s.buffers.values()]
        if self._is_looped:
            program = self._recorded(phase, material.lane(0), None)
            lanes = [material.lane(k).tensors for k in range(len(self.members))]
            runs = [program.bind(lane) for lane in lanes]
            return Looped(runs, optimizer, torch.zeros_like(stack.rows), mask)
        program = self._recorded(phase, material, self._count)
        if self._device == "cpu":
            make = compiled if self._is_compiled else Program.bind
            run = make(program, material.tensors)
            return Replayed(run, optimizer, mask, buffers, self._count)
        whole = Whole(program, material.tensors, optimizer, stack.rows, mask, buffers)
        return Captured(whole, is_compiled=self._is_compiled)

    def _recorded(self, phase: str, material: Material, members: int | None) -> Program:
        """A program of a step; what recording it does to the buffers is undone."""
        buffers = [(b, b.clone()) for s in self.stacks.values() for b in s.buffers.values()]
        program = self._script.step(phase, material, self.stacks[phase].fields, members)
        for buffer, before in buffers:
            buffer.copy_(before)
        self.live_bytes = max(self.live_bytes, program.live_bytes)
        return program

    def _record_outputs(self) -> list[Replay]:
        material = self._material(self._inputs, evaluates=True)
        templates = {name: stack.template for name, stack in self._averaged().items()}
        script = replace(self._script, nets={**self._script.nets, **templates})
        if not self._is_looped:
            program, self._output_names = script.outputs(material, self._count)
            return [program.bind(material.tensors)]
        program, self._output_names = script.outputs(material.lane(0), None)
        return [program.bind(material.lane(k).tensors) for k in range(len(self.members))]


def _noise_shapes(trainer: Trainer, group: HP, shape: Shape) -> dict[str, tuple[int, ...]]:
    """The noise that a member may have, whatever it chooses where it may."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, choices in shape.varying.items():
        for choice in choices or ():
            shapes |= trainer.noise(HP({**group, name: choice}))
    return {**shapes, **trainer.noise(group)}


def _stack_size(members: int, is_compiled: bool) -> int:
    """Rows of a stack; a compiled step is made for a few sizes only, so that it serves again."""
    if not is_compiled:
        return max(members, 2)
    size = 25
    while size < members:
        size *= 2
    while size > 2 and math.ceil(size / 2) >= members:
        size = math.ceil(size / 2)
    return size


def _apart(nets: Sequence[Any]) -> list[Any]:
    """The networks, a copy in place of one that is there a second time."""
    return [net if net not in nets[:i] else copy.deepcopy(net) for i, net in enumerate(nets)]


def _bits(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """All bits where true, none elsewhere: what is not finite becomes zero with it too."""
    return -mask.to(torch.int64 if dtype == torch.float64 else torch.int32)


def _stacked_inputs(
    inputs: Sequence[Mapping[str, Tensor]], of_group: Mapping[str, Tensor], device: str
) -> dict[str, Tensor]:
    """[members, ...]; a tensor that all of them share has one place in memory."""
    stacked = {}
    for name, like in of_group.items():
        own = [each[name] for each in inputs]
        if all(tensor is like for tensor in own):
            stacked[name] = like.to(device).expand(len(own), *like.shape)
        else:
            stacked[name] = torch.stack([padded(tensor, like.shape) for tensor in own]).to(device)
    return stacked
