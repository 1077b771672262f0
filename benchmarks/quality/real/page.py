"""The results of the searches on real trainers, as a page and a plot."""

import math
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .search import SEEDS, TOP, WORKERS
from .task import ROOT

Row = Mapping[str, Any]

RESULTS = ROOT / "benchmarks" / "results"
FRACTIONS = (0.25, 0.5, 1.0)  # of the steps, at which the best value so far is compared
BOOTSTRAPS = 4000
OURS = "hpsearch"


def write(rows: Sequence[Row], targets: Mapping[str, Row]) -> None:
    searches = [row for row in rows if "alone_s" not in row]
    if not searches:
        return
    (RESULTS / "real.md").write_text(markdown(rows, targets), encoding="utf-8")
    plot(searches, targets, RESULTS / "real.svg")


def markdown(rows: Sequence[Row], targets: Mapping[str, Row]) -> str:
    searches = [row for row in rows if "alone_s" not in row]
    known = [row for row in searches if row["task"] in targets]
    blocks = [
        "# Our method and its peers on real trainers, at equal training steps",
        _introduction(),
        "![The best value seen so far by training steps](real.svg)",
    ]
    for task in _distinct(row["task"] for row in known):
        of_task = [row for row in known if row["task"] == task]
        alone = [row for row in rows if row["task"] == task and "alone_s" in row]
        blocks += _task(task, of_task, alone, targets[task])
    versions = {k: v for row in searches for k, v in row["versions"].items()}
    told = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    blocks.append(
        f"Versions: Python {platform.python_version()}, {told}; {platform.machine()} with "
        f"{os.cpu_count()} cores, one thread a search."
    )
    return "\n\n".join(blocks) + "\n"


def _introduction() -> str:
    return (
        "`PYTHONPATH=benchmarks python -m quality.real run`, the trainers and spaces of "
        "`studies/digits_classifier.yaml` and `studies/digits_gan.yaml`, on validation data. Every "
        f"search has {WORKERS} workers that train in ticks of one report and the same total of "
        "steps: what our method takes for its rounds of 25 trials, whose budgets double and whose "
        "3 survivors train on. A step is one update of one network by one trial. Peers are "
        "asynchronous and have their own defaults (`benchmarks/quality/real/peers.py`); a report "
        "is their unit of resource, a trial that was trained in full is not stopped, and no trial "
        "begins that could not be trained in full. ASHA is Ray's own scheduler over random draws, "
        "asked in this process without a cluster; successive halving draws at random too.\n\n"
        "*Steps to target*: trained by all workers until some trial first reports a value at or "
        "below the target, in whole trainings; the target is the median result of random search "
        "over seeds that nothing else uses (`benchmarks/quality/real/targets.json`). "
        "*Ticks to target* count what one worker trains meanwhile, in whole trainings too. *Best "
        "seen* is the lowest value reported by a share of the steps. *Confirmed*: the best "
        f"{TOP} fully trained trials are trained again from scratch under {SEEDS} fresh seeds, and "
        "the best mean counts; *test* is its mean on data that no search has seen. All are medians "
        "over seeds with a 95 % interval, a percentile bootstrap's. *Wins*: the share of seeds in "
        "which `hpsearch` has the lower confirmed value. *Proposing* is time outside "
        "training, for the whole search; *alone* is what seed 0's search took by itself on one "
        "core, its trials fused as far as those in flight agree."
    )


def _task(task: str, rows: Sequence[Row], alone: Sequence[Row], target: Row) -> list[str]:
    first = rows[0]
    methods = _distinct(row["method"] for row in rows)
    by = {
        m: sorted((r for r in rows if r["method"] == m), key=lambda r: r["seed"]) for m in methods
    }
    metric, level = target["metric"], target["target"]
    test = "test_fid" if metric == "fid" else "test_loss"
    spread = ", ".join(f"{value:.4g}" for value in target["of"])
    lines = [
        f"A whole training has {first['full']} steps and reports every {first['interval']}; a "
        f"search has {first['total']} steps, {first['total'] / first['full']:.4g} whole trainings. "
        f"Target: {metric} {level:.4g} (the median of {spread}).",
        "",
        "| method | seeds | trials | reached | steps to target | ticks to target | best seen at "
        + " | at ".join(f"{f:.0%}" for f in FRACTIONS)
        + " | confirmed | test | wins | proposing, s | alone, s |",
        "|" + "---|" * (11 + len(FRACTIONS)),
    ]
    for method in methods:
        of = by[method]
        reached = [reach(row, level) for row in of]
        seconds = [row["alone_s"] for row in alone if row["method"] == method]
        winners = [row["winner"] for row in of if "winner" in row]
        cells = [
            method,
            str(len(of)),
            f"{statistics.median(row['trials'] for row in of):.4g}",
            f"{sum(math.isfinite(steps) for steps, _ in reached)}",
            _told([steps / first["full"] for steps, _ in reached], 1),
            _told([ticks * first["interval"] / first["full"] for _, ticks in reached], 2),
            *(_told([seen(row, f * first["total"]) for row in of], 3) for f in FRACTIONS),
            _told([winner["mean"] for winner in winners], 4),
            _told([winner["test"][test] for winner in winners], 4),
            "" if method == OURS else _wins(by.get(OURS, []), of),
            f"{statistics.median(row['proposing_s'] for row in of):.2f}",
            f"{seconds[-1]:.1f}" if seconds else "",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return [f"## {task}", "\n".join(lines), _statement(by, level, first["full"])]


def _statement(by: Mapping[str, Sequence[Row]], level: float, full: int) -> str:
    """Who is ahead, in words."""
    steps = {m: statistics.median(reach(row, level)[0] for row in rows) for m, rows in by.items()}
    order = sorted(steps, key=lambda m: steps[m])
    found = {
        m: statistics.median(row["winner"]["mean"] for row in rows if "winner" in row)
        for m, rows in by.items()
        if any("winner" in row for row in rows)
    }
    best = sorted(found, key=lambda m: found[m])
    if OURS not in steps or OURS not in found:
        return ""

    def shown(method: str) -> str:
        reached = math.isfinite(steps[method])
        return f"{method} ({steps[method] / full:.3g})" if reached else f"{method} (not reached)"

    return (
        "To the target, by the median, in whole trainings: " + ", ".join(map(shown, order)) + ". "
        "By the confirmed value: " + ", ".join(f"{m} ({found[m]:.4g})" for m in best) + ". "
        f"`{OURS}` is number {order.index(OURS) + 1} of {len(order)} to the target and number "
        f"{best.index(OURS) + 1} of {len(best)} at the budget."
    )


def reach(row: Row, level: float) -> tuple[float, float]:
    """Steps and ticks until the best value was first at or below the level; infinite if never."""
    return next(
        ((steps, ticks) for steps, ticks, value in row["curve"] if value <= level),
        (math.inf, math.inf),
    )


def seen(row: Row, steps: float) -> float:
    """The best value within so many steps."""
    return min((v for s, _, v in row["curve"] if s <= steps), default=math.inf)


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Median and a 95 % percentile bootstrap over the values, which may be infinite."""
    given = np.sort(np.array(values, float))
    picks = np.random.default_rng(0).integers(len(given), size=(BOOTSTRAPS, len(given)))
    # The lower median of an even number: between a number and infinity there is no mean.
    medians = np.sort(given[np.sort(picks, axis=1)[:, (len(given) - 1) // 2]])
    low, high = medians[int(0.025 * BOOTSTRAPS)], medians[int(0.975 * BOOTSTRAPS) - 1]
    return float(statistics.median(values)), float(low), float(high)


def _told(values: Sequence[float], digits: int) -> str:
    if not values:
        return ""
    middle, low, high = (
        f"{value:.{digits}f}" if math.isfinite(value) else "never" for value in interval(values)
    )
    return f"{middle} [{low}, {high}]"


def _wins(ours: Sequence[Row], theirs: Sequence[Row]) -> str:
    """In how many seeds ours has the lower confirmed value; a tie is half a win."""
    other = {row["seed"]: row["winner"]["mean"] for row in theirs if "winner" in row}
    pairs = [(r["winner"]["mean"], other[r["seed"]]) for r in ours
             if "winner" in r and r["seed"] in other]  # fmt: skip
    if not pairs:
        return ""
    wins = np.array([0.5 if a == b else float(a < b) for a, b in pairs])
    picks = np.random.default_rng(0).choice(wins, (BOOTSTRAPS, len(wins))).mean(axis=1)
    low, high = np.quantile(picks, [0.025, 0.975])
    return f"{wins.mean():.2f} [{low:.2f}, {high:.2f}]"


def plot(rows: Sequence[Row], targets: Mapping[str, Row], path: Path) -> None:
    """The median of the best value seen so far, by steps, with quartiles."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "real"  # the same figures give the same file
    from matplotlib import pyplot

    tasks = _distinct(row["task"] for row in rows)
    figure, panels = pyplot.subplots(
        1, len(tasks), figsize=(6 * len(tasks), 4.5), layout="constrained", squeeze=False
    )
    for panel, task in zip(panels[0], tasks, strict=True):
        of_task = [row for row in rows if row["task"] == task]
        first = of_task[0]
        at = np.linspace(first["total"] / 60, first["total"], 60)
        for method in _distinct(row["method"] for row in of_task):
            of = [row for row in of_task if row["method"] == method]
            values = np.array([[seen(row, steps) for steps in at] for row in of])
            low, middle, high = np.quantile(values, [0.25, 0.5, 0.75], axis=0, method="nearest")
            width = 2.2 if method.startswith(OURS) else 1.2
            panel.plot(at / first["full"], middle, label=method, linewidth=width)
            panel.fill_between(at / first["full"], low, high, alpha=0.1, linewidth=0)
        if task in targets:
            level = targets[task]["target"]
            panel.axhline(level, color="black", linewidth=0.8, linestyle=":", label="target")
            panel.set_ylabel(f"best {targets[task]['metric']} seen so far")
        panel.set_yscale("log")
        panel.set_title(task)
        panel.set_xlabel("steps, in whole trainings")
    panels[0][-1].legend(fontsize=7)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _distinct(values: Any) -> list[str]:
    return list(dict.fromkeys(values))
