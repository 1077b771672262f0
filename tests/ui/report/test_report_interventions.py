"""What people did by hand is told, and what it means for reproducing the study."""

from pathlib import Path

from reported import hpsearch

from hpsearch.controller import control
from hpsearch.storage import view
from hpsearch.ui.report.content import Listing, Paragraph, Table
from hpsearch.ui.report.interventions import interventions
from hpsearch.ui.report.study import report


def test_nothing_is_said_where_nobody_did_anything(told: Path) -> None:
    assert interventions(view.read_snapshot(told)) is None
    assert "interventions" not in [
        section.anchor for section in report(view.read_snapshot(told)).sections
    ]


def test_notes_and_trials_trained_again_are_told(told_copy: Path) -> None:
    run = told_copy / "runs" / "told"
    control.write_note(run, 3, "sharp, <b>but</b> grey")
    control.rerun_trial(run, 0)
    done = hpsearch("run", "told.yaml", "-q", cwd=told_copy)
    assert done.returncode == 0, done.stderr
    s = view.read_snapshot(run)
    [again] = [t for t in s.result.records if t.spec.role == "rerun"]
    section = interventions(s)
    assert section is not None
    repeats, notes = (b for b in section.blocks if isinstance(b, Table))
    before, now = (f"{t.outcome.value:.4g}" for t in (s.trial(0), again))
    expected = (f"trial {again.spec.number}", "trial 0", before, now, str(again.spec.seed))
    assert repeats.rows == (expected,)
    assert notes.rows == (("trial 3", "sharp, <b>but</b> grey"),)
    reproduce = report(s).sections[-1]
    said = "".join(
        part for b in reproduce.blocks if isinstance(b, Paragraph) for part in b.parts
        if isinstance(part, str)
    )  # fmt: skip
    assert "trained again by hand" in said
    [commands] = [b.text for b in reproduce.blocks if isinstance(b, Listing) and b.language == "sh"]
    assert "digest" not in commands


def test_added_rounds_are_in_the_command(told_copy: Path) -> None:
    run = told_copy / "runs" / "told"
    control.extend_search(run, 1)
    done = hpsearch("run", "told.yaml", "-q", cwd=told_copy)
    assert done.returncode == 0, done.stderr
    reproduce = report(view.read_snapshot(run)).sections[-1]
    [commands] = [b.text for b in reproduce.blocks if isinstance(b, Listing) and b.language == "sh"]
    assert " --set search.rounds=3" in commands
