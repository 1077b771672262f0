"""Whether survivors lie at an end of the space, or outside the initial range."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from hpsearch.space import Choice, Domain, Int, Logint, Parameter, Scalar
from hpsearch.storage import Snapshot
from hpsearch.trial import Trial
from hpsearch.ui.figures import scales
from hpsearch.ui.formatting import counted

_MARGIN = 0.05  # distance to an end, as a share of the range on the parameter's scale
_MIN_SURVIVORS = 2  # one survivor at an end is no evidence


@dataclass(frozen=True)
class AtBound:
    """Most survivors lie at a bound of a parameter.

    Attributes:
        bound: the end of the range, or of its `within`.
        survivors: numbers of the trials at the bound.
        is_limit: whether the bound is an end of `within`.
    """

    parameter: str
    side: Literal["low", "high"]
    bound: float
    survivors: tuple[int, ...]
    is_limit: bool = False

    @property
    def key(self) -> str:
        """The key of the study file that sets how far the search may leave the range."""
        return f"space.{self.parameter}.within"

    @property
    def end(self) -> str:
        """How an end further out compares with the bound."""
        return "lower" if self.side == "low" else "higher"

    def __str__(self) -> str:
        cure = f"give {self.key} a {self.end} end" if self.is_limit else f"set {self.key}"
        return (
            f"{self.parameter}: {len(self.survivors)} survivors lie at its {self.side} end, "
            f"{self.bound:g}; to search beyond it, {cure}"
        )


@dataclass(frozen=True)
class BeyondRange:
    """Survivors lie outside a parameter's initial range.

    Attributes:
        initial: the range, low and high.
        survivors: numbers of the trials outside the range.
    """

    parameter: str
    initial: tuple[float, float]
    survivors: tuple[int, ...]

    def __str__(self) -> str:
        low, high = self.initial
        return (
            f"{self.parameter}: {counted(len(self.survivors), 'survivor')} outside "
            f"the initial range {low:g} .. {high:g}"
        )


def at_bound(s: Snapshot) -> tuple[AtBound, ...]:
    """The bounds at which most of the latest survivors lie.

    An end of `within` that equals the range's end is deliberate, and a logint cannot go below 1;
    neither is reported.
    """
    warnings = []
    for parameter, survivors in _latest(s):
        domain = parameter.domain
        if isinstance(domain, Choice) or len(survivors) < _MIN_SURVIVORS:
            continue
        initial = (domain.low, domain.high)
        sides: tuple[Literal["low", "high"], ...] = ("low", "high")
        for i, side in enumerate(sides):
            bound = domain.ends[i]
            closed = domain.within is not None and bound == initial[i]
            if closed or (isinstance(domain, Logint) and bound == 1):
                continue
            near = [t for t in survivors if _near(domain, t.spec.params[parameter.name], i)]
            # With few integers an end is a likely value, so all survivors must lie there.
            coarse = isinstance(domain, Int | Logint) and domain.half_step(0.5) > _MARGIN / 2
            if len(near) == len(survivors) if coarse else 2 * len(near) > len(survivors):
                numbers = tuple(t.spec.number for t in near)
                is_limit = domain.within is not None
                warnings.append(AtBound(parameter.name, side, bound, numbers, is_limit))
    return tuple(warnings)


def beyond_range(s: Snapshot) -> tuple[BeyondRange, ...]:
    """The parameters whose initial range some of the latest survivors have left."""
    notes = []
    for parameter, survivors in _latest(s):
        domain = parameter.domain
        if isinstance(domain, Choice):
            continue
        initial = replace(domain, within=None)
        outside = [t for t in survivors if not initial.contains(t.spec.params[parameter.name])]
        if outside:
            numbers = tuple(t.spec.number for t in outside)
            notes.append(BeyondRange(parameter.name, (domain.low, domain.high), numbers))
    return tuple(notes)


def searched_extent(s: Snapshot, parameter: Parameter) -> scales.Extent:
    """A parameter's range, widened to the trials of the search outside it."""
    name, domain = parameter.name, parameter.domain
    if isinstance(domain, Choice) or domain.within is None:
        return scales.UNIT
    return scales.extent(domain, (t.spec.params.get(name) for t in s.searched))


def latest_survivors(s: Snapshot, least: int = 1) -> tuple[int, ...]:
    """The last chosen trials, at least `least`: for confirmation, or for the current round."""
    for summary in reversed(s.rounds):
        for chosen in (summary.survivors, summary.parents):
            if len(chosen) >= least:
                return chosen
    return ()


def _latest(s: Snapshot) -> Iterator[tuple[Parameter, list[Trial]]]:
    """Each parameter with the latest survivors that have it."""
    survivors = [s.trial(number) for number in latest_survivors(s, _MIN_SURVIVORS)]
    for parameter in s.space:
        name, domain = parameter.name, parameter.domain
        yield parameter, [t for t in survivors if domain.contains(t.spec.params.get(name))]


def _near(domain: Domain, value: Scalar, end: int) -> bool:
    assert not isinstance(domain, Choice)
    u, limit = domain.encode(value), domain.limits[end]
    return bool(
        value == domain.ends[end] or (u >= limit - _MARGIN if end else u <= limit + _MARGIN)
    )
