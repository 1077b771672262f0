"""How much growth, how many survivors go on, how many rounds? Writes results/growth.md.

    python -m quality.growth                # from benchmarks/; goes on where it was stopped
    python -m quality.growth --report       # runs nothing

Whole searches on the learning curves of `curve_tasks.py`, at equal steps of training
(`budgets.py`). All tasks are for development.
"""

import argparse
import hashlib
import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import curve_tasks
from .cache import CACHE
from .curve_tables import TRAINED, path_of
from .growth_arms import ARMS, Arm
from .growth_page import page
from .lines import Lines
from .search_lines import complete
from .sources import code_hash, reachable

TOTALS = (25, 50, 100)
SEEDS, DEAR_SEEDS = 20, 8  # without and with a surrogate
DEAR_TOTALS = (50,)
AT_ONCE = 4  # seeds of a job
PAGE = Path(__file__).parents[1] / "results" / "growth.md"
MODULES = (
    "quality.budgets", "quality.growth_arms", "quality.curve_tasks", "quality.curved",
    "quality.curve_model", "quality.curve_tables",
)  # fmt: skip


@dataclass(frozen=True)
class Job:
    """Some seeds of one cell."""

    task: str
    arm: Arm
    total: int
    seeds: tuple[int, ...]
    key: str


def work(job: Job) -> list[dict[str, Any]]:
    """Records of a job's searches, run here."""
    task = curve_tasks.load(job.task)
    made = []
    for seed in job.seeds:
        start = time.process_time()
        ledger = job.arm.run(task, seed, job.total)
        record = {"key": job.key, "task": job.task, "arm": job.arm.text, "total": job.total}
        record |= {"seed": seed, "cpu": round(time.process_time() - start, 4)}
        if ledger is not None:
            assert ledger.steps <= job.total * task.full, job
            record |= {"truth": float(f"{ledger.truth:.6g}"), "steps": ledger.steps}
            record["trials"] = ledger.trials
        made.append(record)
    return made


def keys() -> dict[str, str]:
    """By task; they change when the code or the trained curves do."""
    code = code_hash(
        [*MODULES, *reachable("hpsearch.method.rounds", "hpsearch.method.acquisition")]
    )
    found = {}
    for name in curve_tasks.names():
        data = path_of(name).read_bytes() if name in TRAINED and path_of(name).exists() else b""
        found[name] = hashlib.sha256(code.encode() + data).hexdigest()[:10]
    return found


def jobs(known: set[tuple[Any, ...]], names: Sequence[str], seeds: int) -> Iterator[Job]:
    """What is not known yet: first seeds before second ones, and searches with a surrogate last."""
    of = keys()
    for arms, totals, most in (
        ([arm for arm in ARMS if not arm.is_dear], TOTALS, seeds),
        ([arm for arm in ARMS if arm.is_dear], DEAR_TOTALS, min(seeds, DEAR_SEEDS)),
    ):
        for first in range(0, most, AT_ONCE):
            block = range(first, min(first + AT_ONCE, most))
            for name, arm, total in itertools.product(names, arms, totals):
                cell = of[name], name, arm.text, total
                if wanted := tuple(s for s in block if (*cell, s) not in known):
                    yield Job(name, arm, total, wanted, of[name])


def records(lines: Lines, names: Sequence[str]) -> list[dict[str, Any]]:
    of = keys()
    return [r for r in lines.read() if r["task"] in names and r["key"] == of[r["task"]]]


def identity(record: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(record[part] for part in ("key", "task", "arm", "total", "seed"))


def here() -> list[str]:
    """The tasks whose curves and levels are here."""
    found = []
    for name in curve_tasks.names():
        try:
            curve_tasks.levels(name)
            if name in TRAINED and not path_of(name).exists():
                raise FileNotFoundError(path_of(name).name)
            found.append(name)
        except (KeyError, FileNotFoundError) as error:
            print(f"missing task {name}: {error}")
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m quality.growth")
    parser.add_argument("--report", action="store_true", help="run nothing")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args(arguments)
    names, lines = here(), Lines(options.cache / "growth.jsonl")
    if not options.report:
        known = {identity(record) for record in records(lines, names)}
        waiting = jobs(known, names, options.seeds)
        complete(lines, waiting, work, processes=options.jobs)
    options.page.write_text(page(records(lines, names), names))
    print(f"{options.page.name} written")


if __name__ == "__main__":
    main()
