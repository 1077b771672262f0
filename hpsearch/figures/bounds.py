"""Whether the survivors press on an end of the space: the optimum may lie outside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hpsearch.snapshot import Snapshot
from hpsearch.space import Choice, Domain, Int, Logint, Scalar
from hpsearch.trial import Trial

_OUTER = 0.05  # of a parameter's range on its own scale
_ENOUGH = 2  # one survivor at an end is no evidence


@dataclass(frozen=True)
class Pressing:
    """Most survivors lie at one end of a parameter's range.

    Attributes:
        parameter: its name.
        side: of the range.
        bound: the range's end there.
        survivors: numbers of the trials that lie there.
    """

    parameter: str
    side: Literal["low", "high"]
    bound: float
    survivors: tuple[int, ...]

    def __str__(self) -> str:
        count = len(self.survivors)
        return (
            f"{self.parameter}: {count} survivors press on its {self.side} end, {self.bound:g}; "
            "a study whose range goes on beyond it may do better"
        )


def pressing(s: Snapshot) -> tuple[Pressing, ...]:
    """The parameters whose range most of the latest survivors find too narrow."""
    survivors = [s.trial(number) for number in latest_survivors(s, _ENOUGH)]
    found = []
    for parameter in s.space:
        domain = parameter.domain
        having = [
            t
            for t in survivors
            if parameter.name in t.spec.params and domain.contains(t.spec.params[parameter.name])
        ]
        if isinstance(domain, Choice) or len(having) < _ENOUGH:
            continue
        sides: tuple[tuple[Literal["low", "high"], float], ...] = (
            ("low", domain.low),
            ("high", domain.high),
        )
        for side, bound in sides:
            there = [t for t in having if _near(domain, t.spec.params[parameter.name], side)]
            # With few whole numbers an end is a likely value, and most at it is no news.
            coarse = isinstance(domain, Int | Logint) and domain.half_step(0.5) > _OUTER / 2
            enough = len(there) == len(having) if coarse else 2 * len(there) > len(having)
            if enough:
                found.append(Pressing(parameter.name, side, bound, _numbers(there)))
    return tuple(found)


def latest_survivors(s: Snapshot, least: int = 1) -> tuple[int, ...]:
    """The trials chosen last, at least so many: for confirmation, or for the round at work."""
    for summary in reversed(s.rounds):
        for chosen in (summary.survivors, summary.parents):
            if len(chosen) >= least:
                return chosen
    return ()


def _near(domain: Domain, value: Scalar, side: str) -> bool:
    assert not isinstance(domain, Choice)
    bound = domain.low if side == "low" else domain.high
    u = domain.encode(value)
    return bool(value == bound or (u <= _OUTER if side == "low" else u >= 1 - _OUTER))


def _numbers(trials: Sequence[Trial]) -> tuple[int, ...]:
    return tuple(trial.spec.number for trial in trials)
