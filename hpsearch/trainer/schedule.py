"""Learning rate schedules: a factor as a function of the update's number.

A schedule has no state, so that resumed and continued trials need nothing from a checkpoint.
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from hpsearch.errors import TrainerError

Kind = Literal["constant", "linear", "cosine", "exponential", "step"]
KINDS: tuple[Kind, ...] = get_args(Kind)
GEOMETRIC = ("exponential", "step")  # repeated multiplication, which never reaches 0


@dataclass(frozen=True)
class Schedule:
    """How the learning rate of a phase goes from `lr` to `final * lr`.

    Attributes:
        kind: the form of the descent from the end of the warm-up to `length`. A step schedule
            makes `drops` equal divisions, the last at `length`; a constant one does not descend.
        length: updates of the phase after which the factor stays at `final`.
        warmup: updates over which the factor first rises linearly, from 1 / (warmup + 1).
        final: the fraction of `lr` at the end, in [0, 1]; ignored by a constant schedule.

    Raises:
        TrainerError: fields are out of their ranges; the message names all of them.
    """

    kind: Kind
    length: int
    warmup: int = 0
    final: float = 0.0
    drops: int = 3

    def __post_init__(self) -> None:
        faults = []
        if self.kind not in KINDS:
            faults.append(f"kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if not self.warmup >= 0:
            faults.append(f"warmup must be at least 0, got {self.warmup}")
        elif not self.length > self.warmup:
            faults.append(f"length must be above warmup ({self.warmup}), got {self.length}")
        if not 0 <= self.final <= 1:
            faults.append(f"final must be in [0, 1], got {self.final}")
        elif self.final == 0 and self.kind in GEOMETRIC:
            faults.append(f"final must be above 0 for kind {self.kind}, got {self.final}")
        if not self.drops >= 1:
            faults.append(f"drops must be at least 1, got {self.drops}")
        if faults:
            raise TrainerError(f"schedule: {'; '.join(faults)}")

    def factor(self, updates: int) -> float:
        """The factor of `lr`, in [0, 1], in the update after `updates` others of the phase."""
        if updates < self.warmup:
            return (updates + 1) / (self.warmup + 1)
        if self.kind == "constant":
            return 1.0
        if updates >= self.length:
            return float(self.final)
        done, total = updates - self.warmup, self.length - self.warmup
        final = float(self.final)
        match self.kind:
            case "linear":
                return final + (1 - final) * (1 - done / total)
            case "cosine":  # Loshchilov & Hutter 2017, eq. 5
                return final + (1 - final) * (1 + math.cos(math.pi * (done / total))) / 2
            case "exponential":
                return max(math.pow(final, done / total), final)
            case "step":
                return max(math.pow(final, done * self.drops // total / self.drops), final)
