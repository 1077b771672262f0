"""From a trainer's pure functions to programs: a step of a phase, and a pass for evaluation.

The stack's tensors go through `torch.func.vmap` once, while a tape listens. A lone member's
tensors go through plain autograd instead, for the networks that are better off so.
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
from hpsearch.trainer.fused.graph.passes import prepared
from hpsearch.trainer.fused.graph.per_member_ops import one_by_one, own_words, whole_channels
from hpsearch.trainer.fused.graph.program import Program
from hpsearch.trainer.fused.graph.trace import record
from hpsearch.trainer.fused.hyper import GroupHP
from hpsearch.trainer.fused.stack import Field
from hpsearch.trainer.trainer import Trainer

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Material:
    """What a step of a group reads: of all members, or of one (`lane`).

    Attributes:
        parameters: of each network by name, [members, *shape].
        buffers: likewise.
        batch: [members, ...].
        numbers: hyperparameters that may differ, [members].
    """

    parameters: Mapping[str, Tensors]
    buffers: Mapping[str, Tensors]
    batch: Tensors
    numbers: Tensors

    def lane(self, k: int) -> "Material":
        """Of member k alone, without the dimension of the members."""
        return Material(
            {net: _row(tensors, k) for net, tensors in self.parameters.items()},
            {net: _row(tensors, k) for net, tensors in self.buffers.items()},
            _row(self.batch, k),
            _row(self.numbers, k),
        )

    @property
    def tensors(self) -> list[Tensor]:
        nets = [*self.parameters.values(), *self.buffers.values()]
        of_nets = [tensor for tensors in nets for tensor in tensors.values()]
        return [*of_nets, *self.batch.values(), *self.numbers.values()]

    @property
    def fixed(self) -> frozenset[int]:
        """Positions in `tensors` of those whose numbers never change."""
        every = len(self.tensors)
        return frozenset(range(every - len(self.numbers), every))


@dataclass(frozen=True)
class Script:
    """A trainer and what it is told of the group's hyperparameters.

    Attributes:
        trainer: the trainer.
        nets: the group's networks, which lend their structure.
        plain: hyperparameters that all members share.
        choices: possible values of those choices that may differ.
        is_exact: whether a member's bits must not depend on its company.
    """

    trainer: Trainer
    nets: Mapping[str, nn.Module]
    plain: Mapping[str, Any]
    choices: Mapping[str, Sequence[Scalar]]
    is_exact: bool = True

    def step(
        self, phase: str, material: Material, fields: Sequence[Field], members: int | None
    ) -> Program:
        """A step of a phase: gives the losses [members] and the gradients' rows.

        Args:
            phase: whose parameters the gradients are of.
            material: as it is at the first step.
            fields: where the gradients lie in a row.
            members: how many; None if the material is a lane.
        """
        for net in self.nets.values():
            net.train()

        def loss(of: Material, learning: Tensors) -> Tensor:
            parameters = {**of.parameters, phase: learning}
            with self._reparametrized(parameters, of.buffers):
                hp = GroupHP(self.plain, of.numbers, self.choices)
                value = self.trainer.loss(phase, self.nets, of.batch, hp)
            if not isinstance(value, Tensor) or value.dim():
                name = type(self.trainer).__name__
                got = list(value.shape) if isinstance(value, Tensor) else repr(value)
                raise TrainerError(f"{name}.loss: must be a tensor without dimensions, got {got}")
            return value

        def step() -> list[Tensor]:
            learning = {
                name: tensor.detach().requires_grad_()
                for name, tensor in material.parameters[phase].items()
            }
            losses = self._mapped(loss, material, members, learning)
            wanted = list(learning.values())
            gradients = torch.autograd.grad(losses.sum(), wanted, materialize_grads=True)
            return [losses.detach(), _rows(gradients, fields, members)]

        return self._recorded(step, material, members)

    def outputs(self, material: Material, members: int | None) -> tuple[Program, list[str]]:
        """The trainer's `outputs`, and the names of what the program gives."""
        for net in self.nets.values():
            net.eval()
        names: list[str] = []

        def look(of: Material, _: Tensors) -> dict[str, Tensor]:
            with self._reparametrized(of.parameters, of.buffers):
                hp = GroupHP(self.plain, of.numbers, self.choices)
                return dict(self.trainer.outputs(self.nets, of.batch, hp))

        def run() -> list[Tensor]:
            with torch.no_grad():
                found = self._mapped(look, material, members, {})
            names[:] = list(found)
            return list(found.values())

        return self._recorded(run, material, members), names

    @contextlib.contextmanager
    def _reparametrized(
        self, parameters: Mapping[str, Tensors], buffers: Mapping[str, Tensors]
    ) -> Iterator[None]:
        """The networks have these tensors inside the block."""
        with contextlib.ExitStack() as stack:
            for name, net in self.nets.items():
                tensors: dict[str, Tensor] = {**parameters[name], **buffers[name]}
                stack.enter_context(stateless._reparametrize_module(net, tensors, tie_weights=True))
            yield

    def _mapped(
        self,
        function: Callable[[Material, Tensors], Any],
        material: Material,
        members: int | None,
        learning: Tensors,
    ) -> Any:
        if members is None:
            return function(material, learning)

        def one(parameters: Any, buffers: Any, batch: Any, numbers: Any, learning: Any) -> Any:
            of = Material(parameters, buffers, batch, numbers)
            return function(of, learning)

        stacked = (material.parameters, material.buffers, material.batch, material.numbers)
        return vmap(one, randomness="error")(*stacked, learning)

    def _recorded(
        self, function: Callable[[], list[Tensor]], material: Material, members: int | None
    ) -> Program:
        """Raises UnfusableError with the words of vmap, or of the tape, if they reject it."""
        try:
            tape, _ = record(function, material.tensors)
        except TrainerError:
            raise
        except UnfusableError as error:
            raise UnfusableError(f"{type(self.trainer).__name__}: {error}") from None
        except (RuntimeError, NotImplementedError, ValueError, TypeError) as error:
            if members is None:
                raise
            raise UnfusableError(f"{type(self.trainer).__name__}: {error}") from error
        if members is not None:
            tape = own_words(tape, members)
            if self.is_exact:
                tape = one_by_one(whole_channels(tape, members), members)
        return Program(prepared(tape, members if self.is_exact else None), material.fixed)


def _row(tensors: Tensors, k: int) -> dict[str, Tensor]:
    return {name: tensor[k] for name, tensor in tensors.items()}


def _rows(gradients: Sequence[Tensor], fields: Sequence[Field], members: int | None) -> Tensor:
    """Gradients of the fields as rows, in the order in which the parameters lie."""
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
