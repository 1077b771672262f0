"""Runs are kept, made once, and go on after a kill."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from pool_jobs import act

from benchmarks.quality import cache as cache_module
from benchmarks.quality.cache import Cache, Cell, Record
from benchmarks.quality.pool import Failed, answers
from benchmarks.quality.regimes import REGIMES
from benchmarks.quality.runner import Keys, cells, fill, one

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
CELL = Cell("batch-100", "box", "synthetic/branin-log", 0)
TRUTHS = tuple(100 / n for n in REGIMES["batch-100"].points)


def record(cell=CELL, key="k", **changed):
    return replace(Record(cell, key, "hpsearch 0.1.0", TRUTHS, 1.5, 0.25), **changed)


def test_a_run_is_found_again(tmp_path):
    kept = record()
    Cache(tmp_path).put(kept)
    found = Cache(tmp_path).get(CELL, "k")
    assert found == replace(kept, truths=tuple(float(f"{t:.6g}") for t in TRUTHS))


def test_a_run_of_other_code_does_not_count(tmp_path):
    Cache(tmp_path).put(record())
    assert Cache(tmp_path).get(CELL, "other") is None


def test_the_latest_run_counts(tmp_path):
    for truth in (2.0, 1.0):
        Cache(tmp_path).put(record(truths=(truth,)))
    assert Cache(tmp_path).get(CELL, "k").truths == (1.0,)


def test_a_line_is_short(tmp_path):
    cache = Cache(tmp_path)
    cell = Cell("batch-250", "nevergrad-ngopt", "hpolib/parkinsons_telemonitoring", 19)
    truths = tuple(-0.000123456789 * n for n in REGIMES["batch-250"].points)
    cache.put(record(cell, "0123456789", truths=truths))
    cache.put(record(cell, "0123456789", truths=(), missing="x" * 500))
    lines = cache.path("batch-250", "nevergrad-ngopt").read_bytes().splitlines()
    assert [len(line) < 400 for line in lines] == [True, True]


def test_a_torn_line_is_ignored_and_the_next_one_whole(tmp_path):
    Cache(tmp_path).put(record())
    path = Cache(tmp_path).path("batch-100", "box")
    with path.open("ab") as file:
        file.write(path.read_bytes()[:40])
    other = replace(CELL, seed=1)
    again = Cache(tmp_path)
    again.put(record(other))
    assert Cache(tmp_path).get(CELL, "k") and Cache(tmp_path).get(other, "k")


def test_keys_tell_optimizers_tasks_and_code_apart(monkeypatch):
    keys = Keys()
    known = keys.of(CELL)
    assert keys.of(replace(CELL, seed=7)) == known
    assert keys.of(replace(CELL, task="synthetic/tree")) != known
    assert keys.of(replace(CELL, optimizer="ours")) != known
    assert keys.of(replace(CELL, optimizer="ours:WIDTH=0.3")) == keys.of(
        replace(CELL, optimizer="ours")
    )
    assert Keys().of(CELL) == known


def test_a_task_that_changes_is_another(monkeypatch):
    before = cache_module.task_key("synthetic/branin-log")
    task = cache_module.tasks.load("synthetic/branin-log")

    def load(name):
        problem = replace(task.problem, truth=lambda params: task.problem.truth(params) + 1e-6)
        return replace(task, problem=problem)

    monkeypatch.setattr(cache_module.tasks, "load", load)
    assert cache_module.task_key("synthetic/branin-log") != before


def test_dear_optimizers_have_fewer_seeds_and_first_seeds_come_first():
    made = cells(["batch-100"], ["box", "optuna-gp"], ["synthetic/tree"], 3, 1)
    assert [(cell.optimizer, cell.seed) for cell in made] == [
        ("box", 0), ("optuna-gp", 0), ("box", 1), ("box", 2),
    ]  # fmt: skip


def test_an_error_is_a_missing_cell_with_its_reason():
    found = one((replace(CELL, optimizer="ours:no_such=1"), "k", "hpsearch"))
    assert found.truths == ()
    assert found.missing.startswith("TypeError: ")


def test_jobs_that_take_too_long_or_die_cost_only_themselves():
    jobs = iter([("say", 1), ("sleep", 600.0), ("say", 2), ("die", 0), ("say", 3), ("threads", 0)])
    # The first job of a process has a minute more, so the sleeper is not one.
    found = answers(act, lambda: next(jobs, None), processes=1, limit_s=0.5)
    assert [answer for _, answer in found] == [
        1, "more than 0.5 s", 2, "its process ended with -9", 3, "1",
    ]  # fmt: skip
    assert isinstance(Failed("x"), str)


def test_a_job_ends_with_whom_it_is_done_for():
    text = (
        "from benchmarks.quality.pool import answers\n"
        "from pool_jobs import act\n"
        "jobs = iter([('say', 1), ('sleep', 600.0)])\n"
        "for _, answer in answers(act, lambda: next(jobs, None), processes=1, limit_s=900.0):\n"
        "    print(answer, flush=True)\n"
    )
    path = os.pathsep.join([str(BENCHMARKS.parent), str(BENCHMARKS.parent / "tests" / "helpers")])
    asking = subprocess.Popen(
        [sys.executable, "-c", text], env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with asking:
        assert asking.stdout.readline() == "1\n"
        workers = psutil.Process(asking.pid).children(recursive=True)
        assert workers
        asking.kill()
        assert psutil.wait_procs(workers, timeout=30)[1] == []


def lines(folder):
    found = []
    for file in sorted(folder.rglob("*.jsonl")):
        for line in file.read_text().splitlines():
            content = json.loads(line)
            found.append((file.stem, content["t"], content["s"], tuple(content["r"])))
    return found


@pytest.mark.slow
def test_a_killed_shootout_goes_on_and_repeats_nothing(tmp_path):
    names = ["synthetic/branin-log", "synthetic/two-choices"]
    command = [
        sys.executable, "-m", "quality.shootout", "--split", "development", "--tasks", *names,
        "--optimizers", "ours", "box", "--regimes", "batch-100", "--seeds", "15", "--jobs", "1",
        "--cache", tmp_path / "cache", "--results", tmp_path,
    ]  # fmt: skip
    path = os.pathsep.join([str(BENCHMARKS.parent), os.environ.get("PYTHONPATH", "")])
    begin = {"cwd": BENCHMARKS, "env": {**os.environ, "PYTHONPATH": path}}
    first = subprocess.Popen(command, **begin, stdout=subprocess.DEVNULL)
    file = Cache(tmp_path / "cache").path("batch-100", "box")
    while not file.exists() or file.read_bytes().count(b"\n") < 3:
        assert first.poll() is None
        time.sleep(0.005)
    workers = psutil.Process(first.pid).children(recursive=True)
    first.kill()
    first.wait()
    assert psutil.wait_procs(workers, timeout=30)[1] == []
    before = lines(tmp_path / "cache")
    assert 6 <= len(before) < 60
    with file.open("ab") as torn:
        torn.write(b'{"t":"synthetic/bra')

    again = subprocess.run(command, **begin, capture_output=True, text=True, check=True)
    assert f"{60 - len(before)} runs on 1 processes" in again.stdout
    text = file.read_text()
    file.write_text(text.replace('{"t":"synthetic/bra\n', ""))
    after = lines(tmp_path / "cache")
    assert set(before) <= set(after)
    assert set(Counter(line[:3] for line in after).values()) == {1}
    assert len(after) == 60
    # And each as if nothing had happened.
    whole = {(cell.optimizer, cell.task, cell.seed): cell for cell in
             cells(["batch-100"], ["ours", "box"], names, 15, 1)}  # fmt: skip
    for optimizer, task, seed, truths in after[::7]:
        made = one((whole[optimizer, task, seed], "k", "p"))
        assert truths == tuple(float(f"{truth:.6g}") for truth in made.truths)


def test_what_is_known_is_not_run(tmp_path):
    cache = Cache(tmp_path)
    keys = Keys()
    wanted = cells(["batch-100"], ["box"], ["synthetic/branin-log"], 2, 1)
    for cell in wanted:
        cache.put(record(cell, keys.of(cell)[0]))
    said = []
    fill(wanted, cache, processes=1, limit_s=60, say=said.append)
    assert said == []


def test_a_package_that_is_absent_is_named(tmp_path, monkeypatch):
    from benchmarks.quality import runner
    from benchmarks.quality.results import collect

    monkeypatch.setattr(runner, "installed", lambda entry: None)
    wanted = cells(["batch-100"], ["smac"], ["synthetic/branin-log"], 1, 1)
    said = []
    fill(wanted, Cache(tmp_path), processes=1, limit_s=60, say=said.append)
    assert said == ["smac: smac is not installed, 1 runs are missing"]
    assert list(collect(wanted, Cache(tmp_path)).missing.values()) == ["smac is not installed"]


@pytest.mark.parametrize("late", [1, 2])
def test_an_optimizer_that_is_too_slow_is_given_up(tmp_path, late, monkeypatch):
    """After one task its other seeds there are not tried, after two tasks it is not at all."""
    from benchmarks.quality import runner

    names = ["synthetic/branin-log", "synthetic/tree", "synthetic/two-choices"]
    cache, keys = Cache(tmp_path), Keys()
    wanted = cells(["batch-100"], ["box"], names, 2, 1)
    for cell in wanted[:late]:
        slow = record(cell, keys.of(cell)[0], truths=(), missing="more than 9 s")
        cache.put(slow)
    fill(wanted, cache, processes=1, limit_s=9, say=lambda line: None)
    reasons = [cache.latest(cell).missing for cell in wanted]
    assert runner.GIVE_UP == 2
    if late == 1:
        assert reasons == ["more than 9 s", "", "", f"not run: more than 9 s on {names[0]}", "", ""]
    else:
        both = f"not run: more than 9 s on {names[0]}, {names[1]}"
        assert reasons == ["more than 9 s"] * 2 + [both] * 4
