"""A trial that is trained again: what it is, and that the search does not notice it."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from searches import HELD_STUDY, HeldSearch, until
from test_stopping import HOLD_ONE

from hpsearch.controller import control
from hpsearch.errors import HpsearchError
from hpsearch.method.seeds import rerun_seed
from hpsearch.storage import view
from hpsearch.storage.requests import pending_requests
from hpsearch.storage.result import Result


def result(search: HeldSearch) -> Result:
    return view.read_snapshot(search.run.path).result


def own(found: Result) -> list[tuple[object, ...]]:
    """The trials that nobody wanted again, but for their numbers."""
    return [
        (t.spec.role, t.spec.seed, dict(t.spec.params), t.outcome and t.outcome.value)
        for t in found.records
        if t.spec.role != "rerun"
    ]


@pytest.fixture
def late(tmp_path: Path) -> Iterator[HeldSearch]:
    """The small search; any trial of it can be held."""
    search = HeldSearch(tmp_path / "late")
    search.trainer.write_text(HOLD_ONE)
    yield search
    search.kill()


def test_a_trial_again_has_its_parameters_and_budget_and_a_seed_of_its_own(held, undisturbed):
    controller = held.start_held()
    said = control.rerun_trial(held.run.path, 1)
    assert said == "trial 1 is rerun under a fresh seed after the waiting trials"
    assert control.rerun_trial(held.run.path, 1).endswith("; earlier reruns: 1")
    assert pending_requests(held.run).reruns == (1, 1)
    held.release()
    assert held.end(controller) == (0, "")
    found = result(held)
    parent, first, second = (found.records[number] for number in (1, 4, 5))
    for repeat, trial in enumerate((first, second)):
        assert (trial.spec.role, trial.spec.parent, trial.spec.index) == ("rerun", 1, repeat)
        assert trial.spec.params == parent.spec.params
        assert trial.spec.budget == parent.spec.budget
        assert trial.spec.seed == rerun_seed(0, 1, repeat)
        assert trial.outcome is not None and trial.outcome.state == "complete"
        assert held.trial(trial.spec.number).checkpoint.exists()
    assert not pending_requests(held.run)
    assert own(found) == own(result(undisturbed))
    assert found.best is not None and undisturbed is not None
    assert found.best.confirmed == result(undisturbed).best.confirmed  # type: ignore[union-attr]


def test_a_trial_again_never_counts_as_the_best_or_as_one_of_its_round(tmp_path):
    # Its loss is the smallest of all, by far.
    study = HELD_STUDY.replace("confirm: {top: 1, seeds: 2}", "confirm: {top: 0}")
    search = HeldSearch(tmp_path, study)
    search.trainer.write_text(
        "def train(run):\n"
        "    for step in range(1, run.budget + 1):\n"
        "        run.report(step, loss=-9.0 if run.role == 'rerun' else run.hp.lr)\n"
    )
    assert search.finish() == (0, "")
    before = result(search).best_trial
    control.rerun_trial(search.run.path, 7)
    control.extend_search(search.run.path, 1)
    assert search.finish() == (0, "")
    found = result(search)
    [trial] = [t for t in found.records if t.spec.role == "rerun"]
    assert trial.outcome is not None and trial.outcome.value == -9.0
    assert trial.spec.number not in found.rounds[2].survivors
    assert found.best_trial is not None and found.best_trial.spec.number != trial.spec.number
    assert before is not None and before.spec.role != "rerun"
    assert view.read_snapshot(search.run.path).state == "finished"
    [line] = [x for x in search.ask("status").stdout.splitlines() if x.strip().startswith("1 of 3")]
    assert "4/4" in line.split()


def test_a_trial_of_a_finished_search_runs_again_with_the_same_command(finished):
    before = own(result(finished))
    control.rerun_trial(finished.run.path, 3)
    assert finished.finish() == (0, "")
    records = result(finished).records
    assert (len(records), records[10].spec.role, records[10].spec.parent) == (11, "rerun", 3)
    assert own(result(finished)) == before
    assert view.read_snapshot(finished.run.path).state == "finished"
    assert finished.finish() == (0, "")
    assert len(result(finished).records) == 11


def test_resume_runs_what_a_finished_search_was_asked_for_again(held):
    assert held.finish() == (0, "")
    said = control.rerun_trial(held.run.path, 3)
    assert said.endswith(f" by `hpsearch resume {held.run.path}`")
    assert held.ask("resume").returncode == 0
    until(lambda: len(result(held).records) == 11, "it is recorded")
    until(lambda: held.run.holder() is None, "it has finished")
    assert view.read_snapshot(held.run.path).state == "finished"


def test_a_kill_between_recording_a_trial_again_and_saying_so_runs_it_once(finished):
    control.rerun_trial(finished.run.path, 3)
    assert finished.finish() == (0, "")
    [request] = finished.run.rerun_requests.iterdir()
    assert request.read_text() == "10"
    request.write_text("")  # as if it had been killed before
    assert pending_requests(finished.run).reruns == (3,)
    before = finished.digest()
    assert finished.finish() == (0, "")
    assert (finished.digest(), request.read_text()) == (before, "10")


def test_a_trial_again_that_was_killed_runs_to_its_end(late):
    (late.folder / "hold-00003").touch()
    (late.folder / "hold-00004").touch()
    controller = late.start()
    until(lambda: (late.trial(3).path / "attempts").exists(), "the round runs")
    control.rerun_trial(late.run.path, 0)
    until(lambda: (late.trial(4).path / "attempts").exists(), "it runs beside the round's last")
    controller.send_signal(signal.SIGKILL)
    controller.wait()
    for number in (3, 4):
        (late.folder / f"hold-{number:05d}").unlink()
    assert late.finish() == (0, "")
    found = result(late)
    assert [t.spec.role for t in found.records].count("rerun") == 1
    assert found.records[4].spec.role == "rerun"
    assert found.records[4].outcome is not None
    assert found.records[4].outcome.state == "complete"


def test_a_trial_again_can_be_stopped(late):
    (late.folder / "hold-00003").touch()
    (late.folder / "hold-00004").touch()
    controller = late.start()
    until(lambda: (late.trial(3).path / "attempts").exists(), "the round runs")
    control.rerun_trial(late.run.path, 0)
    until(lambda: (late.trial(4).path / "attempts").exists(), "it runs beside the round's last")
    control.stop_trial(late.run.path, 4)
    until(lambda: late.trial(4).result.exists(), "it has ended")
    (late.folder / "hold-00003").unlink()
    assert late.end(controller) == (0, "")
    outcome = result(late).records[4].outcome
    assert outcome is not None and outcome.message == "stopped on request"


def test_a_trial_that_is_none_cannot_be_trained_again(finished):
    with pytest.raises(HpsearchError, match=r"there is no trial 99 \(has: 0 to 9\)"):
        control.rerun_trial(finished.run.path, 99)
    assert not finished.run.rerun_requests.exists()


def test_a_trial_outside_an_accepted_space_cannot_be_trained_again(finished):
    finished.study.write_text(HELD_STUDY.replace("lr: {uniform: [0, 1]}", "lr: {uniform: [2, 3]}"))
    finished.study.write_text(finished.study.read_text().replace("rounds: 2", "rounds: 3"))
    finished.finish("--accept-changes")
    with pytest.raises(HpsearchError, match="parameters of trial 0 are outside the space"):
        control.rerun_trial(finished.run.path, 0)
