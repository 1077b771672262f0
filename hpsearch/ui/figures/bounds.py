"""Whether the survivors press on an end of the space, or have left the range that they began in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from hpsearch.space import Choice, Domain, Int, Logint, Parameter, Scalar
from hpsearch.storage import Snapshot
from hpsearch.trial import Trial
from hpsearch.ui.figures import scales
from hpsearch.ui.formatting import counted

_OUTER = 0.05  # of a parameter's range on its own scale
_ENOUGH = 2  # one survivor at an end is no evidence


@dataclass(frozen=True)
class AtBound:
    """Most survivors lie where a parameter can go no further.

    Attributes:
        parameter: its name.
        side: of the range.
        bound: the range's end there, or that of its `within`.
        survivors: numbers of the trials that lie there.
        is_limit: whether the bound is an end of `within`, beyond the range.
    """

    parameter: str
    side: Literal["low", "high"]
    bound: float
    survivors: tuple[int, ...]
    is_limit: bool = False

    @property
    def key(self) -> str:
        """Of the study file, under which a parameter may go further."""
        return f"space.{self.parameter}.within"

    @property
    def end(self) -> str:
        """What an end would be that is further out."""
        return "lower" if self.side == "low" else "higher"

    def __str__(self) -> str:
        cure = (
            f"give {self.key} a {self.end} end"
            if self.is_limit
            else f"let it go there by {self.key}"
        )
        return (
            f"{self.parameter}: {len(self.survivors)} survivors press on its {self.side} end, "
            f"{self.bound:g}; better ones may lie beyond, {cure}"
        )


@dataclass(frozen=True)
class BeyondRange:
    """Survivors lie outside the range that a parameter began in.

    Attributes:
        parameter: its name.
        began: the range, low and high.
        survivors: numbers of the trials that lie outside.
    """

    parameter: str
    began: tuple[float, float]
    survivors: tuple[int, ...]

    def __str__(self) -> str:
        low, high = self.began
        return (
            f"{self.parameter}: {counted(len(self.survivors), 'survivor')} outside {low:g} .. "
            f"{high:g}, where the search began"
        )


def at_bound(s: Snapshot) -> tuple[AtBound, ...]:
    """The parameters that most of the latest survivors find too narrow.

    An end of `within` that is the range's own end is meant to hold, and is not among them; nor is
    a logint's 1, below which there is nothing.
    """
    found = []
    for parameter, having in _latest(s):
        domain = parameter.domain
        if isinstance(domain, Choice) or len(having) < _ENOUGH:
            continue
        begun = (domain.low, domain.high)
        sides: tuple[Literal["low", "high"], ...] = ("low", "high")
        for i, side in enumerate(sides):
            bound = domain.ends[i]
            closed = domain.within is not None and bound == begun[i]
            if closed or (isinstance(domain, Logint) and bound == 1):
                continue
            there = [t for t in having if _near(domain, t.spec.params[parameter.name], i)]
            # With few whole numbers an end is a likely value, and most at it is no news.
            coarse = isinstance(domain, Int | Logint) and domain.half_step(0.5) > _OUTER / 2
            enough = len(there) == len(having) if coarse else 2 * len(there) > len(having)
            if enough:
                is_limit = domain.within is not None
                found.append(AtBound(parameter.name, side, bound, _numbers(there), is_limit))
    return tuple(found)


def beyond_range(s: Snapshot) -> tuple[BeyondRange, ...]:
    """The parameters whose range some of the latest survivors have left."""
    found = []
    for parameter, having in _latest(s):
        domain = parameter.domain
        if isinstance(domain, Choice):
            continue
        began = (domain.low, domain.high)
        values = {t.spec.number: t.spec.params[parameter.name] for t in having}
        outside = [n for n, v in values.items() if not replace(domain, within=None).contains(v)]
        if outside:
            found.append(BeyondRange(parameter.name, began, tuple(outside)))
    return tuple(found)


def reached(s: Snapshot, parameter: Parameter) -> scales.Reach:
    """A parameter's range, and how far beyond it the search has gone."""
    name, domain = parameter.name, parameter.domain
    if isinstance(domain, Choice) or domain.within is None:
        return scales.RANGE
    return scales.reach(domain, (t.spec.params.get(name) for t in s.searched))


def latest_survivors(s: Snapshot, least: int = 1) -> tuple[int, ...]:
    """The trials chosen last, at least so many: for confirmation, or for the round at work."""
    for summary in reversed(s.rounds):
        for chosen in (summary.survivors, summary.parents):
            if len(chosen) >= least:
                return chosen
    return ()


def _latest(s: Snapshot) -> Iterator[tuple[Parameter, list[Trial]]]:
    """Each parameter with those of the latest survivors that have it."""
    survivors = [s.trial(number) for number in latest_survivors(s, _ENOUGH)]
    for parameter in s.space:
        name, domain = parameter.name, parameter.domain
        yield parameter, [t for t in survivors if domain.contains(t.spec.params.get(name))]


def _near(domain: Domain, value: Scalar, end: int) -> bool:
    assert not isinstance(domain, Choice)
    u, limit = domain.encode(value), domain.limits[end]
    return bool(value == domain.ends[end] or (u >= limit - _OUTER if end else u <= limit + _OUTER))


def _numbers(trials: Sequence[Trial]) -> tuple[int, ...]:
    return tuple(trial.spec.number for trial in trials)
