"""Our method and its peers on real trainers, at equal training steps.

    PYTHONPATH=benchmarks python -m quality.real run           # what is missing; may be killed
    PYTHONPATH=benchmarks python -m quality.real alone         # seconds of one search by itself
    PYTHONPATH=benchmarks python -m quality.real page          # results/real.md and real.svg

The trainers are those of studies/digits_classifier.yaml and studies/digits_gan.yaml, with their
spaces. A search has as many steps as the shipped method takes for its rounds of 25 trials, whose
budgets double and whose survivors train on; `search.py` says how peers spend them. At the end
the best 3 trials that were trained in full are trained again from scratch under 5 fresh seeds, and
the best mean is the search's result: one rule for all.

The target is the median result of random search under the seeds 100 to 104, which nothing else
uses; `run` makes these searches beside the first others, and writes it down in `targets.json`.
"""

import argparse
import importlib.metadata
import statistics
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hpsearch.files import read_json, write_json

from ..lines import Lines
from ..sources import code_hash, reachable
from .ours import ARMS, growing
from .peers import PEERS
from .search import Log, Search, asynchronous, confirmations, drive
from .task import ROOT, TASKS, Task
from .training import Trainings

TARGETS = Path(__file__).parent / "targets.json"
RESULTS = ROOT / "benchmarks" / "results" / "real.jsonl"
CURVES = ROOT / ".cache" / "real"  # ignored by git
Row = Mapping[str, Any]
METHODS = (*ARMS, *PEERS)
TARGET_SEEDS = range(100, 105)
RANDOM, SHARED = "random search", "hpsearch, shared structures"


def search(method: str, task: Task, seed: int, trainings: Trainings) -> Search:
    if method in ARMS:
        return growing(method, task, seed, trainings)
    return asynchronous(PEERS[method](task, seed), task, seed, trainings)


def run(
    task: Task, wanted: Sequence[tuple[str, int]], trainings: Trainings
) -> Iterable[dict[str, Any]]:
    """Searches (method, seed), side by side, and what is confirmed of each."""
    logs = drive({(m, s): search(m, task, s, trainings) for m, s in wanted}, trainings)
    again = {key: confirmations(task, key[1], log.candidates()) for key, log in logs.items()}
    orders = {order for found in again.values() for each in found for order in each}
    trainings.train(dict.fromkeys(sorted(orders, key=lambda order: order.key), task.full))
    for method, seed in wanted:
        log = logs[method, seed]
        yield row(task, method, seed, log, [
            [(trainings.curve(order).at(task.full), trainings.curve(order).test) for order in each]
            for each in again[method, seed]
        ])  # fmt: skip


def row(
    task: Task,
    method: str,
    seed: int,
    log: Log,
    confirmed: Sequence[Sequence[tuple[float | None, dict[str, float]]]],
) -> dict[str, Any]:
    """What is kept of a search; the winner is the candidate with the best mean.

    A candidate of which a seed failed ranks after those without.
    """
    means = []
    for values in confirmed:
        whole = [value for value, _ in values if value is not None]
        means.append(statistics.fmean(whole) if len(whole) == len(values) else float("inf"))
    best = min(range(len(means)), key=means.__getitem__) if means else None
    found: dict[str, Any] = {
        "task": task.name, "method": method, "seed": seed, "versions": versions(method),
        "full": task.full, "interval": task.interval, "total": task.total,
        "steps": log.steps, "ticks": log.ticks, "trials": log.trials,
        "finished": len(log.finished), "proposing_s": round(log.proposing, 3),
        "curve": [[steps, ticks, round(value, 6)] for steps, ticks, value in log.curve],
    }  # fmt: skip
    if best is not None and means[best] < float("inf"):
        values = [value for value, _ in confirmed[best] if value is not None]
        names = confirmed[best][0][1]
        candidate = log.candidates()[best]
        found["winner"] = {
            "params": dict(candidate.params),
            "seen": round(candidate.value, 6),
            "mean": round(means[best], 6),
            "sd": round(statistics.stdev(values), 6),
            "test": {
                name: round(statistics.fmean(test[name] for _, test in confirmed[best]), 6)
                for name in names
            },
        }
    return found


def versions(method: str) -> dict[str, str]:
    """Of what decides on a search's trials; of ours, the SHA-256 of its sources."""
    names = ["torch", "numpy"]
    names += ["optuna"] if "Optuna" in method else ["ray"] if "Ray" in method else []
    found = {name: importlib.metadata.version(name) for name in names}
    if method in ARMS:
        found["hpsearch"] = code_hash(reachable("hpsearch.method.rounds"))
    return found


def missing(task: Task, methods: Sequence[str], seeds: Sequence[int], lines: Lines) -> list[Any]:
    known = {(r["task"], r["method"], r["seed"]) for r in lines.read() if "alone_s" not in r}
    return [(m, s) for s in seeds for m in methods if (task.name, m, s) not in known]


def targets() -> dict[str, Any]:
    """By task, as they were written down."""
    return read_json(TARGETS) if TARGETS.exists() else {}


def target_of(task: Task, rows: Sequence[Row]) -> dict[str, Any]:
    """From the searches under the target's own seeds."""
    means = [row["winner"]["mean"] for row in rows]
    return {
        "metric": task.study.objective.metric,
        "target": round(statistics.median(means), 4),
        "of": [round(mean, 4) for mean in means],
        "seeds": list(TARGET_SEEDS),
        "full": task.full,
        "total": task.total,
    }


def run_missing(task: Task, methods: Sequence[str], seeds: Sequence[int], lines: Lines) -> int:
    """Run what is not there yet, and the target's searches with it; how many searches that is."""
    trainings = Trainings(
        task, Lines(CURVES / f"{task.name.replace(', ', '-').replace(' ', '-')}-{task.full}.jsonl")
    )
    wanted = missing(task, methods, seeds, lines)
    of_target = [] if task.name in targets() else [(RANDOM, seed) for seed in TARGET_SEEDS]
    found = list(run(task, [*of_target, *wanted], trainings))
    if of_target:
        target = target_of(task, found[: len(of_target)])
        write_json(TARGETS, {**targets(), task.name: target})
    for record in found[len(of_target) :]:
        lines.append(record)
    return len(found)


def alone(task: Task, method: str) -> dict[str, Any]:
    """Seconds that one search takes by itself, and how much of it is training."""
    trainings = Trainings(task)
    began = time.perf_counter()
    logs = drive({0: search(method, task, 0, trainings)}, trainings)
    spent = time.perf_counter() - began
    return {
        "task": task.name, "method": method, "seed": 0, "alone_s": round(spent, 2),
        "training_s": round(trainings.seconds, 2), "steps": logs[0].steps, "ticks": logs[0].ticks,
    }  # fmt: skip


def main() -> None:
    import torch

    from . import page

    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("what", choices=("run", "alone", "page"))
    parser.add_argument("--tasks", nargs="+", default=["classifier", "gan"], choices=list(TASKS))
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--batch", type=int, default=5, help="seeds that train side by side")
    given = parser.parse_args()
    lines = Lines(RESULTS)
    for task in (TASKS[name] for name in given.tasks if given.what != "page"):
        if given.what == "alone":
            for method in given.methods:
                lines.append(record := alone(task, method))
                print(record, file=sys.stderr, flush=True)
            continue
        for first in range(0, given.seeds, given.batch):
            seeds = range(first, min(first + given.batch, given.seeds))
            began = time.perf_counter()
            # With the structural parameters fixed there is next to nothing to share.
            methods = [m for m in given.methods if not (task.fixed and m == SHARED)]
            count = run_missing(task, methods, seeds, lines)
            spent = time.perf_counter() - began
            print(task.name, seeds, f"{count} searches, {spent:.0f} s", file=sys.stderr)
    if given.what in ("run", "alone", "page"):
        page.write(lines.read(), targets())


if __name__ == "__main__":
    main()
