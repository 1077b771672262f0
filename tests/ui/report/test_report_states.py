"""A report of a study that is not simply finished says so at its top."""

import shutil
from dataclasses import replace

import pytest
import synthetic
from reported import STUDY, search

from hpsearch.storage import view
from hpsearch.storage.run_folder import RunFolder
from hpsearch.ui.report.html import page
from hpsearch.ui.report.study import report, standing


def top(s) -> str:
    paragraph = standing(s)
    return "".join(part if isinstance(part, str) else part.text for part in paragraph.parts)


def test_while_it_runs_and_when_it_is_killed(held) -> None:
    controller = held.start_held()
    running = view.read_snapshot(held.run.path)
    assert top(running) == (
        "The search is running: 0 of 10 planned trials have ended. All here is provisional."
    )
    assert "No trial has finished, so there is none." in page(report(running))
    controller.kill()
    controller.wait()
    held.wait_until_no_process_is_left()
    interrupted = view.read_snapshot(held.run.path)
    assert top(interrupted).startswith("The search was interrupted: 0 of 10 planned trials")
    page(report(interrupted))


def test_when_it_was_not_to_be_confirmed(tmp_path) -> None:
    s = view.read_snapshot(search(tmp_path, STUDY.replace("top: 3", "top: 0")))
    assert "nothing was confirmed" in top(s)
    text = page(report(s))
    assert "do not quote it" in text and "The best so far" in text
    assert "not confirmed over seeds" in text


def test_when_all_of_it_failed(tmp_path) -> None:
    s = view.read_snapshot(
        search(tmp_path, STUDY.replace("x: {uniform: [0, 1]}", "x: {uniform: [0.91, 1]}"))
    )
    assert s.state == "failed"
    assert top(s).startswith("The search failed")
    text = page(report(s))
    assert "10 of 10 ended trials failed: 10 as error." in text
    assert "the first 5" in text


def test_after_the_trials_folders_were_cleared_away(told_copy) -> None:
    run = told_copy / "runs" / "told"
    shutil.rmtree(run / "trials")
    text = page(report(view.read_snapshot(run)))
    assert "not recorded" in text
    assert "The search is finished" in text


@pytest.mark.parametrize(
    "cut", [synthetic.not_started, synthetic.with_one_trial, synthetic.without_values]
)
def test_at_its_very_beginning(tmp_path, cut) -> None:
    whole = synthetic.study()
    RunFolder(tmp_path).study.write_text(
        synthetic.STUDY.format(
            name="s", direction="minimize", rounds=4, trials=25, survivors=3, growth=1
        )
    )
    s = cut(whole)
    s = replace(s, result=replace(s.result, folder=tmp_path))
    assert page(report(s)).count("<h2") == 8
