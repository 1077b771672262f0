"""Writes data/curves.json: levels of the curve tasks, and how early ranks tell late ones.

    python -m quality.curve_levels [NAME ...]       # from benchmarks/

The median is of 5,000 draws from the prior. The best is the least of the draws and of random steps
from the best of them, or the literature's where that is lower; so it is an upper bound.
"""

import json
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from .curve_tables import TRAINED
from .curve_tasks import LEVELS, load, names
from .curved import Curved
from .levels import step

DRAWS, STARTS, STEPS = 5000, 50, 150
SHARES = (32, 16, 8, 4, 2)  # parts of a whole training
BESTS = {"branin": 0.397887, "hartmann6": -3.32237, "hurried": -3.32237}  # functions.py


def figures(task: Curved) -> dict[str, Any]:
    """`levels`, and Spearman's correlation of noisy early values with truths, `ranks` by share."""
    random = np.random.default_rng(0)
    units = random.random((DRAWS, len(task.space)))
    truths = task.truths(units.tolist())
    order = np.argsort(truths, kind="stable")[:STARTS]
    points, best = units[order], truths[order]
    for _ in range(STEPS):
        tried = np.array([step(task.space, point, random) for point in points])
        found = task.truths(tried.tolist())
        better = found <= best
        points, best = np.where(better[:, None], tried, points), np.minimum(best, found)
    least = min(float(best.min()), BESTS.get(task.name, np.inf))
    ranks = {
        f"1/{share}": correlation(task, units[:1000].tolist(), truths[:1000], share)
        for share in (*SHARES, 1)
    }
    return {
        "family": task.family,
        "about": task.about,
        "levels": {"best": least, "median": float(np.median(truths))},
        "ranks": ranks,
        "of the better half": {
            f"1/{share}": correlation(
                task, units[:1000][truths[:1000] < np.median(truths)].tolist(),
                truths[:1000][truths[:1000] < np.median(truths)], share,
            )
            for share in (*SHARES, 1)
        },
    }  # fmt: skip


def correlation(task: Curved, units: Sequence[Sequence[float]], truths: Any, share: int) -> float:
    seen = task.values(units, round(task.full / share), 0)
    return round(float(spearmanr(seen, truths)[0]), 3)


def main(chosen: Sequence[str]) -> None:
    known = json.loads(LEVELS.read_text()) if LEVELS.exists() else {}
    for name in chosen or names():
        known[name] = figures(load(name))
        if name in TRAINED:
            from .curve_model import cross_validated, table

            fit, seeds = cross_validated(table(name))
            known[name] |= {"fit": round(fit, 3), "seeds": round(seeds, 3)}
        print(name, known[name], flush=True)
        ordered = {name: known[name] for name in names() if name in known}
        LEVELS.write_text(json.dumps(ordered, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
