"""Going on with a search: what is finished stays, what is missing runs, a change is told."""

import re
import signal

from searches import HELD_STUDY, HeldSearch, Search, until

HOLD_LATE = "HOLD.exists() and run.folder.path.name in ('00006', '00007')"


def result_of(search: Search, number: int) -> bool:
    return search.trial(number).result.exists()


def test_results_that_were_not_recorded_yet_are_recorded_and_not_run_again(held, undisturbed_held):
    controller = held.start_held()
    controller.send_signal(signal.SIGSTOP)  # it cannot record what comes now
    held.release()
    until(lambda: result_of(held, 0) and result_of(held, 1), "both trials have ended")
    controller.kill()
    controller.wait()
    assert not [t for t in held.optuna_study().trials if t.state.is_finished()]
    assert held.finish() == (0, "")
    assert held.attempts() == [1] * 10
    assert held.digest() == undisturbed_held


def test_a_finished_search_shows_its_result_again_and_runs_nothing(finished, undisturbed_held):
    assert finished.finish("--quiet") == (0, "")
    assert finished.attempts() == [1] * 10
    assert finished.digest() == undisturbed_held
    assert re.fullmatch(r"winner +trial \d+: loss .* over 2 seeds .*\n +lr=.*\n", finished.stdout())


def test_a_search_with_more_rounds_goes_on_to_what_it_would_have_been(tmp_path):
    study = HELD_STUDY.replace("confirm: {top: 1, seeds: 2}", "confirm: {top: 0}")
    once, twice = HeldSearch(tmp_path / "once", study), HeldSearch(tmp_path / "twice", study)
    assert once.finish("--set", "search.rounds=3") == (0, "")
    assert twice.finish() == (0, "")
    before = twice.digest()
    assert twice.finish("--set", "search.rounds=3") == (0, "")
    assert twice.digest() == once.digest() != before
    assert twice.attempts() == [1] * 12


def test_a_search_with_fewer_rounds_is_refused(finished):
    code, errors = finished.finish("--set", "search.rounds=1", "--accept-changes")
    assert code == 2
    assert "search.rounds: 2 -> 1 (rounds can be added, not removed)" in errors


def test_a_changed_study_is_refused_with_the_difference_until_it_is_accepted(finished):
    finished.study.write_text(HELD_STUDY.replace("uniform: [0, 1]", "uniform: [0, 2]"))
    code, errors = finished.finish()
    assert code == 2
    assert errors == (
        f"hpsearch: {finished.run.path} was started with another study:\n"
        "  space.lr.uniform: [0, 1] -> [0, 2]\n"
        "Undo the change, start afresh with "
        f"`hpsearch run {finished.study} --runs OTHER_FOLDER`, or go on with "
        "--accept-changes (finished trials stay as they are)\n"
    )
    assert finished.finish("--accept-changes", "--set", "search.rounds=3")[0] == 0
    assert "space.lr.uniform: [0, 1] -> [0, 2]" in finished.run.accepted.read_text()
    assert finished.finish("--set", "search.rounds=3") == (0, "")


def test_what_a_finished_trial_rests_on_can_never_be_changed(finished):
    finished.study.write_text(HELD_STUDY.replace("minimize", "maximize"))
    code, errors = finished.finish("--accept-changes")
    assert code == 2
    assert "Its trials cannot be used with this one." in errors


def test_a_changed_trainer_is_refused_with_the_difference_until_it_is_accepted(held):
    controller = held.start_held()
    controller.kill()
    controller.wait()
    held.release()
    held.trainer.write_text(held.trainer.read_text().replace("0.3", "0.7"))
    code, errors = held.finish()
    assert code == 2
    assert "was started with another trainer:\n  --- trainer.py (recorded)\n" in errors
    assert "\n  -        run.report(step, loss=(run.hp.lr - 0.3)" in errors
    assert "\n  +        run.report(step, loss=(run.hp.lr - 0.7)" in errors
    assert held.finish("--accept-changes") == (0, "")
    assert "(run.hp.lr - 0.7)" in held.run.accepted.read_text()
    assert held.finish() == (0, "")


def test_an_acceptance_that_was_killed_half_way_can_be_typed_again(finished):
    finished.trainer.write_text(finished.trainer.read_text() + "# more\n")
    # The sources are kept one by one, and what they are in all comes last.
    (finished.run.trainer / "trainer.py.txt").write_text(finished.trainer.read_text())
    assert "\n  trainer.py: changed\n" in finished.finish()[1]
    assert finished.finish("--accept-changes") == (0, "")
    assert finished.finish() == (0, "")


def test_checkpoints_are_kept_of_survivors_and_of_the_winners_trainings_only(finished):
    kept = {int(p.parent.name) for p in finished.run.path.glob("trials/*/checkpoint.pt")}
    trials = finished.optuna_study().trials
    last = sorted((t for t in trials[:8] if t.user_attrs["budget"] == 4), key=lambda t: t.value)
    assert kept == {last[0].number, last[1].number, 8, 9}


def test_a_resume_keeps_the_checkpoints_that_the_next_round_needs(held):
    # Ended when the second round is half done; then the first one comes by again.
    held.trainer.write_text(held.trainer.read_text().replace("HOLD.exists()", HOLD_LATE))
    held.hold()
    controller = held.start()
    until(lambda: result_of(held, 4) and result_of(held, 5), "half of the second round has ended")
    until(lambda: held.attempts()[6:] == [1, 1], "the other half waits")
    controller.kill()
    controller.wait()
    controller = held.start()
    until(lambda: held.attempts()[6:] == [2, 2], "the other half waits again")
    kept = {int(p.parent.name) for p in held.run.path.glob("trials/*/checkpoint.pt")}
    assert kept >= {4, 5}
    controller.terminate()
    controller.wait()


def test_a_torn_last_report_is_forgotten_and_said_again(tmp_path):
    trainer = """\
import os, signal


def train(run):
    again = run.last is not None
    if again:
        (run.folder.path / "saw").write_text(str(run.last.step))
    for step in range(run.last.step + 1 if again else 1, run.budget + 1):
        run.report(step, loss=run.hp.lr * step)
        if step == 3 and not again:
            with run.folder.reports.open("ab") as reports:
                reports.write(b'{"step": 4, "metr')
            os.kill(os.getpid(), signal.SIGKILL)
"""
    study = HELD_STUDY.replace("steps: 2", "steps: 5").replace("rounds: 2", "rounds: 1")
    search = Search(tmp_path, study, trainer)
    assert search.finish() == (0, "")
    for number in range(6):
        assert (search.trial(number).path / "saw").read_text() == "3"
        assert [report.step for report in search.trial(number).read_reports()] == [1, 2, 3, 4, 5]
    for trial in search.optuna_study().trials:
        assert list(trial.intermediate_values) == [1, 2, 3, 4, 5]


def test_a_trial_goes_on_from_its_last_checkpoint(tmp_path):
    trainer = """\
import os, signal
import torch


def train(run):
    state = run.load() or {"step": 0, "weight": torch.zeros(2)}
    with open(run.folder.path / "began", "a") as began:
        began.write(f"{state['step']} ")
    for step in range(state["step"] + 1, run.budget + 1):
        weight = state["weight"] + run.hp.lr * step
        run.report(step, loss=float(weight.sum()))
        if step == 3 and state["step"] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        state = {"step": step, "weight": weight}
        if step % 2 == 0:
            run.save(state)
        if step == 3 and not (run.folder.path / "killed").exists():
            (run.folder.path / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
"""
    study = HELD_STUDY.replace("steps: 2", "steps: 4").replace("trials: 4", "trials: 3")
    search = Search(tmp_path, study, trainer)
    assert search.finish() == (0, "")
    trials = search.optuna_study().trials
    for trial in trials:
        # Steps 1 to 3, a kill, and on from the checkpoint of step 2; a continuation from step 4.
        began = (search.trial(trial.number).path / "began").read_text()
        assert began == ("4 " if trial.user_attrs["role"] == "continue" else "0 2 ")
