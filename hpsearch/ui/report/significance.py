"""Whether one mean is better than another: the difference and its confidence interval.

Trainings under the same seeds are compared seed by seed, which takes out what a seed does to both
(paired differences); others as two samples of unequal variance (Welch 1947).
"""

import math
import statistics
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

_CONFIDENCE = 0.95
_ROUNDING = 1e-14  # smaller errors, relative to the values, are rounding errors


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
    from scipy import stats

    shared = sorted(a.keys() & b.keys())
    paired = len(shared) > 1
    values_a = [a[seed] for seed in shared] if paired else list(a.values())
    values_b = [b[seed] for seed in shared] if paired else list(b.values())
    mean = statistics.fmean(values_b) - statistics.fmean(values_a)
    count = min(len(values_a), len(values_b))
    if count < 2:
        return Difference(mean, None, None, count, paired)
    if paired:
        gaps = [y - x for x, y in zip(values_a, values_b, strict=True)]
        mean, error = statistics.fmean(gaps), float(stats.sem(gaps))
    else:
        error = math.hypot(stats.sem(values_a), stats.sem(values_b))
    if error < _ROUNDING * max(map(abs, (*values_a, *values_b))) or not error:
        return Difference(mean, 0.0, 0.0, count, paired)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # one sample may be constant
        test = (
            stats.ttest_rel(values_b, values_a)
            if paired
            else stats.ttest_ind(values_b, values_a, equal_var=False)
        )
    interval = test.confidence_interval(_CONFIDENCE)
    return Difference(mean, error, float(interval.high - interval.low) / 2, count, paired)
