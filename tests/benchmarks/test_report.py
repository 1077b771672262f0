"""Tables and pictures of runs whose numbers are known."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.quality import compare, report
from benchmarks.quality.cache import Cache, Cell, Record
from benchmarks.quality.curves import draw, style
from benchmarks.quality.optimizers import ENTRIES
from benchmarks.quality.regimes import REGIMES
from benchmarks.quality.results import collect
from benchmarks.quality.runner import Keys, cells
from benchmarks.quality.tasks import load

POINTS = len(REGIMES["batch-100"].points)
A, B = "synthetic/branin-log", "synthetic/two-choices"
# The last truths of seeds 0, 1, 2 in regrets: in A ours wins, ties, loses; in B it loses all three.
LAST = {
    ("ours", A): (0.1, 0.2, 0.3), ("optuna-tpe", A): (0.2, 0.2, 0.1), ("box", A): (0.4, 0.4, 0.4),
    ("ours", B): (0.5, 0.5, 0.5), ("optuna-tpe", B): (0.1, 0.2, 0.3), ("box", B): (0.6, 0.6, 0.6),
}  # fmt: skip


def truths(task, last):
    known = load(task)
    regrets = np.linspace(0.9, last, POINTS)
    return tuple(float(known.best + r * (known.median - known.best)) for r in regrets)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    cache, keys = Cache(tmp_path_factory.mktemp("cache")), Keys()
    wanted = cells(["batch-100"], ["ours", "optuna-tpe", "box", "smac"], [A, B], 3, 2)
    for cell in wanted:
        if cell.optimizer == "smac":
            continue
        last = LAST[cell.optimizer, cell.task][cell.seed]
        key, package = keys.of(cell)
        cache.put(Record(cell, key, package, truths(cell.task, last), 0.2, 0.1))
    # One run has failed, and one is of other code.
    failed = Cell("batch-100", "box", B, 2)
    cache.put(Record(failed, keys.of(failed)[0], "hpsearch", missing="OverflowError: too far"))
    old = Cell("batch-100", "box", B, 1)
    cache.put(replace(Record(old, "old", "hpsearch", truths(B, 0.0), 0.2, 0.1)))
    return collect(wanted, cache, keys)


def test_ranks_are_over_the_seeds_that_all_have(results):
    found = results.ranks(("ours", "optuna-tpe", "box"), 100)
    assert found[A].tolist() == [[1, 2, 3], [1.5, 1.5, 3], [2, 1, 3]]
    assert found[B].tolist() == [[2, 1, 3]]


def test_wins_are_over_the_seeds_that_both_have(results):
    assert results.wins("ours", "optuna-tpe", 100)[A].tolist() == [1, 0.5, 0]
    assert results.wins("ours", "optuna-tpe", 100)[B].tolist() == [0, 0, 0]
    assert results.wins("ours", "box", 100)[B].tolist() == [1]


def test_regrets_run_from_the_best_known_to_the_median(results):
    last = results.regrets("ours")[A][:, -1]
    assert last == pytest.approx([0.1, 0.2, 0.3], abs=1e-4)  # six digits of the truth are kept
    assert results.regrets("ours")[A][:, 0] == pytest.approx([0.9] * 3, abs=1e-4)


def test_the_cost_is_by_trial(results):
    assert results.cost_ms("ours") == pytest.approx(3.0)


def test_the_standings_are_by_mean_rank(results):
    lines = report.standings(results)
    assert [line.optimizer for line in lines] == ["optuna-tpe", "ours", "box"]
    assert [float(line.rank.mean) for line in lines] == pytest.approx([1.25, 1.75, 3.0])
    assert float(lines[0].wins["ours"].mean) == pytest.approx(0.25)


def test_the_report_says_who_is_ahead_where_ours_loses_and_what_is_missing(results):
    text = report.text([results], "development", {"batch-100": "x.svg"}, "make shootout")
    assert "First in mean rank among 3: Optuna TPE, 1.25" in text
    assert "Against the best of ours, hpsearch (1.75" in text
    assert "| Optuna TPE | 1.25" in text
    assert "| batch-100 | synthetic/two-choices | Optuna TPE | 0.00 (hpsearch) | 0.5000" in text
    assert "branin-log" not in text.split("### Where ours loses")[1].split("### Missing")[0]
    missing = text.split("### Missing")[1]
    assert "shrinking box, seeds 2 of synthetic/two-choices: OverflowError: too far." in missing
    assert "shrinking box, seeds 1 of synthetic/two-choices: not run yet." in missing
    assert "SMAC3, seeds 0-1 of all tasks: " in missing
    assert "![Regret by number of trials](x.svg)" in text


def test_a_loss_is_told_in_the_seeds_that_both_have(results):
    runs = dict(results.records["optuna-tpe", A])
    del runs[0]
    fewer = replace(results, records={**results.records, ("optuna-tpe", A): runs})
    (loss,) = (loss for loss in report.losses(fewer) if loss[2:4] == (A, "optuna-tpe"))
    assert loss[1] == "ours"
    assert (loss[0], *loss[4:]) == pytest.approx((0.25, 0.25, 0.15), abs=1e-4)


def test_a_picture_is_the_same_bytes_again(results, tmp_path):
    for name in ("one.svg", "two.svg"):
        draw(results, tmp_path / name)
    one, two = ((tmp_path / name).read_bytes() for name in ("one.svg", "two.svg"))
    assert one == two
    assert b"Optuna TPE" in one
    assert b"SMAC3" not in one


def test_no_two_optimizers_look_alike():
    assert len({style(name) for name in ENTRIES}) == len(ENTRIES)


def test_two_settings_are_compared_by_task_family_and_in_all(results):
    lines = compare.table(results, "ours", "optuna-tpe", 100).splitlines()
    assert lines[0] == "ours  against  optuna-tpe  after 100 trials, batch-100"
    assert next(line for line in lines if A in line).split() == [A, "3", "0.50", "0.2000", "0.1667"]
    assert next(line for line in lines if line.startswith("all")).split()[1:3] == ["6", "0.25"]


def test_compare_runs_what_it_compares(tmp_path, capsys):
    compare.main(
        ["box", "box", "--tasks", "synthetic/branin*", "--seeds", "2", "--jobs", "1",
         "--cache", str(tmp_path)]
    )  # fmt: skip
    said = capsys.readouterr().out
    assert "2 of 2 runs" in said
    assert "wins 0.50 [0.50, 0.50] over families, benchmarks and seeds" in said


def test_an_unknown_optimizer_is_refused_by_name(capsys):
    with pytest.raises(SystemExit):
        compare.main(["no-such", "ours"])
    assert "no optimizer 'no-such'; there are: ours, " in capsys.readouterr().err
