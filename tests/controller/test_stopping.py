"""An end after the round at hand, and more rounds: how far a search goes when people say so."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from searches import HELD_TRAINER, HeldSearch, until

from hpsearch.controller import control
from hpsearch.errors import HpsearchError
from hpsearch.storage import view
from hpsearch.storage.requests import PendingRequests, pending_requests

# Single trials can be held too, by a file "hold-00008".
HOLD_ONE = HELD_TRAINER.replace(
    "HOLD.exists()",
    'HOLD.exists() or HOLD.with_name("hold-" + run.folder.path.name).exists()',
)


@pytest.fixture
def late(tmp_path: Path) -> Iterator[HeldSearch]:
    """The small search; any trial of it can be held."""
    search = HeldSearch(tmp_path / "late")
    search.trainer.write_text(HOLD_ONE)
    yield search
    search.kill()


@pytest.fixture(scope="module")
def extended(undisturbed: HeldSearch, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of the small search, finished and then given a third round."""
    search = HeldSearch(tmp_path_factory.mktemp("extended"))
    shutil.copytree(undisturbed.run.path, search.run.path)
    assert search.finish("--set", "search.rounds=3") == (0, "")
    return search.digest()


def rounds(search: HeldSearch) -> int:
    return len(view.read_snapshot(search.run.path).result.rounds)


def state(search: HeldSearch) -> str:
    return view.read_snapshot(search.run.path).state


def test_an_end_lets_the_round_finish_and_confirms_its_winners(held):
    controller = held.start_held()
    said = control.finish_after_round(held.run.path)
    assert said == (
        "no round begins after round 0: it is finished and the winners are confirmed; "
        f"`hpsearch resume {held.run.path}` withdraws that"
    )
    held.release()
    assert held.end(controller) == (0, "")
    snapshot = view.read_snapshot(held.run.path)
    assert (snapshot.state, snapshot.plan.rounds, rounds(held)) == ("finished", 1, 1)
    assert snapshot.result.best is not None
    assert len(snapshot.result.records) == 4 + 2


def test_an_end_stands_until_it_is_withdrawn_and_the_same_command_says_so(held):
    controller = held.start_held()
    control.finish_after_round(held.run.path)
    held.release()
    assert held.end(controller) == (0, "")
    before = held.digest()
    assert held.finish() == (0, "")
    assert (
        f"no further round after 1 of 2, as requested; `hpsearch resume {held.run.path}` withdraws"
        in held.stdout()
    )
    assert (held.digest(), state(held)) == (before, "finished")
    assert pending_requests(held.run).end_after == 0
    assert held.ask("resume").returncode == 0
    until(lambda: rounds(held) == 2, "the second round begins")
    until(lambda: held.run.holder() is None, "it has finished")
    assert (state(held), pending_requests(held.run)) == ("finished", PendingRequests())
    assert len(view.read_snapshot(held.run.path).result.records) == 4 + 2 + 4 + 2


def test_an_end_is_kept_through_a_kill(held):
    controller = held.start_held()
    control.finish_after_round(held.run.path)
    controller.kill()
    controller.wait()
    held.release()
    assert held.finish() == (0, "")
    assert (state(held), rounds(held)) == ("finished", 1)


def test_an_end_that_is_withdrawn_in_time_changes_nothing(held, undisturbed_held):
    controller = held.start_held()
    control.finish_after_round(held.run.path)
    assert control.resume_search(held.run.path) == "rounds after round 0 may begin again"
    held.release()
    assert held.end(controller) == (0, "")
    assert held.digest() == undisturbed_held


def test_the_last_round_needs_no_end(finished):
    with pytest.raises(HpsearchError, match="round 1 is the last of 2 anyway"):
        control.finish_after_round(finished.run.path)
    assert not pending_requests(finished.run)


def test_rounds_added_to_a_finished_search_run_with_the_same_command(finished, extended):
    assert finished.finish() == (0, "")
    said = control.extend_search(finished.run.path, 1)
    assert said == (
        f"3 rounds in all, once the search resumes: `hpsearch resume {finished.run.path}`"
    )
    assert pending_requests(finished.run).rounds == 3
    assert finished.finish() == (0, "")
    assert (finished.digest(), state(finished)) == (extended, "finished")
    assert not pending_requests(finished.run)
    assert finished.finish() == (0, "")
    assert finished.digest() == extended


def test_rounds_added_to_a_finished_search_run_by_resume(held, extended):
    assert held.finish() == (0, "")
    control.extend_search(held.run.path, 1)
    assert held.ask("resume").returncode == 0
    until(lambda: rounds(held) == 3, "the third round begins")
    until(lambda: held.run.holder() is None, "it has finished")
    assert held.digest() == extended


def test_rounds_added_in_the_last_round_follow_it_before_anything_is_confirmed(late):
    (late.folder / "hold-00005").touch()
    controller = late.start()
    until(lambda: (late.trial(5).path / "attempts").exists(), "the last round runs")
    assert (
        control.extend_search(late.run.path, 1)
        == "3 rounds in all, from the end of the current round on"
    )
    (late.folder / "hold-00005").unlink()
    assert late.end(controller) == (0, "")
    assert "rounds were added: 3 in all" in late.stdout()
    roles = [t.spec.role for t in view.read_snapshot(late.run.path).result.records]
    assert roles[8:12] == ["continue"] * 2 + ["draw"] * 2 and roles[12:] == ["confirm"] * 2
    assert not pending_requests(late.run)


@pytest.mark.parametrize("killed", [False, True], ids=["undisturbed", "killed"])
def test_rounds_added_during_the_confirmation_follow_it(late, extended, killed):
    (late.folder / "hold-00008").touch()
    controller = late.start()
    until(lambda: (late.trial(8).path / "attempts").exists(), "the confirmation runs")
    control.extend_search(late.run.path, 1)
    if killed:
        controller.kill()
        controller.wait()
    (late.folder / "hold-00008").unlink()
    assert (late.finish() if killed else late.end(controller)) == (0, "")
    assert late.digest() == extended


def test_more_rounds_withdraw_an_end(held):
    controller = held.start_held()
    control.finish_after_round(held.run.path)
    control.extend_search(held.run.path, 2)
    assert pending_requests(held.run).end_after is None
    held.release()
    assert held.end(controller) == (0, "")
    assert rounds(held) == 4


def test_rounds_to_add_are_one_or_more(finished):
    answer = finished.ask("add-rounds", "0")
    assert answer.returncode == 2
    assert answer.stderr == "hpsearch: rounds to add: must be 1 or more, got 0\n"
    assert not finished.run.rounds_request.exists()


def test_a_request_that_someone_has_spoilt_is_named(finished):
    finished.run.end_request.write_text("soon")
    code, errors = finished.finish()
    assert (code, errors) == (
        2,
        f"hpsearch: {finished.run.path}/end: must be a whole number, got 'soon'; correct it or "
        "delete the file\n",
    )


def test_what_is_known_of_rounds_in_json_says_how_much_is_to_come(late):
    (late.folder / "hold-00005").touch()
    controller = late.start("--json")
    until(lambda: (late.trial(5).path / "attempts").exists(), "the last round runs")
    control.extend_search(late.run.path, 1)
    (late.folder / "hold-00005").unlink()
    assert late.end(controller) == (0, "")
    said = [json.loads(line) for line in late.stdout().splitlines()]
    [added] = [event for event in said if event["event"] == "RoundsAdded"]
    # 4 draws to 2 steps; then 2 draws to 4 and 8, beside 2 survivors; 2 confirmations to 8.
    assert (added["rounds"], added["stages"]) == (3, [8, 12, 24, 16])
