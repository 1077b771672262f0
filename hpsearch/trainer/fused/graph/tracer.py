"""Traces a trainer's `loss` and `outputs` into programs.

The loss of a stack is traced through `torch.func.vmap` and autograd, that of a single member
through autograd alone.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import vmap
from torch.nn.utils import stateless

from hpsearch.errors import TrainerError, UnfusableError
from hpsearch.space import Scalar
from hpsearch.trainer.fused.graph.passes import optimize
from hpsearch.trainer.fused.graph.per_member_ops import (
    mask_padding_gradients,
    pad_channels,
    split_transforms,
)
from hpsearch.trainer.fused.graph.program import Program
from hpsearch.trainer.fused.graph.trace import record
from hpsearch.trainer.fused.hyper import GroupHP
from hpsearch.trainer.fused.stack import Field
from hpsearch.trainer.trainer import Trainer

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class StepInputs:
    """The tensors that a step reads: of all members, or of one (`member`).

    Attributes:
        parameters, buffers: of each network by name, [members, *shape].
        batch: [members, ...].
        numbers: hyperparameters that may differ, [members].
    """

    parameters: Mapping[str, Tensors]
    buffers: Mapping[str, Tensors]
    batch: Tensors
    numbers: Tensors

    def member(self, k: int) -> "StepInputs":
        """The tensors of member k, without the dimension of the members."""
        return StepInputs(
            {net: _row(tensors, k) for net, tensors in self.parameters.items()},
            {net: _row(tensors, k) for net, tensors in self.buffers.items()},
            _row(self.batch, k),
            _row(self.numbers, k),
        )

    @property
    def tensors(self) -> list[Tensor]:
        """All tensors in a fixed order."""
        nets = [*self.parameters.values(), *self.buffers.values()]
        net_tensors = [tensor for tensors in nets for tensor in tensors.values()]
        return [*net_tensors, *self.batch.values(), *self.numbers.values()]

    @property
    def fixed(self) -> frozenset[int]:
        """Positions in `tensors` of the hyperparameters, whose values never change."""
        count = len(self.tensors)
        return frozenset(range(count - len(self.numbers), count))


@dataclass(frozen=True)
class Tracer:
    """Makes programs of a trainer's functions for one group.

    Attributes:
        nets: the group's networks, whose modules are called with the members' tensors.
        choices: possible values of the choices that may differ.
        is_exact: whether a member's bits must not depend on the other members.
    """

    trainer: Trainer
    nets: Mapping[str, nn.Module]
    plain: Mapping[str, Any]
    choices: Mapping[str, Sequence[Scalar]]
    is_exact: bool = True

    def trace_step(
        self, phase: str, inputs: StepInputs, fields: Sequence[Field], members: int | None
    ) -> Program:
        """The program of a step, which gives losses [members] and rows of gradients.

        The number of `members` is None if `inputs` is of one member.

        Raises:
            TrainerError: the loss is no scalar, or draws random numbers.
            UnfusableError: the loss cannot be traced.
        """
        for net in self.nets.values():
            net.train()

        def loss(own: StepInputs, learning: Tensors) -> Tensor:
            with self._reparametrized({**own.parameters, phase: learning}, own.buffers):
                hp = GroupHP(self.plain, own.numbers, self.choices)
                value = self.trainer.loss(phase, self.nets, own.batch, hp)
            if not isinstance(value, Tensor) or value.dim():
                name = type(self.trainer).__name__
                got = list(value.shape) if isinstance(value, Tensor) else repr(value)
                raise TrainerError(f"{name}.loss: must be a tensor without dimensions, got {got}")
            return value

        def step() -> list[Tensor]:
            learning = {
                name: tensor.detach().requires_grad_()
                for name, tensor in inputs.parameters[phase].items()
            }
            losses = self._mapped(loss, inputs, members, learning)
            gradients = torch.autograd.grad(
                losses.sum(), list(learning.values()), materialize_grads=True
            )
            return [losses.detach(), _rows(gradients, fields, members)]

        return self._traced(step, inputs, members)

    def trace_outputs(self, inputs: StepInputs, members: int | None) -> tuple[Program, list[str]]:
        """The program of the trainer's `outputs`, and the names of its results."""
        for net in self.nets.values():
            net.eval()
        names: list[str] = []

        def evaluate(own: StepInputs, _: Tensors) -> dict[str, Tensor]:
            with self._reparametrized(own.parameters, own.buffers):
                hp = GroupHP(self.plain, own.numbers, self.choices)
                return dict(self.trainer.outputs(self.nets, own.batch, hp))

        def run() -> list[Tensor]:
            with torch.no_grad():
                outputs = self._mapped(evaluate, inputs, members, {})
            names[:] = list(outputs)
            return list(outputs.values())

        return self._traced(run, inputs, members), names

    @contextlib.contextmanager
    def _reparametrized(
        self, parameters: Mapping[str, Tensors], buffers: Mapping[str, Tensors]
    ) -> Iterator[None]:
        """Give the networks these tensors inside the block."""
        with contextlib.ExitStack() as stack:
            for name, net in self.nets.items():
                tensors: dict[str, Tensor] = {**parameters[name], **buffers[name]}
                stack.enter_context(stateless._reparametrize_module(net, tensors, tie_weights=True))
            yield

    def _mapped(
        self,
        function: Callable[[StepInputs, Tensors], Any],
        inputs: StepInputs,
        members: int | None,
        learning: Tensors,
    ) -> Any:
        """The function of all members through vmap, or of one without it."""
        if members is None:
            return function(inputs, learning)

        def of_member(
            parameters: Any, buffers: Any, batch: Any, numbers: Any, learning: Any
        ) -> Any:
            return function(StepInputs(parameters, buffers, batch, numbers), learning)

        stacked = (inputs.parameters, inputs.buffers, inputs.batch, inputs.numbers)
        return vmap(of_member, randomness="error")(*stacked, learning)

    def _traced(
        self, function: Callable[[], list[Tensor]], inputs: StepInputs, members: int | None
    ) -> Program:
        """The function's program; raises UnfusableError if vmap or the trace refuses it."""
        try:
            trace, _ = record(function, inputs.tensors)
        except TrainerError:
            raise
        except UnfusableError as error:
            raise UnfusableError(f"{type(self.trainer).__name__}: {error}") from None
        except (RuntimeError, NotImplementedError, ValueError, TypeError) as error:
            if members is None:
                raise
            raise UnfusableError(f"{type(self.trainer).__name__}: {error}") from error
        if members is not None:
            trace = mask_padding_gradients(trace, members)
            if self.is_exact:
                trace = split_transforms(pad_channels(trace, members), members)
        return Program(optimize(trace, members if self.is_exact else None), inputs.fixed)


def _row(tensors: Tensors, k: int) -> dict[str, Tensor]:
    return {name: tensor[k] for name, tensor in tensors.items()}


def _rows(gradients: Sequence[Tensor], fields: Sequence[Field], members: int | None) -> Tensor:
    """Gradients in the layout of the parameters' rows."""
    lead = () if members is None else (members,)
    parts: list[Tensor] = []
    end = 0
    for field, gradient in zip(fields, gradients, strict=True):
        if field.start > end:
            parts.append(gradient.new_zeros((*lead, field.start - end)))
        order = [len(lead) + i for i in field.stored]
        parts.append(gradient.permute(*range(len(lead)), *order).reshape(*lead, -1))
        end = field.start + parts[-1].shape[-1]
    if rest := field.row - end:
        parts.append(gradient.new_zeros((*lead, rest)))
    return torch.cat(parts, -1)
