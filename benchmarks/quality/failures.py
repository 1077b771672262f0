"""What should a failed trial teach? Writes results/failures.md.

    python -m quality.failures              # from benchmarks/; goes on where it was stopped
    python -m quality.failures --report     # runs nothing

Searches of ours on the development tasks, of each of which a region fails (`failing.py`), with
several ways to use that (`failure_arms.py`).
"""

import argparse
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import tasks
from .cache import CACHE, key, task_key
from .failing import Where, failing
from .failure_arms import ARMS, PLAIN, POINTS, SELECTED, TRIALS, search
from .lines import Lines
from .runner import loadable
from .search_lines import complete
from .sources import code_hash, reachable
from .stats import Array, estimate, wins

SEEDS, DEAR_SEEDS = 20, 8  # without and with a surrogate
AT_ONCE = 4  # seeds of a job
PAGE = Path(__file__).parents[1] / "results" / "failures.md"
WHERE: tuple[Where, ...] = ("near", "far")
MODULES = ("quality.failing", "quality.failure_arms")

OPENING = """# What a failed trial should teach

Written by `python -m quality.failures` (in benchmarks/). Searches of ours in batches of 25 on the
development tasks, of each of which a box of about a quarter of the prior fails: near, beside the
best known point, or far from it. A result is the truth of the trial that looks best after 100
trials. Wins are over pairs of equal task and seed, a tie half a win; regrets are 0 at the best
known truth and 1 at the median draw; intervals are bootstrapped over families, tasks and seeds
(95 %). Failed: the share of the trials from round 1 on. A dash: not run.
"""


@dataclass(frozen=True)
class Job:
    """Some seeds of one cell."""

    task: str
    where: Where
    arm: str
    seeds: tuple[int, ...]
    key: str


def work(job: Job) -> list[dict[str, Any]]:
    """Records of a job's searches, run here."""
    task, made = failing(job.task, job.where), []
    for seed in job.seeds:
        start = time.process_time()
        truths, failed = search(task, seed, ARMS[job.arm])
        made.append({
            "key": job.key, "task": job.task, "where": job.where, "arm": job.arm, "seed": seed,
            "truths": [float(f"{truth:.6g}") for truth in truths], "failed": round(failed, 4),
            "cpu": round(time.process_time() - start, 4),
        })  # fmt: skip
    return made


def keys(names: Sequence[str]) -> dict[str, str]:
    """By task; they change when its function or the code does."""
    code = code_hash(
        [*MODULES, *reachable("hpsearch.method.rounds", "hpsearch.method.acquisition")]
    )
    return {name: key(code, task_key(name)) for name in names}


def jobs(known: set[tuple[Any, ...]], names: Sequence[str], seeds: int) -> Iterator[Job]:
    """What is not known yet; first seeds before second ones, and arms with a surrogate last."""
    of = keys(names)
    for arms, most in ((PLAIN, seeds), (SELECTED, min(seeds, DEAR_SEEDS))):
        for first in range(0, most, AT_ONCE):
            block = range(first, min(first + AT_ONCE, most))
            for name, where, arm in itertools.product(names, WHERE, arms):
                cell = of[name], name, where, arm
                if wanted := tuple(s for s in block if (*cell, s) not in known):
                    yield Job(name, where, arm, wanted, of[name])


class Results:
    """Truths and shares of failures, by arm and failing task.

    Args:
        records: of searches.
    """

    def __init__(self, records: Sequence[dict[str, Any]]) -> None:
        self._cells: dict[tuple[str, str], dict[int, dict[str, Any]]] = {}
        self.names = list(dict.fromkeys(f"{r['task']}, {r['where']}" for r in records))
        for r in records:
            self._cells.setdefault((r["arm"], f"{r['task']}, {r['where']}"), {})[r["seed"]] = r

    def wins(self, a: str, b: str, where: str = "", family: str = "") -> dict[str, Array]:
        """By failing task, over the seeds that both have."""
        found = {}
        for name in self.names:
            if not name.endswith(where) or not name.startswith(family):
                continue
            ours, theirs = self._cells.get((a, name), {}), self._cells.get((b, name), {})
            if seeds := sorted(ours.keys() & theirs.keys()):
                pair = [np.array([arm[s]["truths"][-1] for s in seeds]) for arm in (ours, theirs)]
                found[name] = wins(*pair)
        return found

    def regret(self, arm: str, point: int) -> float:
        found, levels = [], json.loads(tasks.LEVELS.read_text())
        for name in self.names:
            level = levels[name.rpartition(", ")[0]]
            if cell := self._cells.get((arm, name)):
                truths = np.array([r["truths"][point] for r in cell.values()])
                regrets = (truths - level["best"]) / (level["median"] - level["best"])
                found.append(np.clip(regrets, 0, 1).mean())
        return float(np.mean(found))

    def seeds(self, arms: Sequence[str]) -> str:
        """How many seeds and tasks the arms have, in a sentence."""
        counts = [len(cell) for (arm, _), cell in self._cells.items() if arm in arms]
        names = {name for arm, name in self._cells if arm in arms}
        return f"{min(counts)} to {max(counts)} seeds, {len(names)} of {len(self.names)} tasks."

    def failed(self, arm: str) -> float:
        return float(np.mean([
            np.mean([r["failed"] for r in cell.values()])
            for (name, _), cell in self._cells.items() if name == arm
        ]))  # fmt: skip


def page(records: Sequence[dict[str, Any]]) -> str:
    results = Results(records)
    lines = [OPENING]
    for title, arms, usual in (
        ("Without a surrogate", list(PLAIN), "ignored"),
        ("With the surrogate", list(SELECTED), "worst"),
    ):
        lines += [
            f"## {title}", "",
            f"{results.seeds(arms)} Wins against today's rule, which is `{usual}`.", "",
            f"| arm | wins | near | far | failed | regret at {POINTS[0]} | at {TRIALS} |",
            "|---|--:|--:|--:|--:|--:|--:|",
        ]  # fmt: skip
        for arm in arms:
            cells = ["", "", ""] if arm == usual else [
                _estimate(results.wins(arm, usual, where)) for where in ("", *WHERE)
            ]  # fmt: skip
            figures = [results.failed(arm), *(results.regret(arm, i) for i in range(len(POINTS)))]
            lines.append(f"| {arm} | {' | '.join([*cells, *(f'{f:.3f}' for f in figures)])} |")
        lines += ["", *_by_task(results, [arm for arm in arms if arm != usual], usual)]
    lines += ["## Regions", "", "Fails where all hold, of coordinates in the unit interval.", ""]
    for name in results.names:
        task, _, where = name.rpartition(", ")
        box = failing(task, where).box  # type: ignore[arg-type]
        sides = zip(box.names, box.low, box.high, strict=True)
        lines.append(f"- {name}: {', '.join(f'{a:.2f} ≤ {n} ≤ {b:.2f}' for n, a, b in sides)}")
    seconds = sum(r["cpu"] for r in records)
    lines += ["", f"{len(records)} searches, {seconds / 60:.1f} minutes of CPU.", ""]
    return "\n".join(lines)


def _by_task(results: Results, arms: Sequence[str], usual: str) -> list[str]:
    lines = [f"| wins by task | {' | '.join(arms)} |", "|---|" + "--:|" * len(arms)]
    for name in results.names:
        cells = []
        for arm in arms:
            won = results.wins(arm, usual).get(name)
            cells.append("–" if won is None else f"{won.mean():.2f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, ""]


def _estimate(won: dict[str, Array]) -> str:
    if not won:
        return "–"
    return str(estimate(won, {name: name.split("/")[0] for name in won}))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m quality.failures")
    parser.add_argument("--report", action="store_true", help="run nothing")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="without a surrogate")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args(arguments)
    names, lines = loadable(tasks.names("development")), Lines(options.cache / "failures.jsonl")
    of = keys(names)

    def records() -> list[dict[str, Any]]:
        return [r for r in lines.read() if of.get(r["task"]) == r["key"]]

    if not options.report:
        parts = ("key", "task", "where", "arm", "seed")
        known = {tuple(record[part] for part in parts) for record in records()}
        complete(lines, jobs(known, names, options.seeds), work, processes=options.jobs)
    options.page.write_text(page(records()))
    print(f"{options.page.name} written")


if __name__ == "__main__":
    main()
