"""Whether one mean is better than another: the difference, its uncertainty, and an honest word.

Trainings under the same seeds are compared seed by seed, which takes out what a seed does to both
(paired differences); others as two samples of unequal variance (Welch 1947).
"""

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass

_CONFIDENCE = 0.95
_ROUNDING = 1e-14


@dataclass(frozen=True)
class Difference:
    """The mean of b minus the mean of a, in the metric's own direction.

    Attributes:
        mean: of the differences.
        error: its standard error; None where there are too few values for one.
        half_width: of the 95 % confidence interval (Student's t); None likewise.
        count: seeds that were paired; of the smaller sample where they were not.
        paired: whether it was taken seed by seed.
    """

    mean: float
    error: float | None
    half_width: float | None
    count: int
    paired: bool

    @property
    def told_apart(self) -> bool:
        """Whether zero lies outside the interval."""
        return self.half_width is not None and abs(self.mean) > self.half_width

    def __str__(self) -> str:
        return f"{self.mean:+.3g}" + ("" if self.error is None else f" ± {self.error:.2g}")


def difference(a: Mapping[int, float], b: Mapping[int, float]) -> Difference:
    """How much larger b is than a.

    Args:
        a: values by seed, at least one.
        b: likewise; the two are paired when they share at least two seeds.
    """
    shared = sorted(a.keys() & b.keys())
    if len(shared) > 1:
        gaps = [b[seed] - a[seed] for seed in shared]
        error = statistics.stdev(gaps) / math.sqrt(len(gaps))
        if error < _ROUNDING * max(map(abs, (*a.values(), *b.values()))):
            error = 0.0  # as far as floats can tell
        half_width = _quantile(len(gaps) - 1) * error
        return Difference(statistics.fmean(gaps), error, half_width, len(gaps), True)
    return _welch(list(a.values()), list(b.values()))


def _welch(a: list[float], b: list[float]) -> Difference:
    mean = statistics.fmean(b) - statistics.fmean(a)
    count = min(len(a), len(b))
    if count < 2:
        return Difference(mean, None, None, count, False)
    parts = [statistics.variance(sample) / len(sample) for sample in (a, b)]
    error = math.sqrt(sum(parts))
    if not error:
        return Difference(mean, 0.0, 0.0, count, False)
    spread = sum(part**2 / (len(sample) - 1) for part, sample in zip(parts, (a, b), strict=True))
    freedom = error**4 / spread  # Welch and Satterthwaite's
    return Difference(mean, error, _quantile(freedom) * error, count, False)


def _quantile(freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + _CONFIDENCE) / 2))
