"""The report of a shootout: who finds the better trial, how surely, at what cost, and where not.

text(results, split)      # Markdown, from results.collect of every regime
"""

import os
import platform
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .optimizers import ENTRIES, spec
from .regimes import REGIMES, SPREAD
from .results import Results
from .stats import Estimate, estimate

WORST = 8  # rows of the table of losses
TITLES = {
    "batch-100": "Batches of 25, 100 trials",
    "batch-250": "Batches of 25, 250 trials",
    "async-100": "25 asynchronous workers, 100 trials",
    "single-100": "One at a time, 100 trials",
}
SIDES = {
    "development": "the development set, which defaults were chosen by",
    "held_out": "the held-out set, which no default was chosen by",
}


@dataclass(frozen=True)
class Line:
    """One optimizer in one regime, after the regime's last trial."""

    optimizer: str
    rank: Estimate | None  # None where it lacks a task
    regret: Estimate
    cost_ms: float
    runs: int
    wins: Mapping[str, Estimate]  # of each of ours against it


def text(found: Sequence[Results], split: str, plots: Mapping[str, str], command: str) -> str:
    """The report of one side.

    Args:
        found: of the regimes, in order.
        split: development or held_out.
        plots: file names by regime.
        command: that makes this report.
    """
    parts = [
        f"## On {SIDES[split]}",
        f"`{command}`. {_machine()}. A run's result is the noise-free value of the trial that "
        "looked best so far. Ranks are over the seeds that all optimizers of a table have, by "
        "task; a win is the lower result of two runs of one task and one seed, a tie half a win. "
        "Regret is 0 at the best known value and 1 at that of a median random draw, clipped "
        "there, over all runs that an optimizer has. Every task weighs the same. Intervals are "
        "95%, from a bootstrap over families of tasks, tasks and seeds. The cost is CPU time of "
        "asking and telling on one thread, two runs at a time, in the median of runs made on "
        "several days.",
    ]
    for results in found:
        parts += [_regime(results, plots.get(results.regime))]
    parts += [_losses(found), _missing(found), _settings(found)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _regime(results: Results, plot: str | None) -> str:
    n = REGIMES[results.regime].trials
    lines = standings(results)
    ours = [line.optimizer for line in lines if spec(line.optimizer).entry.ours]
    if not lines:
        return f"### {TITLES[results.regime]}\n\nNo runs."
    rows = [
        f"### {TITLES[results.regime]}",
        "",
        leader(results, lines),
        "",
        "| optimizer | mean rank |"
        + "".join(f" wins of {title(o)} |" for o in ours)
        + f" regret at {n} | ms a trial | runs |",
        "|---|---|" + "---|" * len(ours) + "---|---|---|",
    ]
    for line in lines:
        rank = "lacks a task" if line.rank is None else str(line.rank)
        against = "".join(f" {line.wins.get(o, '')} |" for o in ours)
        rows.append(
            f"| {title(line.optimizer)} | {rank} |{against} {_small(line.regret)} "
            f"| {_figure(line.cost_ms)} | {line.runs} |"
        )
    if plot:
        rows += ["", f"![Regret by number of trials]({plot})"]
    return "\n".join(rows)


def standings(results: Results) -> list[Line]:
    """The optimizers of a regime that have runs, best mean rank first."""
    n = REGIMES[results.regime].trials
    families = results.families
    complete = results.complete()
    ranked = results.ranks(complete, n) if complete else {}
    ranks = estimate(ranked, families) if ranked else None
    ours = [o for o in results.optimizers if spec(o).entry.ours]
    lines = []
    for optimizer in results.optimizers:
        regrets = results.regrets(optimizer)
        if not regrets:
            continue
        rank = None
        if ranks is not None and optimizer in complete:
            i = complete.index(optimizer)
            rank = Estimate(ranks.mean[i], ranks.low[i], ranks.high[i])
        won = {
            o: estimate(wins, families)
            for o in ours
            if o != optimizer and (wins := results.wins(o, optimizer, n))
        }
        runs = sum(len(results.seeds(optimizer, task)) for task in results.tasks)
        last = estimate({task: array[:, -1] for task, array in regrets.items()}, families)
        lines.append(Line(optimizer, rank, last, results.cost_ms(optimizer), runs, won))
    return sorted(lines, key=lambda line: np.inf if line.rank is None else float(line.rank.mean))


def leader(results: Results, lines: Sequence[Line]) -> str:
    """Who is ahead, and how far the first is from the best of ours or of the peers."""
    ranked = [line for line in lines if line.rank is not None]
    if len(ranked) < 2:
        return "Too few optimizers have runs on all tasks to rank them."
    first = ranked[0]
    other = next(
        (
            line
            for line in ranked[1:]
            if spec(line.optimizer).entry.ours != spec(first.optimizer).entry.ours
        ),
        None,
    )
    said = f"First in mean rank among {len(ranked)}: {title(first.optimizer)}, {first.rank}."
    if other is None:
        return said
    n = REGIMES[results.regime].trials
    wins = estimate(results.wins(first.optimizer, other.optimizer, n), results.families)
    whose = "the best peer" if spec(first.optimizer).entry.ours else "the best of ours"
    return (
        f"{said} Against {whose}, {title(other.optimizer)} ({other.rank}), it wins {wins} "
        "of the pairs."
    )


def losses(results: Results) -> list[tuple[float, str, str, str, float, float]]:
    """Where the best of ours loses most: wins, ours, task, peer, and both mean regrets.

    All are over the seeds that both have.
    """
    n = REGIMES[results.regime].trials
    ours = [
        line.optimizer
        for line in standings(results)
        if line.rank is not None and spec(line.optimizer).entry.ours
    ]
    if not ours:
        return []
    found = []
    for peer in results.optimizers:
        if spec(peer).entry.ours:
            continue
        for task, wins in results.wins(ours[0], peer, n).items():
            seeds = results.shared_seeds(ours[0], peer, task)
            mine, theirs = (
                float(results.regret(name, task, seeds)[:, -1].mean()) for name in (ours[0], peer)
            )
            found.append((float(wins.mean()), ours[0], task, peer, mine, theirs))
    return sorted(found)


def _losses(found: Sequence[Results]) -> str:
    rows = [
        "### Where ours loses",
        "",
        f"The {WORST} pairs of task and peer of each regime in which the better ranked of ours "
        "wins least, if it wins less than half; regrets are over the seeds that both have.",
        "",
        "| regime | task | peer | wins of ours | regret of ours | of the peer |",
        "|---|---|---|---|---|---|",
    ]
    empty = len(rows)
    for results in found:
        for wins, ours, task, peer, mine, theirs in losses(results)[:WORST]:
            if wins < 0.5:
                rows.append(
                    f"| {results.regime} | {task} | {title(peer)} | {wins:.2f} ({title(ours)}) "
                    f"| {mine:.4f} | {theirs:.4f} |"
                )
    return "\n".join(rows) if len(rows) > empty else ""


def _missing(found: Sequence[Results]) -> str:
    """Every cell that is not there, by reason."""
    rows = ["### Missing", ""]
    for results in found:
        gathered: dict[tuple[str, str], dict[str, list[int]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for cell, reason in results.missing.items():
            gathered[cell.optimizer, reason][cell.task].append(cell.seed)
        for (optimizer, reason), where in gathered.items():
            by_seeds: dict[str, list[str]] = defaultdict(list)
            for task, seeds in where.items():
                by_seeds[_runs(seeds)].append(task)
            every = list(results.tasks)
            cells = "; ".join(
                f"seeds {seeds} of {'all tasks' if names == every else ', '.join(names)}"
                for seeds, names in by_seeds.items()
            )
            rows.append(f"- {results.regime}, {title(optimizer)}, {cells}: {reason}.")
    return "\n".join(rows) if len(rows) > 2 else "### Missing\n\nNo run is missing."


def _settings(found: Sequence[Results]) -> str:
    """What was decided about each optimizer, and its version."""
    packages: dict[str, set[str]] = defaultdict(set)
    for results in found:
        for (optimizer, _), runs in results.records.items():
            packages[optimizer].update(record.package for record in runs.values())
    rows = [
        "### Optimizers",
        "",
        "Each has the defaults of its package. The durations of asynchronous trials are "
        f"log-normal, with a standard deviation of {SPREAD} in the logarithm, the same for all "
        "optimizers.",
        "",
        "| optimizer | package | how |",
        "|---|---|---|",
    ]
    for optimizer, versions in packages.items():
        about = spec(optimizer).entry.about
        rows.append(f"| {title(optimizer)} | {', '.join(sorted(versions))} | {about} |")
    return "\n".join(rows)


def title(optimizer: str) -> str:
    """The entry's title, with the options of the spec."""
    name, colon, options = optimizer.partition(":")
    return ENTRIES[name].title + (f" ({options})" if colon else "")


def _runs(seeds: Sequence[int]) -> str:
    """0-3, 7"""
    parts: list[list[int]] = []
    for seed in sorted(seeds):
        if parts and seed == parts[-1][-1] + 1:
            parts[-1].append(seed)
        else:
            parts.append([seed])
    return ", ".join(f"{p[0]}-{p[-1]}" if len(p) > 1 else str(p[0]) for p in parts)


def _small(value: Estimate) -> str:
    return f"{value.mean:.3f} [{value.low:.3f}, {value.high:.3f}]"


def _figure(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _machine() -> str:
    info = Path("/proc/cpuinfo")
    named = [
        line.partition(":")[2].strip()
        for line in (info.read_text().splitlines() if info.exists() else ())
        if line.startswith("model name")
    ]
    processor = named[0] if named else platform.machine()
    return f"Made on {processor}, {os.cpu_count()} cores, Python {platform.python_version()}"
