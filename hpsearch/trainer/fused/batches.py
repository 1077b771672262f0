"""The batches of a group's members, in tensors at fixed addresses."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from hpsearch.errors import TrainerError
from hpsearch.trainer.fused.stack import corner
from hpsearch.trainer.steps import Batches


class StackedBatches:
    """Batches [members, batch size, ...] and noise [members, ...].

    Args:
        noise: the group's shapes; smaller noise of a member is padded with zeros, and noise that
            a member lacks is zero.

    Raises:
        TrainerError: the members differ in batch size.
    """

    def __init__(
        self,
        members: Sequence[Batches],
        noise: Mapping[str, tuple[int, ...]],
        dtype: torch.dtype,
        device: str,
    ) -> None:
        self._members = list(members)
        self._device = device
        self._shared = {
            name: None if (tensor := _shared_tensor(members, name)) is None else tensor.to(device)
            for name in members[0].train
        }
        count, size = len(members), members[0].batch_size
        if any(batches.batch_size != size for batches in members):
            raise TrainerError("batch_size differs within a group; name it in structure")
        self._rows = torch.arange(size).repeat(count)
        self._rows_of = [rows.numpy() for rows in self._rows.view(count, size)]
        self.batch: dict[str, Tensor] = {
            name: torch.zeros((count, size, *like.shape[1:]), dtype=like.dtype, device=device)
            for name, like in members[0].train.items()
        }
        # Noise is drawn on the CPU.
        self._staged = {
            name: torch.zeros((count, *shape), dtype=dtype) for name, shape in noise.items()
        }
        for name, staged in self._staged.items():
            self.batch[name] = staged if device == "cpu" else staged.to(device)
        self._noise_of: list[dict[str, Any]] = [
            {
                name: corner(self._staged[name][k], shape).numpy()
                for name, shape in batches.noise.shapes.items()
            }
            for k, batches in enumerate(members)
        ]
        self.fill([(k, 0) for k in range(count)])

    def fill(self, steps: Sequence[tuple[int, int]]) -> None:
        """Load the batches of (member, step) pairs; the other members keep theirs."""
        for k, step in steps:
            batches = self._members[k]
            self._rows_of[k][:] = batches.order.at(step).numpy()
            for name, tensor in batches.noise.at(step).items():
                self._noise_of[k][name][...] = tensor.numpy()
        for name, shared in self._shared.items():
            target = self.batch[name]
            if shared is not None:
                rows = self._rows if self._device == "cpu" else self._rows.to(self._device)
                torch.index_select(shared, 0, rows, out=target.flatten(0, 1))
                continue
            for k, _ in steps:
                own = self._members[k].train[name]
                rows = self._rows.view(len(self._members), -1)[k]
                target[k].copy_(own.index_select(0, rows).to(target.dtype))
        if self._device != "cpu":
            for name, staged in self._staged.items():
                self.batch[name].copy_(staged)


def _shared_tensor(members: Sequence[Batches], name: str) -> Tensor | None:
    """The tensor that all members train on; None if they differ."""
    first = members[0].train[name]
    for batches in members[1:]:
        other = batches.train[name]
        if other is not first and not (other.shape == first.shape and torch.equal(other, first)):
            return None
    return first
