"""The phase, rows and noise of a trial's step, as functions of the step's number."""

import torch
from torch import Tensor

from hpsearch.errors import TrainerError
from hpsearch.trainer.randomness import Noise, row_order
from hpsearch.trainer.run import HP
from hpsearch.trainer.trainer import Data, Trainer


def cycle(trainer: Trainer, hp: HP) -> tuple[str, ...]:
    """The phases of consecutive steps, which repeat: each phase in turn, `repeats` times."""
    phases = tuple(p for p in trainer.phases for _ in range(int(trainer.repeats(p, hp))))
    if not phases:
        raise TrainerError(f"{type(trainer).__name__}: no phase has a step (repeats are all 0)")
    return phases


def updates_before(step: int, phase: str, phases: tuple[str, ...]) -> int:
    """How many of the steps 0 .. step - 1 update a phase, where `phases` is the cycle."""
    cycles, rest = divmod(step, len(phases))
    return cycles * phases.count(phase) + phases[:rest].count(phase)


class RowOrder:
    """The rows of any step: each step, of whichever phase, takes the next `size` of its epoch."""

    def __init__(self, seed: int, rows: int, size: int) -> None:
        self._seed, self._rows, self._size = seed, rows, size
        self._per_epoch = rows // size
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.int64)

    def at(self, step: int) -> Tensor:
        """Positions in the training set, [size], int64, on the CPU."""
        epoch, index = divmod(step, self._per_epoch)
        if epoch != self._epoch:
            self._order = row_order(self._seed, epoch, self._rows)
            self._epoch = epoch
        return self._order[index * self._size : (index + 1) * self._size]


class Batches:
    """The batch of any step of one trial: its rows of the training set, and its noise.

    Raises:
        TrainerError: the tensors differ in length, or a batch is larger than the training set.
    """

    def __init__(self, trainer: Trainer, hp: HP, seed: int, device: str) -> None:
        data = trainer.data(hp)
        rows = count_rows(type(trainer).__name__, data)
        self.train = {name: tensor.to(device) for name, tensor in data.train.items()}
        self.batch_size = int(data.batch_size)
        self.order = RowOrder(seed, rows, self.batch_size)
        self.noise = Noise(seed, trainer.noise(hp))
        self._device = device

    def at(self, step: int, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
        """Tensors by name; noise in `dtype`."""
        rows = self.order.at(step).to(self._device)
        batch = {name: tensor.index_select(0, rows) for name, tensor in self.train.items()}
        for name, tensor in self.noise.at(step).items():
            batch[name] = tensor.to(self._device, dtype)
        return batch


def count_rows(trainer: str, data: Data) -> int:
    """The number of rows of a training set; raises what `Batches` does."""
    counts = {name: len(tensor) for name, tensor in data.train.items()}
    if len(set(counts.values())) != 1:
        raise TrainerError(f"{trainer}.data: tensors must have equally many rows, got {counts}")
    rows = next(iter(counts.values()))
    if not 1 <= data.batch_size <= rows:
        raise TrainerError(
            f"{trainer}.data: batch_size must be in 1..{rows}, got {data.batch_size}"
        )
    return rows
