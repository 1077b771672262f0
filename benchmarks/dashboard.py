"""What a look at a study costs: our dashboard beside Optuna Dashboard, and beside a search.

    python benchmarks/dashboard.py [--sizes 100 1000 10000] [--flood-repeats 3]

1. The same study (8 parameters, 50 reports a trial) at each size, both servers with their defaults,
   one after the other, asked over HTTP as their own pages ask: the first load by a server that has
   just started, then what the page is sent when one more trial has ended. Optuna Dashboard keeps
   what it has read for up to 10 s, so its updates are asked for 11 s after the trial has ended.
2. A search of two trials at a time that keep both cores busy, alone and while 10,000 requests are
   sent to the dashboard as quickly as it answers, in turns. The dashboard runs as a user starts it;
   the process that sends the requests stands for other people's machines and yields to everything.
"""

import argparse
import contextlib
import fcntl
import http.client
import json
import os
import platform
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from filled import fill, keep
from flood import measure_flood
from serving import free_port, serving

from hpsearch.storage import view
from hpsearch.storage.run_folder import RunFolder
from hpsearch.storage.writer import StudyWriter
from hpsearch.trial import Direction, Outcome, Report, Spec

STUDY = """
study: looked-at
trainer: trivial.py:train
objective: {minimize: fid}
search: {rounds: ROUNDS, trials: 25, surrogate: none}
budget: {steps: 1000}
confirm: {top: 0}
space:
  lr_g: {loguniform: [1e-5, 1e-2]}
  lr_d: {loguniform: [1e-5, 1e-2]}
  loss: [non_saturating, wgan, least_squares, hinge]
  penalty: [none, gradient, r1]
  penalty_weight: {loguniform: [0.1, 100], when: {penalty: [gradient, r1]}}
  n_critic: {int: [1, 5]}
  width: {logint: [32, 128]}
  beta1: {uniform: [0, 1]}
"""
FIGURES = ("tightening", "progress", "curves", "importance", "parallel", "seeds")
REPORTS = 50
UPDATES = 7
OPTUNAS_MEMORY_S = 11


def train(spec: Spec) -> tuple[Outcome, list[Report]]:
    """Curves that fall, a failure now and then."""
    draw = random.Random(spec.seed)
    level = abs(draw.gauss(20, 8)) + 3
    reports = [
        Report(
            step := (i + 1) * spec.budget // REPORTS,
            {"fid": level * (1 + 4 / (i + 1)) + draw.random(), "loss": draw.random()},
            step / 100,
        )
        for i in range(REPORTS)
    ]
    last = reports[-1].metrics
    if draw.random() < 0.04:
        return Outcome("fail", None, last, "nonfinite", "fid is nan", 9.0, spec.budget), reports
    return Outcome("complete", last["fid"], last, None, "", 10.0, spec.budget), reports


def ask(port: int, path: str) -> tuple[float, bytes]:
    """Milliseconds and the answer."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    spent = 1000 * (time.perf_counter() - began)
    assert answer.status == 200, (path, answer.status, body[:200])
    connection.close()
    return spent, body


class Lander:
    """Ends one waiting trial of a study after another, as its controller does."""

    def __init__(self, run: RunFolder, metric: str) -> None:
        snapshot = view.read_snapshot(run.path)
        self._run = run
        self._waiting = [t.spec for t in snapshot.result.records if t.outcome is None]
        self._store = StudyWriter.create_or_open(
            run.database, snapshot.result.name, metric=metric, direction=Direction.MINIMIZE
        )

    def land(self) -> None:
        spec = self._waiting.pop(0)
        outcome, reports = train(spec)
        keep(self._run, spec, outcome, reports)
        self._store.record_outcome(spec, outcome, reports)

    def close(self) -> None:
        self._store.close()


@contextlib.contextmanager
def at_work(run: RunFolder) -> Iterator[Lander]:
    """A controller that holds the folder, and two trials that are being trained."""
    lander = Lander(run, "fid")
    with run.locked(), contextlib.ExitStack() as held:
        for spec in lander._waiting[-2:]:
            folder = run.trial(spec.number)
            folder.write_spec(spec)
            log = held.enter_context(folder.log.open("w"))
            fcntl.flock(log, fcntl.LOCK_EX)
            folder.reports.write_text(
                '{"step": 20, "metrics": {"fid": 30.0}, "seconds": 1.0}\n' * REPORTS
            )
        yield lander
    lander.close()


def measure_ours(run: RunFolder) -> dict[str, object]:
    port = free_port()
    path = f"/data/study/{run.path.name}"
    command = ["hpsearch", "dashboard", str(run.path.parent), "--port", str(port)]
    with at_work(run) as lander, serving(command, port) as server:
        ask(port, "/assets/base.css")  # the server is up; the study has not been read
        first_ms, body = ask(port, path)
        known = json.loads(body)
        updates = []
        for _ in range(UPDATES):
            lander.land()
            time.sleep(0.5)  # beyond what the server keeps
            since = f"?epoch={known['epoch']}&since={known['version']}"
            spent, update = ask(port, path + since)
            known = json.loads(update)
            assert len(known["trials"]) == 1
            updates.append((spent, len(update)))
        drawn = [ask(port, f"{path}/figure/{figure}") for figure in FIGURES]
        memory = server.memory_info().rss >> 20
    figures = round(sum(ms for ms, _ in drawn)), round(sum(len(b) for _, b in drawn) / 1000)
    return summary("hpsearch dashboard", first_ms, len(body), updates, memory) | {
        "figures ms": figures[0],
        "figures kB": figures[1],
    }


def measure_optuna(run: RunFolder, size: int) -> dict[str, object]:
    port = free_port()
    command = ["optuna_dashboard._cli", f"sqlite:///{run.database}", "--port", str(port)]
    with at_work(run) as lander, serving(command, port) as server:
        ask(port, "/api/meta")
        first_ms, body = ask(port, "/api/studies/1")
        updates = []
        for ended in range(3):
            lander.land()
            time.sleep(OPTUNAS_MEMORY_S)
            spent, update = ask(port, f"/api/studies/1?after={size + ended}")
            updates.append((spent, len(update)))
        memory = server.memory_info().rss >> 20
    return summary("optuna-dashboard", first_ms, len(body), updates, memory) | {
        "figures ms": "in the page",
        "figures kB": "0",
    }


def summary(
    arm: str, first_ms: float, first_bytes: int, updates: list[tuple[float, int]], memory: int
) -> dict[str, object]:
    return {
        "arm": arm,
        "first load ms": round(first_ms),
        "first load kB": round(first_bytes / 1000),
        "update ms": round(statistics.median(ms for ms, _ in updates), 1),
        "update kB": round(statistics.median(size for _, size in updates) / 1000, 1),
        "server MiB": memory,
    }


def measure_looks(sizes: list[int]) -> list[dict[str, object]]:
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        for size in sizes:
            folder = Path(temporary) / str(size)
            folder.mkdir()
            (folder / "trivial.py").write_text("def train(run): ...\n")
            file = folder / "study.yaml"
            file.write_text(STUDY.replace("ROUNDS", str(size // 25 + 4)))
            run = fill(file, size // 25, train, folders=True, open_rounds=1)
            for arm in (measure_ours, lambda run, size=size: measure_optuna(run, size)):
                copy = Path(temporary) / "copy"
                shutil.copytree(run.path, copy / run.path.name)
                rows.append({"trials": size, **arm(RunFolder(copy / run.path.name))})
                print(rows[-1], file=sys.stderr)
                shutil.rmtree(copy)
            shutil.rmtree(folder)
    return rows


def table(rows: list[dict[str, object]]) -> list[str]:
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
    return lines + ["| " + " | ".join(f"{v:,}" if isinstance(v, int) else str(v)
                    for v in row.values()) + " |" for row in rows]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 10000])
    parser.add_argument("--flood-repeats", type=int, default=3)
    arguments = parser.parse_args()
    looks = measure_looks(arguments.sizes)
    flood = measure_flood(arguments.flood_repeats)
    results = Path(__file__).parent / "results"
    (results / "dashboard.json").write_text(json.dumps({"looks": looks, "flood": flood}, indent=1))
    machine = f"on {platform.machine()} with {os.cpu_count()} cores"
    text = [
        "# What a look at a study costs",
        "",
        f"`python benchmarks/dashboard.py`, all in one run {machine}.",
        "",
        "The same study, 50 reports a trial, both servers with their defaults. First load: of a "
        "server that has just started. Update: what the page is sent when one trial has ended; "
        f"medians of {UPDATES} and of 3. Figures: all six of the study's page, made for the first "
        "time; Optuna Dashboard's page draws its plots from what the load and the updates brought, "
        "so its importances are not counted.",
        "",
        *table(looks),
        "",
        "A search that keeps both cores busy, alone and while the dashboard answers requests:",
        "",
        *table([flood]),
        "",
    ]
    (results / "dashboard.md").write_text("\n".join(text))
    print("\n".join(text))


if __name__ == "__main__":
    main()
