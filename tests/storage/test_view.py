"""Snapshots of a run folder, while it is searched and afterwards."""

import shutil
import statistics
import subprocess

import pytest
from searches import HELD_STUDY, HPSEARCH, HeldSearch, until

from hpsearch.errors import RunFolderError
from hpsearch.storage import view


@pytest.fixture
def looking(held):
    """A view of the held search, which has begun."""
    controller = held.start_held()
    looking = view.View(held.run.path)
    yield looking
    looking.close()
    (held.folder / "hold").unlink(missing_ok=True)
    assert held.end(controller) == (0, "")


def test_a_snapshot_stays_the_same_while_nothing_changes(looking):
    assert looking.read() is looking.read()


def test_it_shows_who_is_at_work_and_what_they_train(held, looking):
    snapshot = looking.read()
    assert snapshot.state == "running"
    assert [r.number for r in snapshot.running] == [0, 1]
    assert {(r.step, r.budget, r.device) for r in snapshot.running} == {(0, 2, "cpu")}
    assert snapshot.trial(2).outcome is None  # recorded, and waits for a place


def test_versions_tell_what_has_changed_since(held, looking):
    before = looking.read()
    held.release()
    until(lambda: looking.read().state == "finished", "the search ends")
    after = looking.read()
    assert after.epoch == before.epoch
    changed = {n for n, stamp in after.stamps.items() if stamp > before.version}
    assert changed == set(range(10))
    assert after.running == ()
    assert before.trial(0).outcome is None  # a snapshot is a value


def test_a_killed_controller_leaves_an_interrupted_study(held):
    controller = held.start_held()
    controller.kill()
    controller.wait()
    held.wait_until_no_process_is_left()
    snapshot = view.read_snapshot(held.run.path)
    assert (snapshot.state, snapshot.running) == ("interrupted", ())


def test_rounds_are_summed_up(finished):
    snapshot = view.read_snapshot(finished.run.path)
    first, second = snapshot.rounds
    values = [t.outcome.value for t in snapshot.members(0)]
    assert (first.best, first.median) == (min(values), statistics.median(values))
    assert first.parents == ()
    assert first.survivors == second.parents != ()
    assert second.survivors == tuple(w.number for w in snapshot.result.winners)
    assert (second.done, second.failed, second.trials) == (4, 0, 4)


def test_a_continuations_curve_begins_with_its_parents(finished):
    snapshot = view.read_snapshot(finished.run.path)
    child = next(t for t in snapshot.result.records if t.spec.role == "continue")
    steps = [step for step, _ in snapshot.curve(child.spec.number)]
    parent = [step for step, _ in snapshot.curve(child.spec.parent)]
    assert steps[: len(parent)] == parent
    assert steps[-1] == child.spec.budget
    assert snapshot.curve(child.spec.number)[-1][1] == child.outcome.value


def test_a_draws_lineage_is_recomputed(finished):
    snapshot = view.read_snapshot(finished.run.path)
    parents = set(snapshot.rounds[1].parents)
    for trial in snapshot.members(1):
        found = snapshot.lineage(trial.spec.number)
        if trial.spec.role == "continue":
            assert found.parent == trial.spec.parent
        elif found.parent is not None:
            assert found.parent in parents
            assert set(found.donors.values()) <= parents
    assert all(snapshot.lineage(t.spec.number).parent is None for t in snapshot.members(0))


def test_a_plain_draws_lineage_is_unknown_once_its_parents_differ(tmp_path):
    from dataclasses import replace

    search = HeldSearch(
        tmp_path, HELD_STUDY.replace("survivors: 2", "survivors: 2, surrogate: none")
    )
    assert search.finish() == (0, "")
    snapshot = view.read_snapshot(search.run.path)
    study = replace(snapshot.study, search=replace(snapshot.study.search, seed=99))
    other = replace(snapshot, study=study)
    draws = [t.spec.number for t in snapshot.members(1) if t.spec.role == "draw"]
    assert [other.lineage(number).parent for number in draws] == [None] * len(draws)


def test_a_folder_that_is_begun_anew_is_read_anew(finished, tmp_path):
    place = tmp_path / "s"
    shutil.copytree(finished.run.path, place)
    looking = view.View(place)
    before = looking.read()
    place.rename(tmp_path / "old")
    shutil.copytree(finished.run.path, place)
    after = looking.read()
    looking.close()
    assert after.epoch != before.epoch
    assert after.result.digest == before.result.digest


def test_no_folder_and_no_study_are_told_apart(tmp_path):
    with pytest.raises(RunFolderError, match="no such run folder"):
        view.View(tmp_path / "nothing")
    with pytest.raises(RunFolderError, match="there is no study here"):
        view.read_snapshot(tmp_path)


def test_the_time_left_is_told_while_somebody_is_at_work(held, looking):
    assert looking.read().seconds_left is None  # nothing has ended yet
    assert looking.read().seconds_gone >= 0
    held.release()
    told = []
    until(lambda: told.append(looking.read()) or told[-1].state == "finished", "the search ends")
    left = [snapshot.seconds_left for snapshot in told if snapshot.seconds_left is not None]
    assert left and all(seconds >= 0 for seconds in left)
    assert told[-1].seconds_left is None


def test_a_search_can_be_watched_from_another_terminal(held):
    controller = held.start_held()
    watching = subprocess.Popen(
        [*HPSEARCH, "status", str(held.run.path), "--watch"],
        env=held.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    held.release()
    assert held.end(controller) == (0, "")
    said = watching.communicate(timeout=60)[0]
    assert watching.returncode == 0
    assert "round 1  ■" in said or "round 1  ◆" in said
    assert "winner    trial" in said
