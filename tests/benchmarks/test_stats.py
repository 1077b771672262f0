"""Ranks, wins and intervals against numbers worked out by hand or in closed form."""

import math

import numpy as np
import pytest

from benchmarks.quality.stats import estimate, ranks, wins


def test_ties_share_their_mean_rank():
    values = np.array([[3.0, 1.0, 1.0, 2.0], [0.0, 0.0, 0.0, 0.0]])
    assert ranks(values).tolist() == [[4.0, 1.5, 1.5, 3.0], [2.5, 2.5, 2.5, 2.5]]


def test_a_tie_is_half_a_win():
    assert wins(np.array([1.0, 2.0, 2.0]), np.array([2.0, 2.0, 1.0])).tolist() == [1.0, 0.5, 0.0]


def test_every_task_weighs_the_same_whatever_its_seeds():
    values = {"a": np.zeros(10), "b": np.ones(1), "c": np.array([0.0, 1.0])}
    assert estimate(values, dict.fromkeys("abc", "f")).mean == pytest.approx((0 + 1 + 0.5) / 3)


def test_one_number_has_no_spread():
    found = estimate({"a": np.array([0.3])}, {"a": "f"})
    assert (found.mean, found.low, found.high) == (0.3, 0.3, 0.3)


def test_the_interval_of_seeds_is_that_of_a_mean():
    values = np.repeat([0.0, 1.0], 200)
    found = estimate({"a": values}, {"a": "f"}, repeats=2000)
    half = 1.96 * math.sqrt(0.25 / 400)  # of the mean of 400 coins
    # The 2.5% quantile of 2,000 repeats has a standard error of about 0.07 half-widths.
    assert found.low == pytest.approx(0.5 - half, abs=0.25 * half)
    assert found.high == pytest.approx(0.5 + half, abs=0.25 * half)


def test_two_families_that_disagree_leave_everything_open():
    values = {"a": np.zeros(50), "b": np.zeros(50), "c": np.ones(50)}
    found = estimate(values, {"a": "f", "b": "f", "c": "g"})
    # Both draws are f or both are g in a quarter of the repeats each.
    assert (found.low, found.high) == (0.0, 1.0)
    assert found.mean == pytest.approx(1 / 3)


def test_tasks_of_one_family_are_drawn_again():
    values = {"a": np.zeros(50), "b": np.ones(50)}
    found = estimate(values, dict.fromkeys("ab", "f"))
    assert (found.mean, found.low, found.high) == (0.5, 0.0, 1.0)


def test_columns_are_estimated_together():
    values = {"a": np.array([[1.0, 2.0], [2.0, 1.0]]), "b": np.array([[1.0, 2.0]])}
    found = estimate(values, dict.fromkeys("ab", "f"))
    assert found.mean.tolist() == [1.25, 1.75]
    # Ranks of one seed sum up to the same, and so do their means in every repeat.
    assert found.low[0] + found.high[1] == pytest.approx(3)
