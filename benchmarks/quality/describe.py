"""Writes results/quality_tasks.md: what the tasks are, and how far the learned ones can be trusted.

python -m quality.describe      # from benchmarks/, with the extra [bench] installed
"""

import csv
import json
from pathlib import Path

import numpy as np

from hpsearch.space import Choice, Int, Logint, Loguniform, Space

from .fit_surrogates import FIGURES
from .levels import truth_at
from .problem import DATA
from .spaces import SPACES
from .tasks import Task, load, names

PAGE = Path(__file__).parents[1] / "results" / "quality_tasks.md"
DRAWS, GOOD = 1000, 100

OPENING = """# Tasks of the search benchmark

Written by `benchmarks/quality/describe.py`. Lower is better. A regret is
(truth − best) / (median − best): 0 at the best known truth, 1 at the median of 10,000 plain random
draws. Noise is the standard deviation of what an optimizer is told about the truth, on the same
scale, at the best tenth of 1,000 random draws. Kinds: f float, l log scale, i int, c choice; "if"
of them have conditions. The two sides were written down in `benchmarks/quality/split.toml` before
any optimizer had run, but for the five functions of `smooth.py`, which joined the development side
later.
"""
TABLES = """
The tables hold networks that others trained. HPOBench's is interpolated between its grid points,
in the logarithm of all but the depth, so its noise between them is one neighbour's. The best known
truth of a table is its best mean over seeds, which is a little lucky.
"""
LEARNED = """
## What was trained here

2,000 configurations a space and more, really trained by `train_tables.py`, 100 or 200 of them under
three seeds; the rows are `benchmarks/quality/data/*.csv`. The function is the average of 40
extremely randomised trees and a Gaussian process, kept as arrays, so that it is not at home in
either family of optimizers. Spearman's rank correlation with values under one seed, in five folds;
"two seeds" is the correlation of two seeds of one configuration, which is what noise allows. Noise
is the standard deviation between seeds, in the value's unit. A value has a deviation really seen at
its level.

| space | trained | forest | process | both | two seeds | noise | of the best fifth |
|---|--:|--:|--:|--:|--:|--:|--:|
"""


def kinds(space: Space) -> str:
    found = {"f": 0, "l": 0, "i": 0, "c": 0}
    for parameter in space:
        match parameter.domain:
            case Choice():
                found["c"] += 1
            case Int():
                found["i"] += 1
            case Loguniform() | Logint():
                found["l"] += 1
            case _:
                found["f"] += 1
    conditional = sum(bool(parameter.when) for parameter in space)
    text = " ".join(f"{count}{kind}" for kind, count in found.items() if count)
    return f"{text}, {conditional} if" if conditional else text


def noise(task: Task) -> float:
    """Of values about the truth near the best, over median - best."""
    units = np.random.default_rng(1).random((DRAWS, len(task.space)))
    truths = np.array([truth_at(task.problem, unit) for unit in units])
    off = []
    for k in np.argsort(truths, kind="stable")[:GOOD]:
        params = task.space.decode(units[k])
        off += [task.value(params, seed) - truths[k] for seed in range(5)]
    return float(np.sqrt(np.mean(np.square(off)))) / (task.median - task.best)


def row(task: Task) -> str:
    return (
        f"| {task.name} | {len(task.space)} | {kinds(task.space)} | {noise(task):.3f} "
        f"| {task.best:.4g} | {task.median:.4g} | {task.problem.about} |"
    )


def learned(name: str, figures: dict[str, float]) -> str:
    with (DATA / f"{name}.csv").open() as file:
        rows = sum(1 for _ in csv.reader(file)) - 1
    told = [figures[k] for k in ("forest", "process", "both", "seeds")]
    correlations = " | ".join(f"{value:.3f}" for value in told)
    deviations = f"{figures['noise']:.3f} | {figures['noise of the best fifth']:.3f}"
    return f"| {name} | {rows} | {correlations} | {deviations} |"


def page() -> str:
    head = "\n| task | parameters | kinds | noise | best | median | what it is |\n" + (
        "|---|--:|---|--:|--:|--:|---|\n"
    )
    sides = [("Development", names("development")), ("Held out", names("held_out"))]
    text = OPENING
    for title, side in sides:
        rows, missing = [], []
        for name in side:
            try:
                rows.append(row(load(name)))
            except (ImportError, LookupError, OSError) as error:
                missing.append(f"Missing: {name} ({error})")
        text += f"\n## {title}: {len(side)} tasks\n{head}" + "\n".join([*rows, "", *missing])
    figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    rows = [learned(name, figures[name]) for name in SPACES if name in figures]
    return text.rstrip() + "\n" + TABLES + LEARNED + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
    print(PAGE.read_text())
