"""What each step of a trial is, from its number alone: the phase, the rows, the noise."""

import torch
from torch import Tensor

from hpsearch.errors import TrainerError
from hpsearch.fusion.chance import Noise, order_of_rows
from hpsearch.fusion.trainer import Data, Trainer
from hpsearch.run import HP


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


class Batches:
    """The batch of any step: its rows of the training set, and its noise.

    Every step, of whichever phase, takes the next `batch_size` rows of the epoch's own order.
    """

    def __init__(self, trainer: Trainer, hp: HP, seed: int, device: str) -> None:
        data = trainer.data(hp)
        self._rows = _count_rows(type(trainer).__name__, data)
        self._size = int(data.batch_size)
        self._per_epoch = self._rows // self._size
        self._train = {name: tensor.to(device) for name, tensor in data.train.items()}
        self._noise = Noise(seed, trainer.noise(hp))
        self._seed = seed
        self._device = device
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.int64)

    def at(self, step: int) -> dict[str, Tensor]:
        epoch, place = divmod(step, self._per_epoch)
        if epoch != self._epoch:
            self._order = order_of_rows(self._seed, epoch, self._rows).to(self._device)
            self._epoch = epoch
        rows = self._order[place * self._size : (place + 1) * self._size]
        batch = {name: tensor.index_select(0, rows) for name, tensor in self._train.items()}
        for name, tensor in self._noise.at(step).items():
            batch[name] = tensor.to(self._device)
        return batch


def _count_rows(trainer: str, data: Data) -> int:
    counts = {name: len(tensor) for name, tensor in data.train.items()}
    if len(set(counts.values())) != 1:
        raise TrainerError(f"{trainer}.data: tensors must have equally many rows, got {counts}")
    rows = next(iter(counts.values()))
    if not 1 <= data.batch_size <= rows:
        raise TrainerError(
            f"{trainer}.data: batch_size must be in 1..{rows}, got {data.batch_size}"
        )
    return rows
