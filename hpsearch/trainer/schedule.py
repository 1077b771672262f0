"""The learning rate over a trial's life, as a factor that is a function of the update's number.

Nothing is counted and nothing is saved: a trial that resumes, or that trains on from its parent's
checkpoint, asks for the factor of the update that it is at.
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from hpsearch.errors import TrainerError

Kind = Literal["constant", "linear", "cosine", "exponential", "step"]
KINDS: tuple[Kind, ...] = get_args(Kind)
GEOMETRIC = ("exponential", "step")  # multiply the factor again and again: it never comes to 0


@dataclass(frozen=True)
class Schedule:
    """How the learning rate of a phase goes from `lr` to `final * lr`.

    Attributes:
        kind: of the descent, from the end of the warm-up to `length`. A step schedule descends in
            `drops` equal divisions, the last of them at `length`; a constant one does not descend.
        length: updates of the phase after which the factor stays at `final`.
        warmup: updates over which the factor first rises linearly, from 1 / (warmup + 1).
        final: the fraction of `lr` at the end, in [0, 1]; a constant schedule does not read it.

    Raises:
        TrainerError: a field is out of its range; all that are wrong are named.
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
        """What `lr` is multiplied with in the update that follows `updates` others, in (0, 1]."""
        if updates < self.warmup:
            return (updates + 1) / (self.warmup + 1)
        if self.kind == "constant":
            return 1.0
        if updates >= self.length:
            return float(self.final)
        done, whole = updates - self.warmup, self.length - self.warmup
        final = float(self.final)
        match self.kind:
            case "linear":
                return final + (1 - final) * (1 - done / whole)
            case "cosine":  # Loshchilov & Hutter 2017, eq. 5
                return final + (1 - final) * (1 + math.cos(math.pi * (done / whole))) / 2
            case "exponential":
                return max(math.pow(final, done / whole), final)
            case "step":
                return max(math.pow(final, done * self.drops // whole / self.drops), final)
