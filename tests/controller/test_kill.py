"""The promise: a search that is killed again and again gives the trials of an undisturbed one."""

import contextlib
import os
import random
import subprocess

import psutil
import pytest
from searches import Search, until

KILLS = 20
SEED = int(os.environ.get("HPSEARCH_KILL_SEED", "0"))

# Every step depends on all before it, and on the generator that the checkpoint carries.
TRAINER = """\
import time

import torch


def train(run):
    generator = torch.Generator().manual_seed(run.seed)
    step, weight = 0, torch.zeros(4)
    if state := run.load():
        step, weight = state["step"], state["weight"]
        generator.set_state(state["generator"])
    with open(run.folder.path / "attempts", "a") as attempts:
        attempts.write(f"{step} {run.folder.result.exists()}\\n")
    while step < run.budget:
        time.sleep(0.01)
        weight = 0.9 * weight + run.hp.lr * torch.randn(4, generator=generator)
        step += 1
        if step % 4 == 0 or step == run.budget:
            distance = float((weight - run.hp.target).abs().sum())
            run.report(step, loss=distance, test_loss=distance + 1, first=float(weight[0]))
            run.save({"step": step, "weight": weight, "generator": generator.get_state()})
"""

STUDY = """\
study: s
trainer: trainer.py:train
objective: {minimize: loss}
search: {rounds: 3, trials: 8, survivors: 2}
budget: {steps: 10, growth: 2}
confirm: {top: 2, seeds: 3}
limits: {retries: 9}
resources: {parallel: 2}
space:
  lr: {loguniform: [1e-3, 1]}
  target: {uniform: [-1, 1]}
  kind: [a, b, c]
  only_b: {int: [1, 9], when: {kind: [b]}}
"""
TRIALS = 3 * 8 + 2 * 3


@pytest.fixture(scope="module")
def undisturbed_digest(tmp_path_factory):
    """The digest of a search that nothing happened to, and whose trials ran in another order."""
    search = Search(tmp_path_factory.mktemp("undisturbed"), STUDY, TRAINER)
    assert search.finish("--parallel", "5") == (0, "")
    return search.digest()


@pytest.fixture
def search(tmp_path):
    search = Search(tmp_path, STUDY, TRAINER)
    search.is_fresh = True
    yield search
    search.kill()


def finished(search: Search) -> int:
    return len(list(search.run.path.glob("trials/*/result.json")))


def victims(search: Search, target: str, controller: int) -> list[psutil.Process]:
    """The processes of a kind; the controller, while none of that kind has been started.

    The child that looks at the trainer counts as a fork server.
    """
    layer = [psutil.Process(controller)]
    if target == "everything":
        return search.processes()
    for name in ("controller", "fork_server", "supervisor", "trial"):
        if name == target:
            return layer or [psutil.Process(controller)]
        layer = [child for process in layer for child in children(process)]
    raise AssertionError(target)


def children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children()
    except psutil.NoSuchProcess:
        return []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_twenty_kills_at_random_moments_change_no_trial(search, undisturbed_digest):
    rng = random.Random(SEED)
    targets = (
        ["controller"] * 6 + ["everything"] * 4 + ["fork_server"] * 4 + ["supervisor", "trial"] * 3
    )
    rng.shuffle(targets)
    moments = sorted(rng.choices(range(TRIALS - 3), k=KILLS))
    controller, fresh = search.start(), True
    for target, moment in zip(targets, moments, strict=True):
        # A search that has just been started may as well be killed while it starts.
        delay = rng.uniform(0, 3 if fresh and finished(search) >= moment else 0.5)
        until(lambda m=moment: finished(search) >= m, f"{moment} trials have ended")
        with pytest.raises(subprocess.TimeoutExpired):  # the search has not ended
            controller.wait(delay)
        chosen = victims(search, target, controller.pid)
        if target != "everything":
            chosen = [rng.choice(chosen)]
        for victim in chosen:
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()
        fresh = controller.pid in [victim.pid for victim in chosen]
        if fresh:
            controller.wait()
            controller = search.start()
    assert search.end(controller) == (0, "")
    assert search.digest() == undisturbed_digest
    search.wait_until_no_process_is_left()
    expect_a_whole_study(search)


def expect_a_whole_study(search: Search) -> None:
    trials = search.optuna_study().trials
    assert [trial.number for trial in trials] == list(range(TRIALS))
    assert {trial.state.name for trial in trials} == {"COMPLETE"}
    starts = []
    for number in range(TRIALS):
        lines = (search.trial(number).path / "attempts").read_text().splitlines()
        assert not [line for line in lines if line.endswith("True")], "a finished trial ran again"
        starts += [int(line.split()[0]) for line in lines]
    # 10 and 20 steps are where continuations begin.
    assert [step for step in starts if step not in (0, 10, 20)], "no trial went on from within"
