"""How long a step takes, from the times of a trial's reports.

It is no metric: a time is never the same twice, and the rest of a trial's record is.
"""

from collections.abc import Sequence
from itertools import pairwise

from hpsearch.trial import Report


def step_seconds(reports: Sequence[Report]) -> list[tuple[int, float]]:
    """Seconds a step since the report before, by the later one's step.

    What a report and a checkpoint cost is part of it, and where trials share a loop it is a step of
    all of them. The first report has none, since its seconds hold the start too. Nor has one before
    which the trial was begun again: seconds count from the start of an attempt, so there they fall.
    """
    return [(after.step, seconds / steps) for after, seconds, steps in _between(reports)]


def mean_step_seconds(reports: Sequence[Report]) -> float | None:
    """Seconds a step over all that `paces` holds; None if that is nothing."""
    between = [(seconds, steps) for _, seconds, steps in _between(reports)]
    if not between:
        return None
    seconds, steps = map(sum, zip(*between, strict=True))
    return float(seconds / steps)


def _between(reports: Sequence[Report]) -> list[tuple[Report, float, int]]:
    """Each later report with the seconds and the steps since the one before."""
    return [
        (after, after.seconds - before.seconds, after.step - before.step)
        for before, after in pairwise(reports)
        if after.seconds >= before.seconds and after.step > before.step
    ]
