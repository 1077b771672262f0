"""Groups as jobs: their members end each in its own way, and what breaks a group blames nobody."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fused_search import ONE_ROUND, TRAINER, FusedSearch
from searches import SMALL_FILES_ONLY, until

from hpsearch.controller import control
from hpsearch.storage import view
from hpsearch.storage.requests import pending_requests
from hpsearch.trial import Outcome

GUILTY = 3
IN_PAIRS = ("--set", "resources.trials_per_group=2")


@pytest.fixture(scope="module")
def innocent(tmp_path_factory: pytest.TempPathFactory) -> FusedSearch:
    """One round, in which nobody misbehaves."""
    search = FusedSearch(tmp_path_factory.mktemp("innocent"), ONE_ROUND)
    assert search.finish() == (0, "")
    return search


@pytest.fixture
def search(tmp_path: Path) -> Iterator[FusedSearch]:
    search = FusedSearch(tmp_path, ONE_ROUND)
    yield search
    search.kill()


def timeless(outcome: Outcome) -> Outcome:
    return replace(outcome, seconds=0.0)


def expect_the_others_as_ever(
    search: FusedSearch, innocent: FusedSearch, guilty: Iterable[int] = (GUILTY,)
) -> None:
    for number in range(6):
        if number not in guilty:
            assert timeless(search.outcome(number)) == timeless(innocent.outcome(number))


def test_the_trials_of_a_round_are_one_job_and_its_grouping_is_recorded(innocent):
    assert innocent.spec(0).group == innocent.spec(5).group == (0, 1, 2, 3, 4, 5)
    recorded = [trial.spec.group for trial in view.read_snapshot(innocent.run.path).result.records]
    assert recorded == [(0, 1, 2, 3, 4, 5)] * 6
    assert innocent.trial(5).log.read_text() == (
        "hpsearch: trains in a group, whose output is in ../00000/log.txt\n"
    )


def test_the_digest_does_not_depend_on_the_grouping(search, innocent):
    assert search.finish("--set", "resources.trials_per_group=1") == (0, "")
    assert search.digest() == innocent.digest()
    assert search.spec(0).group == (0,)


def test_trials_of_unlike_structure_train_in_groups_of_their_own(tmp_path):
    search = FusedSearch(tmp_path, ONE_ROUND + "  depth: [1, 2]\n")
    assert search.finish() == (0, "")
    for number in range(6):
        depth = search.spec(number).params["depth"]
        alike = [n for n in range(6) if search.spec(n).params["depth"] == depth]
        assert search.spec(number).group == tuple(alike)


def expect_one_to_blame(search: FusedSearch, innocent: FusedSearch, why: str) -> None:
    outcome = search.outcome(GUILTY)
    assert (outcome.state, outcome.reason) == ("fail", "error")
    assert why in outcome.message
    expect_the_others_as_ever(search, innocent)
    assert search.spec(0).group == (0,)
    assert why in search.trial(5).alone.read_text()


def test_a_trial_that_kills_its_process_fails_and_the_others_give_what_they_ever_gave(
    search, innocent
):
    search.tell({innocent.spec(GUILTY).params["lr"]: "segfault"})
    assert search.finish() == (0, "")
    expect_one_to_blame(search, innocent, "SIGSEGV")
    [broke] = [line for line in search.lines() if "broke" in line]
    assert broke.startswith("the group of trials [0, 1, 2, 3, 4, 5] broke, each is trained alone: ")
    assert "SIGSEGV" in broke


def test_a_trial_that_ends_its_process_fails_and_the_events_in_json_tell_of_the_group_that_broke(
    search, innocent
):
    search.tell({innocent.spec(GUILTY).params["lr"]: "exit"})
    assert search.finish("--json") == (0, "")
    why = "ended with exit code 3 and without a result"
    expect_one_to_blame(search, innocent, why)
    events = [json.loads(line) for line in search.lines()]
    started = [event["spec"]["number"] for event in events if event["event"] == "TrialStarted"]
    assert started == [*range(6), *range(6)]
    [broke] = [event for event in events if event["event"] == "GroupBroke"]
    assert broke["trials"] == [0, 1, 2, 3, 4, 5]


def test_trials_that_fail_by_themselves_leave_their_group_and_nobody_else_does(search, innocent):
    guilty = {1: "nan", GUILTY: "raise"}
    search.tell({innocent.spec(number).params["lr"]: act for number, act in guilty.items()})
    search.hold()
    controller = search.start()
    until(lambda: search.trial(GUILTY).result.exists(), "one has ended")
    until(lambda: search.landed() == {1, GUILTY}, "they have landed, while the others train")
    assert not search.trial(0).result.exists()
    [place] = view.read_snapshot(search.run.path).running_groups
    assert [running.number for running in place] == [0, 2, 4, 5]
    search.release()
    assert search.end(controller) == (0, "")
    assert [search.outcome(number).reason for number in guilty] == ["nonfinite", "error"]
    expect_the_others_as_ever(search, innocent, guilty)
    assert search.spec(0).group == (0, 1, 2, 3, 4, 5)
    assert all("Traceback" in search.trial(number).log.read_text() for number in guilty)
    assert not [line for line in search.lines() if "broke" in line]


def test_a_trial_that_somebody_stops_leaves_its_group_and_the_others_train_on(search, innocent):
    search.study.write_text(ONE_ROUND.replace("steps: 40", "steps: 400"))
    search.slow(0.1)
    controller = search.start()
    until(lambda: search.evaluations() > 12, "it trains")
    control.stop_trial(search.run.path, GUILTY)
    until(lambda: search.trial(GUILTY).result.exists(), "it has ended")
    assert not search.trial(0).result.exists()
    search.fast()
    assert search.end(controller) == (0, "")
    outcome = search.outcome(GUILTY)
    assert (outcome.reason, outcome.message) == ("killed", "stopped on request")
    assert 0 < outcome.steps < 400
    assert [search.outcome(n).steps for n in (0, 1, 2, 4, 5)] == [400] * 5
    assert search.spec(0).group == (0, 1, 2, 3, 4, 5)
    assert not pending_requests(search.run)


@pytest.mark.slow
def test_a_group_that_does_not_hear_is_ended_for_the_trial_that_somebody_stops(search, innocent):
    guilty = innocent.spec(GUILTY).params["lr"]
    search.tell({guilty: "hang"})
    controller = search.start("--set", "limits.retries=0")
    until(lambda: search.has_evaluated(guilty), "it hangs")
    control.stop_trial(search.run.path, GUILTY)
    assert search.end(controller) == (0, "")
    assert search.outcome(GUILTY).message == "stopped on request"
    expect_the_others_as_ever(search, innocent)
    assert search.spec(0).group == (0, 1, 2, 4, 5)


@pytest.mark.slow
def test_a_group_has_its_trials_shares_of_time_and_a_trial_that_takes_more_fails_alone(
    search, innocent
):
    search.tell({innocent.spec(GUILTY).params["lr"]: "hang"})
    assert search.finish(*IN_PAIRS, "--set", "limits.trial_seconds=4", "--parallel", "2") == (0, "")
    assert search.outcome(GUILTY).reason == "timeout"
    assert search.outcome(GUILTY).message == "ran longer than limits.trial_seconds = 4 s"
    expect_the_others_as_ever(search, innocent)
    [broke] = [line for line in search.lines() if "broke" in line]
    assert broke.startswith("the group of trials [2, 3] broke")
    assert "ran longer than 2 times limits.trial_seconds = 4 s" in broke


def test_a_group_has_its_trials_shares_of_memory_and_a_trial_that_takes_more_fails_alone(
    search, innocent
):
    search.tell({innocent.spec(GUILTY).params["lr"]: "memory"})
    assert search.finish(*IN_PAIRS, "--set", "limits.trial_memory_mib=500") == (0, "")
    assert search.outcome(GUILTY).reason == "out_of_memory"
    assert search.outcome(GUILTY).message.endswith("more than limits.trial_memory_mib = 500 MiB")
    expect_the_others_as_ever(search, innocent)
    [broke] = [line for line in search.lines() if "broke" in line]
    assert broke.endswith("more than 2 times limits.trial_memory_mib = 500 MiB")


@pytest.mark.slow
def test_a_disk_without_room_for_a_groups_checkpoints_costs_no_trial(tmp_path, innocent):
    built = "nn.Sequential(*hidden, nn.Linear(3, 1))"
    heavy = f"net = {built}; net.register_buffer('ballast', torch.zeros(400_000))"
    trainer = TRAINER.replace(f'return {{"net": {built}}}', heavy + '\n        return {"net": net}')
    search = FusedSearch(tmp_path, ONE_ROUND, trainer)
    search.prefix = SMALL_FILES_ONLY
    code, errors = search.finish("--quiet")
    assert code == 2
    assert "are safe; free space" in errors and len(errors.splitlines()) == 1
    search.wait_until_no_process_is_left()
    assert search.landed() == set()
    search.prefix = []
    assert search.finish() == (0, "")
    assert search.digest() == innocent.digest()
    assert search.spec(0).group == (0, 1, 2, 3, 4, 5)


@pytest.mark.slow
def test_a_trainer_that_cannot_be_fused_runs_alone_and_one_line_says_why(tmp_path):
    trainer = TRAINER.replace(
        "return nn.functional.mse", "float(hp.lr) + 1; return nn.functional.mse"
    )
    search = FusedSearch(tmp_path / "fused", ONE_ROUND, trainer)
    off = FusedSearch(tmp_path / "off", ONE_ROUND + "fuse: off\n", trainer)
    for each in (search, off):
        assert each.finish() == (0, "")
        assert [each.spec(number).group for number in range(6)] == [()] * 6
    assert search.digest() == off.digest()
    [said] = [line for line in search.lines() if "its own process" in line]
    assert said.startswith("each trial has its own process, because ")
    assert not [line for line in off.lines() if "its own process" in line]


def test_several_threads_on_a_cpu_train_one_process_a_trial_and_one_line_says_why(search):
    search.hold()
    controller = search.start("--set", "resources.threads=2")
    until(lambda: search.trial(0).spec.exists(), "it trains")
    controller.terminate()
    assert search.end(controller)[0] == 130
    assert search.spec(0).group == ()
    assert search.lines()[1] == (
        "each trial has its own process, because with several threads on a CPU, results depend on "
        "the group size (resources.threads is 2)"
    )


@pytest.mark.slow
def test_a_marked_trial_stays_alone_when_the_search_goes_on(search, innocent):
    search.hold()
    controller = search.start()
    until(lambda: search.trial(GUILTY).spec.exists(), "it has begun")
    controller.kill()
    controller.wait()
    search.wait_until_no_process_is_left()
    search.release()
    assert not search.trial(GUILTY).result.exists()
    search.trial(GUILTY).alone.write_text("its group broke")
    assert search.finish() == (0, "")
    assert search.spec(GUILTY).group == (GUILTY,)
    assert search.digest() == innocent.digest()
