"""The networks of a group's members as rows of flat tensors.

A row, of [members, row length], holds a network's parameters one after another, padded with zeros
where the member's network is narrower than the group's. Matrices are stored transposed, the layout
of their gradients. Every member keeps its own networks in its own shapes, whose parameters are
views of its row, for evaluations and checkpoints.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hpsearch.errors import TrainerError

_ALIGNMENT = 16  # elements; every parameter starts at a cache line


@dataclass(frozen=True)
class Field:
    """The position and layout of a parameter in a row.

    Attributes:
        shape: its padded shape, which the group shares.
        stored: its dimensions in memory order.
        row: elements of a row, including alignment.
    """

    name: str
    start: int
    shape: tuple[int, ...]
    stored: tuple[int, ...]
    row: int

    def of_rows(self, rows: Tensor) -> Tensor:
        """The parameter as a view [..., *shape] of rows [..., row length]."""
        stored_shape = [self.shape[i] for i in self.stored]
        length = math.prod(stored_shape)
        lead = rows.dim() - 1
        view = rows[..., self.start : self.start + length].view(*rows.shape[:-1], *stored_shape)
        order = [self.stored.index(i) + lead for i in range(len(self.stored))]
        return view.permute(*range(lead), *order)


class Stack:
    """One network of every member.

    Args:
        template: the network in the group's (padded) shapes, for its modules.
        members: each member's own network; its parameters become views of the rows.
        buffers: another stack's buffers [members, *shape] by name, to share them.

    Raises:
        TrainerError: a member's tensors do not fit into the template's.
    """

    def __init__(
        self,
        template: nn.Module,
        members: Sequence[nn.Module],
        device: str,
        buffers: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.template = template.to(device)
        self.members = list(members)
        for member in self.members:
            _check("parameter", dict(member.named_parameters()), dict(template.named_parameters()))
            _check("buffer", dict(member.named_buffers()), dict(template.named_buffers()))
        shapes = {name: tuple(p.shape) for name, p in template.named_parameters()}
        self.fields = _fields(shapes)
        length = self.fields[0].row if self.fields else 0
        dtype = next((p.dtype for p in template.parameters()), torch.float32)
        self.rows = torch.zeros(len(members), length, dtype=dtype, device=device)
        self.buffers = buffers or {
            name: torch.stack(
                [padded(dict(m.named_buffers())[name].to(device), b.shape) for m in members]
            )
            for name, b in template.named_buffers()
        }
        for k, member in enumerate(self.members):
            self._adopt(k, member, device)
        self.is_padded = any(
            tuple(p.shape) != shapes[name]
            for member in self.members
            for name, p in member.named_parameters()
        )

    @property
    def parameters(self) -> dict[str, Tensor]:
        """Views [members, *shape] by name; they stay valid while the rows are updated."""
        return {field.name: field.of_rows(self.rows) for field in self.fields}

    def views(self, k: int, row: Tensor) -> list[Tensor]:
        """Views in member k's own shapes of a row of parameters or of an optimizer's state."""
        own = dict(self.members[k].named_parameters())
        return [corner(field.of_rows(row), own[field.name].shape) for field in self.fields]

    def own_positions(self) -> Tensor:
        """Whether an element belongs to the member's network, not to padding: like `rows`, bool."""
        own = torch.zeros(self.rows.shape, dtype=torch.bool, device=self.rows.device)
        for k in range(len(self.members)):
            for view in self.views(k, own[k]):
                view.fill_(True)
        return own

    def _adopt(self, k: int, member: nn.Module, device: str) -> None:
        """Copy the member's parameters to its row, and make its tensors views of the stack."""
        own = dict(member.named_parameters())
        for field, view in zip(self.fields, self.views(k, self.rows[k]), strict=True):
            parameter = own[field.name].requires_grad_(False)
            view.copy_(parameter.to(device))
            parameter.data = view
        for name, buffer in member.named_buffers():
            buffer.data = corner(self.buffers[name][k], buffer.shape)


def _fields(shapes: Mapping[str, tuple[int, ...]]) -> list[Field]:
    starts, end = [], 0
    for shape in shapes.values():
        starts.append(end)
        end = _aligned(end + math.prod(shape))
    fields = []
    for (name, shape), start in zip(shapes.items(), starts, strict=True):
        order = tuple(range(len(shape)))
        fields.append(Field(name, start, shape, order[::-1] if len(shape) == 2 else order, end))
    return fields


def _aligned(length: int) -> int:
    return -(-length // _ALIGNMENT) * _ALIGNMENT


def corner(view: Tensor, shape: Sequence[int]) -> Tensor:
    """The leading part of a tensor, of the given shape, as a view."""
    for dimension, size in enumerate(shape):
        view = view.narrow(dimension, 0, size)
    return view


def padded(tensor: Tensor, shape: Sequence[int]) -> Tensor:
    if tuple(tensor.shape) == tuple(shape):
        return tensor
    padded = torch.zeros(shape, dtype=tensor.dtype, device=tensor.device)
    corner(padded, tensor.shape).copy_(tensor)
    return padded


def _check(kind: str, own: Mapping[str, Tensor], group: Mapping[str, Tensor]) -> None:
    """Raise a TrainerError unless a member's tensors fit into the group's."""
    for name, like in group.items():
        shape = tuple(own[name].shape) if name in own else None
        fits = shape is not None and len(shape) == like.dim()
        if shape is None or not fits or any(a > b for a, b in zip(shape, like.shape, strict=True)):
            raise TrainerError(
                f"{kind} {name} is {shape} in one trial of a group and {tuple(like.shape)} in "
                "the group's network; name the hyperparameter that decides this in structure"
            )
    if extra := own.keys() - group.keys():
        raise TrainerError(
            f"{kind}s {', '.join(sorted(extra))} are not in every trial of a group; name the "
            "hyperparameter that decides this in structure"
        )
