"""The figures of the page on real trainers, against values from elsewhere."""

import math

import numpy as np
import pytest
from scipy import stats

from benchmarks.quality.real.page import _wins, interval, markdown, reach, seen

CURVE = [[32, 1, 2.0], [96, 2, 0.5], [160, 4, 0.25]]


def row(method, seed, mean, curve=CURVE):
    return {
        "task": "classifier", "method": method, "seed": seed, "versions": {"torch": "2"},
        "full": 64, "interval": 32, "total": 160, "steps": 160, "ticks": 4, "trials": 5,
        "finished": 2, "proposing_s": 0.5, "curve": curve,
        "winner": {"params": {}, "seen": mean, "mean": mean, "sd": 0.1,
                   "test": {"test_loss": mean}},
    }  # fmt: skip


def test_the_target_is_reached_where_the_best_value_is_first_at_or_below_it():
    assert reach({"curve": CURVE}, 0.5) == (96, 2)
    assert reach({"curve": CURVE}, 0.4) == (160, 4)
    assert reach({"curve": CURVE}, 0.1) == (math.inf, math.inf)
    assert [seen({"curve": CURVE}, steps) for steps in (31, 32, 159, 160)] == [
        math.inf, 2.0, 0.5, 0.25,
    ]  # fmt: skip


def test_the_interval_of_a_median_is_that_of_scipy():
    values = np.random.default_rng(3).gamma(2.0, size=21)
    theirs = stats.bootstrap(
        (values,), np.median, method="percentile", n_resamples=9999, rng=1
    ).confidence_interval
    middle, low, high = interval(values.tolist())
    assert middle == np.median(values)
    # Both ends are order statistics, of which two resamplings may take neighbours.
    order = np.sort(values)
    assert abs(np.searchsorted(order, low) - np.searchsorted(order, theirs.low)) <= 1
    assert abs(np.searchsorted(order, high) - np.searchsorted(order, theirs.high)) <= 1


def test_searches_that_never_reach_the_target_count_as_later_than_any():
    assert interval([1.0, 2.0, math.inf])[0] == 2.0
    assert interval([math.inf] * 3) == (math.inf,) * 3
    assert interval([1.0, math.inf, math.inf])[0] == math.inf


def test_wins_are_counted_by_seed_and_a_tie_is_half_a_win():
    ours = [row("hpsearch", seed, mean) for seed, mean in enumerate([1.0, 2.0, 3.0, 9.0])]
    theirs = [row("random search", seed, 2.0) for seed in (2, 1, 0)]
    assert _wins(ours, theirs).split()[0] == "0.50"  # won, drawn, lost; seed 3 has no rival


@pytest.mark.parametrize("value, place", [(0.5, 1), (2.5, 2)])
def test_the_page_says_who_is_ahead(value, place):
    rows = [row("random search", s, 1.0) for s in range(3)]
    rows += [row("hpsearch", s, value, [[32, 1, value]]) for s in range(3)]
    targets = {"classifier": {"metric": "val_loss", "target": 0.5, "of": [0.5]}}
    text = markdown(rows, targets)
    assert f"`hpsearch` is number {place} of 2 to the target and number {place} of 2" in text
    assert "random search (1.5)" in text  # 96 of 64 steps
    assert ("hpsearch (not reached)" in text) == (place == 2)
