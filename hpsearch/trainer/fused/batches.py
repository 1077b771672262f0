"""The batches of a group's members, in tensors that stay where they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hpsearch.errors import TrainerError
from hpsearch.trainer.randomness import Noise
from hpsearch.trainer.run import HP
from hpsearch.trainer.steps import Order, count_rows
from hpsearch.trainer.trainer import Data, Trainer


@dataclass(frozen=True)
class Source:
    """Where one member's batches come from."""

    data: Data
    order: Order
    noise: Noise

    @classmethod
    def of(cls, trainer: Trainer, hp: HP, seed: int) -> "Source":
        data = trainer.data(hp)
        rows = count_rows(type(trainer).__name__, data)
        return cls(data, Order(seed, rows, int(data.batch_size)), Noise(seed, trainer.noise(hp)))


class Feed:
    """Batches [members, rows of a batch, ...] and noise [members, ...].

    Args:
        sources: of each member.
        noise: the group's shapes; a member's own smaller noise lies in their leading corner, with
            zeros around it, and what a member has none of is zero.
        dtype: of the noise.
        device: where the batches are used.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        noise: Mapping[str, tuple[int, ...]],
        dtype: torch.dtype,
        device: str,
    ) -> None:
        self._sources = list(sources)
        self._noise = dict(noise)
        self._dtype = dtype
        self._device = device
        self._train = [
            None if (t := _common(self._sources, name)) is None else t.to(device)
            for name in sources[0].data.train
        ]
        count, first = len(self._sources), self._sources[0].data
        self._size = int(first.batch_size)
        if any(int(s.data.batch_size) != self._size for s in self._sources):
            raise TrainerError("batch_size differs within a group; name it in structure")
        self._rows = torch.arange(self._size).repeat(count)
        self._rows_of = [part.numpy() for part in self._rows.view(count, self._size)]
        self.batch: dict[str, Tensor] = {}
        for name, tensor in first.train.items():
            shape = (count, self._size, *tensor.shape[1:])
            self.batch[name] = torch.zeros(shape, dtype=tensor.dtype, device=self._device)
        self._staged = {
            name: torch.zeros((count, *shape), dtype=self._dtype)
            for name, shape in self._noise.items()
        }
        for name, staged in self._staged.items():
            self.batch[name] = staged if self._device == "cpu" else staged.to(self._device)
        self._corners: list[dict[str, Any]] = [
            {
                name: _corner(self._staged[name][k], shape)
                for name, shape in source.noise.shapes.items()
            }
            for k, source in enumerate(self._sources)
        ]
        self.fill([(k, 0) for k in range(count)])

    def fill(self, steps: Sequence[tuple[int, int]]) -> None:
        """Lay out the batches of (member, step) pairs; the other members keep what they had."""
        for k, step in steps:
            source = self._sources[k]
            self._rows_of[k][:] = source.order.at(step).numpy()
            for name, tensor in source.noise.at(step).items():
                self._corners[k][name][...] = tensor.numpy()
        for common, (name, tensor) in zip(
            self._train, self._sources[0].data.train.items(), strict=True
        ):
            place = self.batch[name]
            if common is not None:
                rows = self._rows if self._device == "cpu" else self._rows.to(self._device)
                torch.index_select(common, 0, rows, out=place.flatten(0, 1))
                continue
            for k, _ in steps:
                own = self._sources[k].data.train[name]
                rows = self._rows.view(len(self._sources), -1)[k]
                place[k].copy_(own.index_select(0, rows).to(tensor.dtype))
        if self._device != "cpu":
            for name, staged in self._staged.items():
                self.batch[name].copy_(staged)


def _common(sources: Sequence[Source], name: str) -> Tensor | None:
    """The tensor that all members train on, if it is one."""
    first = sources[0].data.train[name]
    for source in sources[1:]:
        other = source.data.train[name]
        if other is not first and not (other.shape == first.shape and torch.equal(other, first)):
            return None
    return first


def _corner(place: Tensor, shape: Sequence[int]) -> Any:
    """The leading part of a member's place, as an array that shares its memory."""
    for dimension, size in enumerate(shape):
        place = place.narrow(dimension, 0, size)
    return place.numpy()
