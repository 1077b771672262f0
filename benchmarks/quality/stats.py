"""Ranks, wins and means over benchmarks, with bootstrapped intervals.

Everything here takes an array per task whose first axis is the seeds. An estimate is the mean over
tasks of the mean over seeds, so every benchmark weighs the same whatever its number of seeds.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Array = NDArray[np.float64]
REPEATS = 1000
LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean and its interval, each of the shape of one seed's values."""

    mean: Array
    low: Array
    high: Array

    def __str__(self) -> str:
        """For one number."""
        return f"{self.mean:.2f} [{self.low:.2f}, {self.high:.2f}]"


def wins(ours: Array, theirs: Array) -> Array:
    """1 where ours is lower, 1/2 for a tie, else 0."""
    return np.asarray((ours < theirs) + 0.5 * (ours == theirs), dtype=float)


def ranks(values: Array) -> Array:
    """Ranks along the last axis, 1 for the lowest; ties share their mean rank."""
    return np.asarray(rankdata(values, axis=-1), dtype=float)


def estimate(
    values: Mapping[str, Array],
    families: Mapping[str, str],
    *,
    repeats: int = REPEATS,
    seed: int = 0,
) -> Estimate:
    """Mean over tasks and its percentile interval from a bootstrap in three levels.

    Families are drawn with replacement, in each as many tasks as it has, in each as many seeds
    (Davison & Hinkley 1997, sec. 3.8: resampling of hierarchical data).

    Args:
        values: by task, shape [seeds, ...]; at least one task, each with at least one seed.
        families: of the tasks.
        repeats: of the bootstrap.
        seed: of the bootstrap.
    """
    members: dict[str, list[Array]] = {}
    for task, array in values.items():
        members.setdefault(families[task], []).append(np.asarray(array, dtype=float))
    groups = list(members.values())
    mean = np.mean([array.mean(axis=0) for group in groups for array in group], axis=0)
    random = np.random.default_rng(seed)
    means = []
    for _ in range(repeats):
        picked = []
        for i in random.integers(len(groups), size=len(groups)):
            group = groups[i]
            for j in random.integers(len(group), size=len(group)):
                array = group[j]
                picked.append(array[random.integers(len(array), size=len(array))].mean(axis=0))
        means.append(np.mean(picked, axis=0))
    edge = (1 - LEVEL) / 2
    low, high = np.quantile(means, [edge, 1 - edge], axis=0)
    return Estimate(np.asarray(mean), np.asarray(low), np.asarray(high))
