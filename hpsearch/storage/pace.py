"""Time per training step, from the times of a trial's reports.

It is not a metric: all metrics of a trial are reproducible, and a time is not.
"""

from collections.abc import Sequence
from itertools import pairwise

from hpsearch.trial import Report


def step_seconds(reports: Sequence[Report]) -> list[tuple[int, float]]:
    """Seconds per step between consecutive reports, as (step of the later report, seconds).

    The cost of reports and checkpoints is included; in a fused group a step is one of all members.
    The first report of an attempt is left out, because its seconds include the start.
    """
    return [(after.step, seconds / steps) for after, seconds, steps in _between(reports)]


def mean_step_seconds(reports: Sequence[Report]) -> float | None:
    """Seconds per step over all intervals of `step_seconds`; None if there are none."""
    between = [(seconds, steps) for _, seconds, steps in _between(reports)]
    if not between:
        return None
    seconds, steps = map(sum, zip(*between, strict=True))
    return float(seconds / steps)


def _between(reports: Sequence[Report]) -> list[tuple[Report, float, int]]:
    """Each later report of an attempt with the seconds and the steps since the one before."""
    return [
        (after, after.seconds - before.seconds, after.step - before.step)
        for before, after in pairwise(reports)
        if after.seconds >= before.seconds and after.step > before.step
    ]
