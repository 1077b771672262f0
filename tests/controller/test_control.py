"""What a person can do to a search at work: pause it, stop a trial, note, start it again."""

import json
import os
import signal
from typing import Any

import psutil
import pytest
from searches import HeldSearch, until

from hpsearch.controller import control
from hpsearch.errors import HpsearchError
from hpsearch.storage import view
from hpsearch.storage.requests import pending_requests
from hpsearch.trial import Outcome


def events(search: HeldSearch) -> list[dict[str, Any]]:
    """What a search that was started with --json has said."""
    return [json.loads(line) for line in search.stdout().splitlines() if line.endswith("}")]


def names(search: HeldSearch) -> list[str]:
    return [event["event"] for event in events(search)]


def outcome(search: HeldSearch, number: int) -> Outcome:
    found = view.read_snapshot(search.run.path).result.records[number].outcome
    assert found is not None
    return found


def start_held(search: HeldSearch, *arguments: str) -> Any:
    """As `start_held`, with arguments."""
    search.hold()
    controller = search.start(*arguments)
    places = [search.trial(number).path / "attempts" for number in range(2)]
    until(lambda: all(place.exists() for place in places), "the first trials run")
    return controller


def pause_with_two_ended(search: HeldSearch) -> Any:
    """A search whose first two trials have ended while it was paused."""
    controller = start_held(search, "--json")
    said = control.pause_search(search.run.path)
    assert said == (
        "paused: running trials finish, no new one starts until "
        f"`hpsearch resume {search.run.path}`"
    )
    until(lambda: "Paused" in names(search), "it has heard")
    search.release()
    until(lambda: names(search).count("TrialEnded") == 2, "the running trials have ended")
    return controller


def test_a_pause_lets_running_trials_finish_and_starts_none(held, undisturbed_held):
    controller = pause_with_two_ended(held)
    assert pending_requests(held.run).paused
    assert control.resume_search(held.run.path) == "the pause is lifted"
    assert held.end(controller) == (0, "")
    said = names(held)
    assert "TrialStarted" not in said[said.index("Paused") : said.index("Resumed")]
    assert held.digest() == undisturbed_held
    assert not pending_requests(held.run)


def test_a_paused_search_can_be_stopped_and_the_same_command_goes_on(held, undisturbed_held):
    controller = pause_with_two_ended(held)
    control.stop_search(held.run.path)
    assert held.end(controller)[0] == 130
    assert not pending_requests(held.run)
    assert held.finish() == (0, "")
    assert held.digest() == undisturbed_held


def test_ctrl_c_ends_a_paused_search(held, undisturbed_held):
    controller = pause_with_two_ended(held)
    controller.send_signal(signal.SIGINT)
    assert held.end(controller)[0] == 130
    assert held.finish() == (0, "")
    assert held.digest() == undisturbed_held


def test_a_pause_that_a_killed_search_has_left_holds_nothing(held, undisturbed_held):
    controller = held.start_held()
    control.pause_search(held.run.path)
    controller.kill()
    controller.wait()
    assert not pending_requests(held.run).paused
    held.release()
    assert held.finish() == (0, "")
    assert held.digest() == undisturbed_held


def test_a_pause_between_rounds_holds_the_next_round_back(tmp_path):
    search = HeldSearch(tmp_path)
    try:
        controller = start_held(search, "--json", "--parallel", "4")
        control.pause_search(search.run.path)
        until(lambda: "Paused" in names(search), "it has heard")
        search.release()
        until(lambda: "RoundEnded" in names(search), "the round is over")
        # Asked for while nothing runs, so the next round has not begun and never does.
        control.finish_after_round(search.run.path)
        control.stop_search(search.run.path)
        assert search.end(controller)[0] == 130
        assert len(view.read_snapshot(search.run.path).result.rounds) == 1
    finally:
        search.kill()


def test_a_running_trial_is_stopped_once_and_for_all(held):
    controller = held.start_held()
    assert (
        control.stop_trial(held.run.path, 0) == "trial 0 is stopped and counts as failed (killed)"
    )
    until(lambda: held.trial(0).result.exists(), "it has ended")
    held.release()
    assert held.end(controller) == (0, "")
    found = outcome(held, 0)
    assert (found.state, found.value) == ("fail", None)
    assert (found.reason, found.message) == ("killed", "stopped on request")
    assert held.attempts() == [1] * 10
    assert not pending_requests(held.run)
    assert list(held.run.cancel_requests.iterdir()) == []


def test_a_waiting_trial_that_is_stopped_never_begins(held):
    controller = held.start_held()
    control.stop_trial(held.run.path, 3)
    until(lambda: held.trial(3).result.exists(), "it has ended")
    held.release()
    assert held.end(controller) == (0, "")
    assert outcome(held, 3).message == "stopped on request"
    assert not (held.trial(3).path / "attempts").exists()


def test_a_trial_is_stopped_even_if_the_search_is_killed_before_it_can_do_it(held, tmp_path):
    once = HeldSearch(tmp_path / "once")
    try:
        controller = once.start_held()
        for number in (0, 3):
            control.stop_trial(once.run.path, number)
            until(lambda n=number: once.trial(n).result.exists(), "it has ended")
        once.release()
        assert once.end(controller) == (0, "")
        controller = held.start_held()
        controller.send_signal(signal.SIGSTOP)  # it cannot do what is asked of it now
        for number in (0, 3):
            control.stop_trial(held.run.path, number)
        assert pending_requests(held.run).cancel == (0, 3)
        controller.kill()
        controller.wait()
        held.wait_until_no_process_is_left()  # or a trial might end before it is killed
        held.release()
        assert held.finish() == (0, "")
        assert (held.trial(0).path / "attempts").read_text() == "x"
        assert outcome(held, 0).message == outcome(held, 3).message == "stopped on request"
        assert held.digest() == once.digest()
    finally:
        once.kill()


def test_a_trial_that_has_ended_or_is_none_cannot_be_stopped(finished):
    with pytest.raises(HpsearchError, match=r"s: trial 0 has ended already$"):
        control.stop_trial(finished.run.path, 0)
    with pytest.raises(HpsearchError, match=r"there is no trial 10 \(has: 0 to 9\)$"):
        control.stop_trial(finished.run.path, 10)
    assert not pending_requests(finished.run)


def test_a_note_is_kept_with_its_trial_until_an_empty_one_replaces_it(finished):
    run, place = finished.run.path, finished.trial(3)
    assert control.write_note(run, 3, " sharp, but grey\n") == "noted on trial 3"
    assert place.note.read_text() == "sharp, but grey"
    assert finished.ask("note", "3").stdout == "sharp, but grey\n"
    assert finished.ask("note", "3", "größer").returncode == 0
    assert place.read_note() == "größer"
    assert control.write_note(run, 3, "") == "the note on trial 3 is removed"
    assert not place.note.exists() and finished.ask("note", "3").stdout == "no note on trial 3\n"


def test_a_note_on_a_trial_that_waits_does_not_disturb_it(held, undisturbed_held):
    controller = held.start_held()
    control.write_note(held.run.path, 3, "my favourite")
    held.release()
    assert held.end(controller) == (0, "")
    assert held.trial(3).read_note() == "my favourite"
    assert held.digest() == undisturbed_held


def test_a_note_that_is_too_long_or_has_no_trial_is_refused(finished):
    with pytest.raises(HpsearchError, match=r"at most 10,000 characters, has 10,001; shorten it"):
        control.write_note(finished.run.path, 3, "x" * 10_001)
    with pytest.raises(HpsearchError, match=r"there is no trial 99 \(has: 0 to 9\)"):
        control.write_note(finished.run.path, 99, "x")
    assert not list(finished.run.path.glob("trials/*/note.txt"))


def test_resume_starts_a_killed_search_in_a_session_of_its_own(held, undisturbed_held):
    controller = held.start_held()
    controller.kill()
    controller.wait()
    held.is_fresh = True  # its output is a pipe, which no child may hold open
    answer = held.ask("resume")
    assert answer.stderr == ""
    number = int(answer.stdout.split()[3].rstrip(","))
    assert answer.stdout == (
        f"started as process {number}, which writes to {held.run.path}/controller.log\n"
    )
    until(lambda: (held.run.holder() or {}).get("pid") == number, "it is at work")
    assert os.getsid(number) == number
    assert psutil.Process(number).ppid() != os.getpid()
    with pytest.raises(HpsearchError, match="running, neither paused nor asked to finish"):
        control.resume_search(held.run.path)
    held.release()
    until(lambda: held.run.holder() is None, "it has finished")
    assert held.digest() == undisturbed_held
    until(lambda: "winner" in held.run.controller_log.read_text(), "it says what it has found")


def test_stop_ends_a_search_that_resume_has_started(held, undisturbed_held):
    controller = held.start_held()
    controller.kill()
    controller.wait()
    held.wait_until_no_process_is_left()
    assert held.ask("resume").returncode == 0
    until(lambda: held.attempts() == [2, 2], "its first trials run")
    assert held.ask("stop", "--now").stdout.splitlines()[-1].startswith("stopped; ")
    assert held.run.holder() is None
    held.release()
    assert held.finish() == (0, "")
    assert held.digest() == undisturbed_held


def test_resume_uses_the_overrides_that_the_search_was_started_with(held):
    held.hold()
    controller = held.start("--set", "search.rounds=1")
    until(lambda: (held.trial(1).path / "attempts").exists(), "its first trials run")
    controller.kill()
    controller.wait()
    held.release()
    assert held.ask("resume").returncode == 0
    until(
        lambda: held.run.database.exists() and view.read_snapshot(held.run.path).finished, "it ends"
    )
    assert len(view.read_snapshot(held.run.path).result.rounds) == 1


def test_resume_says_when_there_is_nothing_to_go_on_with(held):
    assert held.finish() == (0, "")
    with pytest.raises(HpsearchError, match=r"the search has finished; `hpsearch add-rounds .* 1`"):
        control.resume_search(held.run.path)
    held.study.unlink()
    with pytest.raises(HpsearchError, match=r"study\.yaml: the study that .* was started from is"):
        control.resume_search(held.run.path)


def test_resume_starts_nothing_for_a_run_folder_that_was_copied(finished):
    with pytest.raises(HpsearchError, match="has been moved or copied; type `hpsearch run"):
        control.resume_search(finished.run.path)


@pytest.mark.parametrize("command", ["pause", "stop"])
def test_what_needs_a_search_at_work_says_when_there_is_none(finished, command):
    answer = finished.ask(command)
    assert answer.returncode == 2
    assert answer.stderr == f"hpsearch: {finished.run.path}: no search is running here\n"


def test_status_shows_what_has_been_asked_for(held):
    controller = held.start_held()
    controller.send_signal(signal.SIGSTOP)  # so that it takes none of them up
    for command, *arguments in (
        ["pause"], ["stop", "--trial", "1"], ["rerun", "0"], ["add-rounds", "2"], ["finish"]
    ):  # fmt: skip
        answer = held.ask(command, *arguments)
        assert (answer.returncode, answer.stderr) == (0, ""), command
    [line] = [t for t in held.ask("status").stdout.splitlines() if t.startswith("asked")]
    assert line == (
        "asked     trial 1 is stopped; trial 0 is trained again; paused; "
        "no round after round 0; 4 rounds in all"
    )
    controller.kill()
    controller.wait()


@pytest.mark.parametrize("old, new", [("go-on", "resume"), ("end", "finish"), ("again", "rerun")])
def test_an_old_command_is_refused_with_its_new_name(finished, old, new):
    answer = finished.ask(old, "3", "--anything")
    assert (answer.returncode, answer.stderr) == (2, f"hpsearch: `{old}` is now `{new}`\n")
