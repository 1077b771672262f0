"""Whole searches that leave their range: killed, gone on with, given limits late, and shown."""

from pathlib import Path

import optuna
import pytest
from searches import Search, kill_amid

from hpsearch.storage import view
from hpsearch.ui.figures.bounds import at_bound

TRAINER = """\
import math
import time
from pathlib import Path

HOLD = Path(__file__).with_name("hold")


def train(run):
    while HOLD.exists() and run.folder.path.name == "00013":
        time.sleep(0.01)
    far = (math.log10(run.hp.lr) + 1) ** 2 + (run.hp.depth - 6) ** 2 / 16
    run.folder.checkpoint.touch()
    for step in range(1, run.budget + 1):
        run.report(step, loss=far + 1 / step)
"""
STUDY = """\
study: s
trainer: trainer.py:train
objective: {minimize: loss}
search: {rounds: 3, trials: 8, survivors: 2}
budget: {steps: 2}
confirm: {top: 0}
resources: {parallel: 2}
space:
  lr: {loguniform: [1e-4, 1e-2], within: [1e-5, 10]}
  depth: {int: [1, 3], within: [1, 12]}
"""


def test_a_search_that_leaves_its_range_and_is_killed_ends_as_one_undisturbed(
    tmp_path: Path,
) -> None:
    whole = Search(tmp_path / "whole", STUDY, TRAINER)
    killed = Search(tmp_path / "killed", STUDY, TRAINER)
    try:
        kill_amid(killed, 12)  # round 1 is half done
        for search in (killed, whole):
            assert search.finish() == (0, "")
    finally:
        killed.kill()
    assert killed.digest() == whole.digest()
    snapshot = view.read_snapshot(whole.run.path)
    best = snapshot.result.best_trial
    assert best is not None and best.spec.params["lr"] > 1e-2 and best.spec.params["depth"] > 3
    first = snapshot.members(0)
    assert all(1e-4 <= t.spec.params["lr"] <= 1e-2 for t in first)
    assert all(0 <= u <= 1 for t in first for u in t.spec.unit)
    known = {d for t in whole.optuna_study().trials for d in t.distributions.values()}
    assert known == {
        optuna.distributions.FloatDistribution(1e-5, 10, log=True),
        optuna.distributions.IntDistribution(1, 12),
    }
    assert "outside the initial range 0.0001 .. 0.01" in whole.ask("status").stdout
    later = [snapshot.lineage(t.spec.number) for r in (1, 2) for t in snapshot.members(r)]
    assert sum(found.parent is not None for found in later) > 0.7 * len(later)


@pytest.mark.slow
def test_limits_given_after_the_end_let_more_rounds_leave_the_range(tmp_path: Path) -> None:
    wide = STUDY.replace("rounds: 3", "rounds: 4")
    narrow = wide.replace(", within: [1e-5, 10]", "").replace(", within: [1, 12]", "")
    search = Search(tmp_path, narrow, TRAINER)
    assert search.finish() == (0, "")
    assert "to search beyond it, set space.lr.within" in search.stdout()
    before = view.read_snapshot(search.run.path)
    assert "lr" in {found.parameter for found in at_bound(before)}
    search.study.write_text(wide)
    code, errors = search.finish("--set", "search.rounds=6")
    assert code == 2 and "space.lr.within: absent -> [1e-5, 10]" in errors
    assert search.finish("--set", "search.rounds=6", "--accept-changes")[0] == 0
    after = view.read_snapshot(search.run.path)
    old = {t.spec.number: t.spec for t in before.result.records}
    assert all(after.trial(number).spec == spec for number, spec in old.items())
    best = after.result.best_trial
    assert best is not None and best.spec.params["lr"] > 1e-2
    assert best.outcome is not None and best.outcome.value is not None
    least = min(t.outcome.value for t in before.result.records if t.outcome and t.outcome.value)
    assert best.outcome.value < least


def test_a_trial_beyond_the_range_has_its_page_and_its_report(tmp_path: Path) -> None:
    start = "start: [{lr: 1.0, depth: 9}]\n"
    small = STUDY.replace("rounds: 3, trials: 8", "rounds: 2, trials: 4")
    search = Search(tmp_path, small.replace("space:", start + "space:"), TRAINER)
    assert search.finish() == (0, "")
    snapshot = view.read_snapshot(search.run.path)
    lr, depth = (parameter.domain for parameter in snapshot.space)
    assert snapshot.trial(0).spec.params == {"lr": pytest.approx(1.0), "depth": 9}
    assert snapshot.trial(0).spec.unit == (lr.encode(1.0), depth.encode(9))
    page = tmp_path / "report.html"
    assert search.ask("report", "-o", str(page)).returncode == 0
    assert "within 1e-05 .. 10" in page.read_text()
