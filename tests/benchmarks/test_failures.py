"""Regions that fail, and what searches make of them."""

import numpy as np
import pytest

from benchmarks.quality import tasks
from benchmarks.quality.failing import AWAY, MASS, coordinates, failing
from benchmarks.quality.failure_arms import (
    ARMS,
    PRIOR,
    Believed,
    Blind,
    Successful,
    redrawn,
    search,
    told,
)
from benchmarks.quality.failures import Results
from benchmarks.quality.optimum import space_of
from hpsearch import method
from hpsearch.method.acquisition import Acquisition, log_expected_improvement
from hpsearch.method.ranking import Row
from hpsearch.space import Uniform

SYNTHETIC = [name for name in tasks.names("development") if name.startswith("synthetic/")]
SQUARE = space_of({"a": Uniform(0, 1), "b": Uniform(0, 1)})


def table(count=40, seed=0):
    """Random rows, which fail where a > 0.6; else the value is a + b."""
    units = np.random.default_rng(seed).random((count, 2)).tolist()
    return [Row(i, None if u[0] > 0.6 else sum(u), tuple(u), 1) for i, u in enumerate(units)]


@pytest.mark.parametrize("where", ["near", "far"])
@pytest.mark.parametrize("name", SYNTHETIC)
def test_a_quarter_fails_and_the_best_point_does_not(name, where):
    """The share of 1,000 draws is off by four standard errors of 1.5 % at most."""
    task = failing(name, where)
    random = np.random.default_rng(9)
    drawn = [task.task.space.decode(u) for u in random.random((1000, len(task.task.space)))]
    failed = [task.fails(params) for params in drawn]
    assert MASS[0] - 0.06 < np.mean(failed) < MASS[1] + 0.06
    best = task.task.problem.optimum
    assert best is None or not task.fails(best)
    first = drawn[failed.index(True)]
    assert task.value(first, 0) is None
    good = drawn[failed.index(False)]
    assert task.value(good, 0) == task.task.value(good, 0)


def test_a_far_region_is_far_and_a_near_one_adjoins():
    near, far = (failing("synthetic/branin-log", where) for where in ("near", "far"))
    best = near.task.problem.optimum

    def distance(task):
        at = np.array(coordinates(task.task, task.box.names, best))
        low, high = np.array(task.box.low), np.array(task.box.high)
        return np.maximum(np.maximum(low - at, at - high), 0).max()

    assert 0 < distance(near) <= 0.02
    assert distance(far) >= AWAY


def test_an_absent_parameter_does_not_fail():
    task = failing("synthetic/tree", "near")
    absent = dict.fromkeys(task.box.names)
    params = {"x1": 1, "x3": 0, "x6": 0.3, "r9": 0.1}
    assert not absent.keys() & params.keys()
    assert not task.fails(params)


def test_the_share_of_success_near_a_point_by_hand():
    """Two heaps far from each other: in one all have failed, in the other none."""
    x = np.repeat([[0.0, 0.0], [1.0, 1.0]], [4, 6], axis=0) + 1e-3 * np.eye(2)[[0, 1] * 5]
    acquisition = Successful(SQUARE, [*table(6)], budget=1)
    likely = acquisition.success(x, np.repeat([0.0, 1.0], [4, 6]))
    # At a heap its n trials weigh 1 each, nearly, and the others nothing.
    at = likely(np.array([[0.0, 0.0], [1.0, 1.0], [1e3, 1e3]]))
    low, high = PRIOR * 0.6 / (4 + PRIOR), (6 + PRIOR * 0.6) / (6 + PRIOR)
    assert at[0] == pytest.approx(low, abs=0.05)
    assert at[1] == pytest.approx(high, abs=0.05)
    assert at[2] == pytest.approx(0.6)  # far from all, what all have


def test_a_process_of_success_finds_the_edge():
    acquisition = Believed(SQUARE, table(80), budget=1)
    at = acquisition._encoding.features([(0.2, 0.5), (0.9, 0.5)])
    good, bad = acquisition._success(at)
    assert good > 0.8 and bad < 0.2


def test_improvement_is_weighed_with_the_probability():
    acquisition = Successful(SQUARE, table(), budget=1)
    points = [(0.2, 0.3), (0.9, 0.3)]
    mean, variance = acquisition._posterior.moments(acquisition._encoding.features(points))
    plain = log_expected_improvement(mean, np.sqrt(variance), acquisition._incumbent)
    likely = acquisition._success(acquisition._encoding.features(points))
    assert acquisition.improvement(points) == pytest.approx(plain + np.log(likely))


def test_a_sampled_place_takes_what_is_likely_to_succeed():
    acquisition = Believed(SQUARE, table(80), budget=1)
    points = [(0.9, 0.1), (0.95, 0.05), (0.3, 0.3)]
    assert acquisition.select(points, 1, np.random.default_rng(0)) == 2


def test_the_blind_acquisition_knows_failures_as_repeats_alone():
    rows = table()
    failed = next(row for row in rows if row.value is None)
    acquisition = Blind(SQUARE, rows, budget=1)
    assert acquisition.are_repeats([failed.unit])[0]
    seen = Acquisition(SQUARE, [row for row in rows if row.value is not None], budget=1)
    points = acquisition._encoding.features([(0.5, 0.5), (0.9, 0.9)])
    assert acquisition._posterior.mean(points).tolist() == seen._posterior.mean(points).tolist()


def test_failures_at_the_worst_value_are_todays():
    rows = table()
    points = Acquisition(SQUARE, rows, budget=1)._encoding.features([(0.5, 0.5), (0.9, 0.9)])
    today = Acquisition(SQUARE, rows, budget=1)._posterior.mean(points)
    worst = told(max)(SQUARE, rows, budget=1)._posterior.mean(points)
    median = told(np.median)(SQUARE, rows, budget=1)._posterior.mean(points)
    assert worst.tolist() == today.tolist()
    assert median[1] < today[1]


def test_redraws_leave_the_region_that_fails():
    rows = table(80)
    tightening = method.tighten(SQUARE, rows, round=1, survivors=3)

    def drawn(redraws):
        slots = method.round_slots(SQUARE, tightening, method.RoundPlan(seed=1, round=1, trials=60))
        return redrawn(redraws, SQUARE, rows, slots)

    plain, many = drawn(0), drawn(5)
    assert plain == [
        slot.plain.unit
        for slot in method.round_slots(
            SQUARE, tightening, method.RoundPlan(seed=1, round=1, trials=60)
        )
    ]
    assert sum(u[0] > 0.65 for u in plain) > 0
    assert sum(u[0] > 0.65 for u in many) == 0


@pytest.mark.parametrize("arm", ["ignored", "one redraw", "worst"])
def test_a_search_of_today_is_the_methods(arm):
    """Each round is proposed again by `method.propose`."""
    task = failing("synthetic/branin-log", "near")
    truths, failed = search(task, 2, ARMS[arm])
    if arm == "one redraw":
        assert 0 <= failed < 1 and truths[1] <= 60
        return
    rows, space = [], task.task.space
    for r in range(4):
        tightening = method.tighten(space, rows, round=r, survivors=3)
        places = method.propose(
            space,
            tightening,
            method.RoundPlan(seed=2, round=r, trials=25),
            method.Acquisition(space, rows, budget=1) if arm == "worst" and r else None,
        )
        for place in places:
            value = task.value(space.decode(place.unit), 2)
            rows.append(Row(len(rows), value, place.unit, 1))
    best = method.ranked(rows)[0]
    assert truths[-1] == task.task.truth(space.decode(best.unit))
    assert failed == np.mean([row.value is None for row in rows[25:]])


def test_wins_are_over_the_seeds_that_both_have():
    def record(arm, seed, truth):
        return {"task": "synthetic/tree", "where": "far", "arm": arm, "seed": seed,
                "truths": [9.0, truth], "failed": 0.1 * seed}  # fmt: skip

    results = Results([
        record("worst", 0, 1.0), record("worst", 1, 1.0), record("worst", 2, 1.0),
        record("median", 0, 0.5), record("median", 1, 1.0),
    ])  # fmt: skip
    assert results.wins("median", "worst", "far")["synthetic/tree, far"].tolist() == [1, 0.5]
    assert results.wins("median", "worst", "near") == {}
    assert results.failed("worst") == pytest.approx(0.1)
