"""What each step of a trial is, from its number alone: the phase, the rows, the noise."""

import torch
from torch import Tensor

from hpsearch.errors import TrainerError
from hpsearch.trainer.randomness import Noise, order_of_rows
from hpsearch.trainer.run import HP
from hpsearch.trainer.trainer import Data, Trainer


def cycle(trainer: Trainer, hp: HP) -> tuple[str, ...]:
    """The phases of consecutive steps, over and over: each phase in turn, `repeats` times."""
    turns = tuple(phase for phase in trainer.phases for _ in range(int(trainer.repeats(phase, hp))))
    if not turns:
        raise TrainerError(f"{type(trainer).__name__}: no phase has a step (repeats are all 0)")
    return turns


def updates_before(step: int, phase: str, turns: tuple[str, ...]) -> int:
    """How many of the steps 0 .. step - 1 were the phase's own, where `turns` is the cycle."""
    rounds, rest = divmod(step, len(turns))
    return rounds * turns.count(phase) + turns[:rest].count(phase)


class Order:
    """The rows of any step.

    Every step, of whichever phase, takes the next `size` rows of the epoch's own order.
    """

    def __init__(self, seed: int, rows: int, size: int) -> None:
        self._seed, self._rows, self._size = seed, rows, size
        self._per_epoch = rows // size
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.int64)

    def at(self, step: int) -> Tensor:
        """Positions in the training set, [size], int64, on the CPU."""
        epoch, place = divmod(step, self._per_epoch)
        if epoch != self._epoch:
            self._order = order_of_rows(self._seed, epoch, self._rows)
            self._epoch = epoch
        return self._order[place * self._size : (place + 1) * self._size]


class Batches:
    """The batch of any step of one trial: its rows of the training set, and its noise."""

    def __init__(self, trainer: Trainer, hp: HP, seed: int, device: str) -> None:
        data = trainer.data(hp)
        rows = count_rows(type(trainer).__name__, data)
        self._order = Order(seed, rows, int(data.batch_size))
        self._train = {name: tensor.to(device) for name, tensor in data.train.items()}
        self._noise = Noise(seed, trainer.noise(hp))
        self._device = device

    def at(self, step: int, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
        """By name; noise in the networks' `dtype`."""
        rows = self._order.at(step).to(self._device)
        batch = {name: tensor.index_select(0, rows) for name, tensor in self._train.items()}
        for name, tensor in self._noise.at(step).items():
            batch[name] = tensor.to(self._device, dtype)
        return batch


def count_rows(trainer: str, data: Data) -> int:
    """Of the training set.

    Raises:
        TrainerError: its tensors differ in length, or a batch is larger than it.
    """
    counts = {name: len(tensor) for name, tensor in data.train.items()}
    if len(set(counts.values())) != 1:
        raise TrainerError(f"{trainer}.data: tensors must have equally many rows, got {counts}")
    rows = next(iter(counts.values()))
    if not 1 <= data.batch_size <= rows:
        raise TrainerError(
            f"{trainer}.data: batch_size must be in 1..{rows}, got {data.batch_size}"
        )
    return rows
