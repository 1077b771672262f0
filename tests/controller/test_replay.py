"""A recorded trial trained again by hand gives what it gave."""

import pytest

from hpsearch.controller.replay import replay_trial
from hpsearch.errors import HpsearchError
from hpsearch.storage import view


def numbers(search, role: str) -> list[int]:
    trials = view.read_snapshot(search.run.path).result.records
    return [trial.spec.number for trial in trials if trial.spec.role == role]


@pytest.mark.parametrize("role", ["draw", "continue", "confirm"])
def test_it_gives_the_same_bits(undisturbed, role):
    seen = []
    found = replay_trial(undisturbed.run.path, numbers(undisturbed, role)[0], on_report=seen.append)
    assert found.is_same
    assert seen[-1].metrics == found.outcome.metrics


def test_a_trainer_that_has_changed_is_found_out(held):
    assert held.finish() == (0, "")
    held.trainer.write_text(held.trainer.read_text().replace("0.3", "0.4"))
    answer = held.ask("replay", "0")
    assert answer.returncode == 1
    assert answer.stdout.endswith("not the same\n")


def test_the_command_says_what_it_finds_and_leaves_the_study(undisturbed, tmp_path):
    before = undisturbed.digest()
    answer = undisturbed.ask("replay", "1", "--into", str(tmp_path / "again"))
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.startswith("step 1: loss ")
    assert answer.stdout.endswith("the same, bit for bit\n")
    assert (tmp_path / "again" / "result.json").exists()
    assert undisturbed.digest() == before
    answer = undisturbed.ask("replay", "1", "--into", str(tmp_path / "again"))
    assert answer.returncode == 2
    assert "is not empty; give a new folder with --into" in answer.stderr


def test_an_unknown_trial_is_named(undisturbed):
    with pytest.raises(HpsearchError, match=r"has no trial 99 \(0\.\.9\)"):
        replay_trial(undisturbed.run.path, 99)
