"""Milliseconds that a scheduler adds to a trial, at 100, 1,000 and 10,000 trials in the study.

    python benchmarks/overhead.py [--trials 50] [--sizes 100 1000 10000]

All arms run the same objective, (x - 0.3)² + 0·y, which costs nothing, on a SQLite study that holds
`size` finished trials already, with two trials at once:

- hpsearch: two slots; every trial is a process of its own, its numbers in files and the database.
  Without the surrogate, whose own cost a proposal is in results/cost.md;
- optuna threads: `study.optimize(n_jobs=2)`, in one process;
- optuna processes: two processes that each run `study.optimize` on the same database;
- optuna threads once more with its RandomSampler, to tell its storage's share from its model's.

Optuna runs with its defaults otherwise (TPE, its own journal mode). Time counts from the moment at
which all workers are ready: imports and the first reading of the study are left out for everyone
and shown beside. Each arm runs three times, arms in turn; the table has medians and ranges.
"""

import argparse
import json
import os
import platform
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from filled import fill

from hpsearch.controller.start import search
from hpsearch.trial import Outcome, Report, Spec

TRAINER = """
def train(run):
    run.report(1, loss=(run.hp.x - 0.3) ** 2 + 0 * run.hp.y)
"""
STUDY = """
study: overhead
trainer: trivial.py:train
objective: {minimize: loss}
search: {rounds: ROUNDS, trials: 25, surrogate: none}
budget: {steps: 1}
confirm: {top: 0}
resources: {parallel: 2}
space:
  x: {uniform: [0, 1]}
  y: {loguniform: [1e-5, 1e-1]}
"""
OPTUNA_WORKER = """
import sys, time, optuna
samplers = {"default": None, "random": optuna.samplers.RandomSampler()}
optuna.logging.set_verbosity(optuna.logging.ERROR)
url, trials, jobs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
def objective(trial):
    x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 1e-5, 1e-1, log=True)
    return (x - 0.3) ** 2 + 0 * y
began = time.perf_counter()
study = optuna.load_study(
    study_name="overhead", storage=url, sampler=samplers[sys.argv[4]]
)
study.get_trials(deepcopy=False)
print(time.perf_counter() - began, flush=True)
sys.stdin.readline()
study.optimize(objective, n_trials=trials, n_jobs=jobs)
print("done", flush=True)
"""


def prepare(folder: Path, size: int) -> Path:
    """A run folder whose study holds `size` finished trials; returns its study file."""
    (folder / "trivial.py").write_text(TRAINER)
    file = folder / "overhead.yaml"
    file.write_text(STUDY.replace("ROUNDS", str(size // 25)))
    fill(file, size // 25, train)
    return file


def train(spec: Spec) -> tuple[Outcome, list[Report]]:
    value = (float(spec.params["x"]) - 0.3) ** 2  # type: ignore[arg-type]
    return Outcome("complete", value, {"loss": value}, steps=1), [Report(1, {"loss": value}, 0.0)]


def time_hpsearch(file: Path, size: int, trials: int) -> tuple[float, float]:
    """Seconds to get ready, and seconds a trial."""
    moments: list[float] = []
    began = time.perf_counter()
    rounds = (size + trials) // 25
    search(
        file,
        runs=file.parent / "runs",
        overrides=[f"search.rounds={rounds}"],
        watch=lambda event: note(event, size // 25, moments),
    )
    # The first trial waits for the nursery, as Optuna's workers do before they are ready; the
    # clock starts when it has ended, and with it the first of the trials is left out.
    return moments[0] - began, (moments[-1] - moments[0]) / (len(moments) - 1)


def note(event: object, first: int, moments: list[float]) -> None:
    if type(event).__name__ == "TrialEnded" and event.spec.round >= first:  # type: ignore[attr-defined]
        moments.append(time.perf_counter())


def time_optuna(
    file: Path, trials: int, processes: int, jobs: int, sampler: str = "default"
) -> tuple[float, float]:
    """Seconds to get ready, and seconds a trial, of Optuna's workers on the same database."""
    database = file.parent / "runs" / "overhead" / "study.db"
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")  # Optuna's own
    share = str(trials // processes)
    command = [
        sys.executable,
        "-c",
        OPTUNA_WORKER,
        f"sqlite:///{database}",
        share,
        str(jobs),
        sampler,
    ]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    ready = [float(worker.stdout.readline()) for worker in workers if worker.stdout]
    began = time.perf_counter()
    for worker in workers:
        worker.communicate("go\n")
    spent = time.perf_counter() - began
    assert all(worker.returncode == 0 for worker in workers)
    return max(ready), spent / trials


def measure(sizes: list[int], trials: int, repeats: int) -> list[dict[str, object]]:
    arms: dict[str, Callable[[Path, int], tuple[float, float]]] = {
        "hpsearch, 2 places": lambda file, size: time_hpsearch(file, size, trials),
        "optuna, n_jobs=2": lambda file, _size: time_optuna(file, trials, 1, 2),
        "optuna, 2 processes": lambda file, _size: time_optuna(file, trials, 2, 1),
        "optuna, n_jobs=2, RandomSampler": lambda file, _size: time_optuna(
            file, trials, 1, 2, "random"
        ),
    }
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        for size in sizes:
            filled = Path(temporary) / f"filled-{size}"
            filled.mkdir()
            prepare(filled, size)
            found: dict[str, list[tuple[float, float]]] = {arm: [] for arm in arms}
            for repeat in range(repeats):
                for arm, run in arms.items():
                    copy = Path(temporary) / "copy"
                    shutil.copytree(filled, copy)
                    found[arm].append(run(copy / "overhead.yaml", size))
                    shutil.rmtree(copy)
                    print(f"{size:>6} {repeat} {arm:<20} {found[arm][-1]}", file=sys.stderr)
            rows += [summary(size, arm, times) for arm, times in found.items()]
    return rows


def summary(size: int, arm: str, times: list[tuple[float, float]]) -> dict[str, object]:
    each = sorted(1000 * seconds for _, seconds in times)
    return {
        "trials in the study": size,
        "arm": arm,
        "ms a trial": round(statistics.median(each), 1),
        "range": f"{each[0]:.1f} to {each[-1]:.1f}",
        "s to get ready": round(statistics.median(ready for ready, _ in times), 2),
    }


def markdown(rows: list[dict[str, object]], trials: int, repeats: int) -> str:
    lines = [
        "# What a scheduler adds to a trial",
        "",
        f"`python benchmarks/overhead.py`: {trials} trials an arm, {repeats} times, arms in turn "
        f"in one run, on {platform.machine()} with {os.cpu_count()} cores; medians. Two trials at "
        "once in every arm.",
        "",
        "| " + " | ".join([*rows[0], "times hpsearch"]) + " |",
        "|" + "---|" * (len(rows[0]) + 1),
    ]
    base: dict[object, float] = {}
    for row in rows:
        value = float(row["ms a trial"])  # type: ignore[arg-type]
        base.setdefault(row["trials in the study"], value)
        ratio = value / base[row["trials in the study"]]
        lines.append("| " + " | ".join(str(cell) for cell in row.values()) + f" | {ratio:.2f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="What a scheduler adds to a trial")
    parser.add_argument("--trials", type=int, default=50, help="a multiple of 50")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 10000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/overhead.md"))
    given = parser.parse_args()
    rows = measure(given.sizes, given.trials, given.repeats)
    table = markdown(rows, given.trials, given.repeats)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(table)
    given.output.with_suffix(".json").write_text(json.dumps(rows, indent=1) + "\n")
    print(table)


if __name__ == "__main__":
    main()
