"""Steps and evaluations of a group's members as traced programs.

Networks with convolutions are trained one member after another on the CPU, where a grouped
convolution is slower than its parts; all other networks are trained as one stack.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from hpsearch.method import Shape
from hpsearch.trainer.fused import memory
from hpsearch.trainer.fused.graph.program import Program, Replay
from hpsearch.trainer.fused.graph.tracer import StepInputs, Tracer
from hpsearch.trainer.fused.group_tensors import GroupTensors
from hpsearch.trainer.fused.member import Member
from hpsearch.trainer.fused.step_executor import (
    BatchedGradients,
    CudaGraphStep,
    LoopedGradients,
    ReplayStep,
    StackStep,
    StepExecutor,
    compile_program,
)
from hpsearch.trainer.run import HP
from hpsearch.trainer.trainer import Trainer

CHECK_INTERVAL = 50  # steps between checks of the losses on a GPU
_CONVOLUTION = "aten::convolution"


class Engine:
    """A stack of members.

    A single member is trained beside a copy of itself: kernels for one matrix give other bits than
    those for several.

    Args:
        members: at least one; their networks become views of the stack.
        is_compiled: whether torch.compile makes the steps; bits then depend on the group.
        fits: a number of members that are known to fit the device.

    Raises:
        UnfusableError: the trainer's steps cannot be traced.
        TooLargeError: the device has no memory for so many members.
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
        copies = _stack_size(len(members), is_compiled) - len(members)
        rows = [*members, *[members[0]] * copies]
        group_hp = HP({**members[0].run.hp, **shape.values})
        self.tensors = GroupTensors(trainer, rows, group_hp, shape)
        self._tracer = Tracer(
            trainer,
            {name: stack.template for name, stack in self.tensors.stacks.items()},
            {name: value for name, value in group_hp.items() if name not in shape.varying},
            {name: choices for name, choices in shape.varying.items() if choices is not None},
            is_exact=self._device == "cpu" and not is_compiled,
        )
        self._executors: dict[str, StepExecutor] = {}
        self._step_count = 0
        self._outputs: tuple[list[Replay], list[str]] | None = None
        self._is_looped = self._measure(fits)

    def step(self, phase: str, members: Sequence[int]) -> list[tuple[int, float]]:
        """Update the parameters of a phase for these members.

        Returns:
            The members whose loss is not finite, with the loss.
        """
        self.tensors.batches.fill([(k, self.members[k].step) for k in members])
        if phase not in self._executors:
            self._executors[phase] = self._step_executor(phase)
        losses = self._executors[phase](members)
        self._step_count += 1
        if self._device != "cpu" and self._step_count % CHECK_INTERVAL:
            return []  # a check waits for the device, and a loss that is not finite stays so
        if math.isfinite(float(losses.sum())):
            return []
        values = losses.tolist()
        return [(k, values[k]) for k in members if not math.isfinite(values[k])]

    def outputs(self) -> list[dict[str, Tensor]]:
        """The result of `Trainer.outputs` for each member."""
        for stack in [*self.tensors.stacks.values(), *self.tensors.averages.values()]:
            stack.template.eval()
        if self._outputs is None:
            self._outputs = self._trace_outputs()
        replays, names = self._outputs
        if self._is_looped:
            outputs = [replay() for replay in replays]
        else:
            stacked = replays[0]()
            outputs = [[tensor[k] for tensor in stacked] for k in range(len(self.members))]
        return [dict(zip(names, tensors, strict=True)) for tensors in outputs]

    def checkpoint(self, k: int) -> dict[str, Any]:
        return self.members[k].checkpoint(self.tensors.optimizer_states(k))

    def release(self, k: int) -> None:
        """Store the optimizers' states in the member, so that another stack can take it."""
        self.members[k].optimizer_states = self.tensors.optimizer_states(k)

    def _measure(self, fits: int) -> bool:
        """Whether members train one by one; raises a TooLargeError if the group does not fit."""
        inputs = self.tensors.step_inputs.member(0)
        programs = [self._trace_step(phase, inputs, None) for phase in self._trainer.phases]
        is_convolutional = any(_CONVOLUTION in program.operations for program in programs)
        is_looped = is_convolutional and self._tracer.is_exact
        if len(self.members) > fits:
            step_bytes = max(program.peak_bytes for program in programs)
            row_bytes = self.tensors.row_bytes()
            memory.check_fit(
                self._device,
                member_bytes=row_bytes if is_looped else row_bytes + step_bytes,
                shared_bytes=step_bytes if is_looped else 0,
                members=self._row_count,
            )
        return is_looped

    @property
    def _row_count(self) -> int:
        return len(next(iter(self.tensors.stacks.values())).rows)

    def _step_executor(self, phase: str) -> StepExecutor:
        stack, optimizer = self.tensors.stacks[phase], self.tensors.optimizers[phase]
        mask = _bit_mask(stack.own_positions(), stack.rows.dtype) if stack.is_padded else None
        inputs, buffers = self.tensors.step_inputs, self.tensors.buffers
        if self._is_looped:
            program = self._trace_step(phase, inputs.member(0), None)
            replays = [program.bind(inputs.member(k).tensors) for k in range(len(self.members))]
            looped = LoopedGradients(replays, torch.zeros_like(stack.rows))
            return ReplayStep(looped, optimizer, mask)
        program = self._trace_step(phase, inputs, self._row_count)
        if self._device == "cpu":
            make_replay = compile_program if self._is_compiled else Program.bind
            replay = make_replay(program, inputs.tensors)
            batched = BatchedGradients(replay, buffers, self._row_count)
            return ReplayStep(batched, optimizer, mask)
        step = StackStep(program, inputs.tensors, optimizer, stack.rows, mask, buffers)
        return CudaGraphStep(step, is_compiled=self._is_compiled)

    def _trace_step(self, phase: str, inputs: StepInputs, members: int | None) -> Program:
        """The program of a step; tracing leaves the buffers unchanged."""
        saved = [(buffer, buffer.clone()) for buffer in self.tensors.buffers]
        fields = self.tensors.stacks[phase].fields
        program = self._tracer.trace_step(phase, inputs, fields, members)
        for buffer, value in saved:
            buffer.copy_(value)
        return program

    def _trace_outputs(self) -> tuple[list[Replay], list[str]]:
        inputs = self.tensors.evaluation_inputs
        templates = {name: s.template for name, s in self.tensors.averaged_stacks.items()}
        tracer = replace(self._tracer, nets={**self._tracer.nets, **templates})
        if not self._is_looped:
            program, names = tracer.trace_outputs(inputs, self._row_count)
            return [program.bind(inputs.tensors)], names
        program, names = tracer.trace_outputs(inputs.member(0), None)
        return [program.bind(inputs.member(k).tensors) for k in range(len(self.members))], names


def _stack_size(members: int, is_compiled: bool) -> int:
    """Rows of a stack; compiled steps are made for a few sizes only, so that they are reused."""
    if not is_compiled:
        return max(members, 2)
    size = 25
    while size < members:
        size *= 2
    while size > 2 and math.ceil(size / 2) >= members:
        size = math.ceil(size / 2)
    return size


def _bit_mask(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """All bits where true, none elsewhere: masking then turns even NaN into zero."""
    return -mask.to(torch.int64 if dtype == torch.float64 else torch.int32)
