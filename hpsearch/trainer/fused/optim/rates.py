"""The learning rates of many trials on the device, each at its own update."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from hpsearch.trainer.schedule import GEOMETRIC, Schedule
from hpsearch.trainer.trainer import Optimizer

_STEADY = Schedule("constant", 1)


class Rates:
    """`Optimizer.rate` of every row, as one tensor function of the rows' updates."""

    def __init__(self, optimizers: Sequence[Optimizer], device: torch.device) -> None:
        schedules = [o.schedule or _STEADY for o in optimizers]

        def column(value: Callable[[Schedule], float]) -> Tensor:
            values = [[float(value(schedule))] for schedule in schedules]
            return torch.tensor(values, dtype=torch.float64, device=device)

        lrs = [[float(o.lr)] for o in optimizers]
        self._lr = torch.tensor(lrs, dtype=torch.float64, device=device)
        self._steady = all(s.kind == "constant" and s.warmup == 0 for s in schedules)
        self._warmup, self._length = column(lambda s: s.warmup), column(lambda s: s.length)
        self._final = column(lambda s: 1.0 if s.kind == "constant" else s.final)
        self._drops = column(lambda s: s.drops)
        # Masks of the rows of each kind.
        self._kinds = {
            kind: torch.tensor([[s.kind == kind] for s in schedules], device=device)
            for kind in sorted({s.kind for s in schedules} - {"constant"})
        }

    def at(self, updates: Tensor) -> Tensor:
        """The rates of the updates after `updates` others; both [K, 1], float64."""
        if self._steady:
            return self._lr
        done = (updates - self._warmup).clamp(min=0)
        whole = self._length - self._warmup
        factor = torch.ones_like(updates)
        for kind, rows in self._kinds.items():
            factor = torch.where(rows, self._descent(kind, done, whole), factor)
        factor = torch.where(updates >= self._length, self._final, factor)
        rising = (updates + 1) / (self._warmup + 1)
        return self._lr * torch.where(updates < self._warmup, rising, factor)

    def _descent(self, kind: str, done: Tensor, whole: Tensor) -> Tensor:
        if kind in GEOMETRIC:
            drops = torch.floor(done * self._drops / whole) / self._drops
            return self._final ** (drops if kind == "step" else done / whole)
        left = 1 - done / whole
        if kind == "cosine":
            left = (1 + torch.cos(math.pi * (done / whole))) / 2
        return self._final + (1 - self._final) * left
