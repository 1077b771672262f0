"""A search whose trials train in groups gives the same whatever is killed amid them."""

import contextlib
import os
import random
import subprocess

import psutil
import pytest
from fused_search import STUDY, FusedSearch
from searches import until
from test_kill import victims

from hpsearch.controller.replay import replay_trial
from hpsearch.storage import view

SEED = int(os.environ.get("HPSEARCH_KILL_SEED", "0"))
LONG = STUDY.replace("steps: 40", "steps: 200") + "limits: {retries: 9}\n"
TARGETS = ["trial", "supervisor", "fork_server", "controller", "everything"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The same search, to which nothing happened, in one group as large as can be."""
    search = FusedSearch(tmp_path_factory.mktemp("undisturbed"), LONG)
    assert search.finish() == (0, "")
    return search


def finished(search: FusedSearch) -> int:
    return len(list(search.run.path.glob("trials/*/result.json")))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_whatever_is_killed_amid_a_group_the_search_ends_the_same(tmp_path, undisturbed):
    search = FusedSearch(tmp_path, LONG)
    search.is_fresh = True
    search.slow(0.05)
    rng = random.Random(SEED)
    controller = search.start("--parallel", "2")
    try:
        for target in TARGETS:
            before = search.evaluations()
            until(lambda b=before: search.evaluations() > b + 20, f"it trains, before {target}")
            with pytest.raises(subprocess.TimeoutExpired):  # the search has not ended
                controller.wait(rng.uniform(0, 1))
            chosen = victims(search, target, controller.pid)
            for victim in chosen if target == "everything" else [rng.choice(chosen)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    victim.kill()
            if controller.pid in [victim.pid for victim in chosen]:
                controller.wait()
                controller = search.start("--parallel", "2")
        assert finished(search) < len(view.read_snapshot(undisturbed.run.path).result.records)
        search.fast()
        assert search.end(controller) == (0, "")
        assert search.digest() == undisturbed.digest()
        search.wait_until_no_process_is_left()
    finally:
        search.kill()


@pytest.mark.parametrize("role", ["draw", "continue", "confirm"])
def test_a_fused_trial_replayed_on_its_own_gives_the_same_bits(undisturbed, role):
    records = view.read_snapshot(undisturbed.run.path).result.records
    trial = next(trial for trial in records if trial.spec.role == role)
    assert len(trial.spec.group) > 1
    assert replay_trial(undisturbed.run.path, trial.spec.number).is_same
