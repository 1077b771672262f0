"""Bins of a parameter's coordinate, and the densities over them, also beyond the range."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hpsearch import method
from hpsearch.method import marginals as densities
from hpsearch.method.bins import bin_edges, bucket, overlaps
from hpsearch.method.ranking import Row
from hpsearch.method.rounds import Tightening
from hpsearch.space import Choice, Condition, Int, Logint, Loguniform, Parameter, Space, Uniform

SPACE = Space(
    (
        Parameter("lr", Loguniform(1e-3, 1e-2, (1e-5, 1.0))),
        Parameter("depth", Int(1, 3, (1, 7))),
        Parameter("deep", Uniform(0, 1), (Condition("depth", (3, 5)),)),
        Parameter("width", Logint(8, 16, (2, 600))),
        Parameter("x", Uniform(0, 1, (0, 1e5))),
    )
)
DRAWS = 5_000


def tightening() -> Tightening:
    points = [(1.6, 1.4, 0.4, 1.3, 1.1), (1.2, 0.9, 0.6, -0.5, 3.0), (-0.4, 0.1, 0.2, 2.0, 0.2)]
    rows = tuple(Row(i, float(i), point, 1) for i, point in enumerate(points))
    return Tightening(rows, 0.16, (1.0, 0.8, 1.2, 2.5, 1.0))


def test_a_marginal_agrees_with_many_draws_beyond_the_range() -> None:
    """In a dozen cells a parameter, each to 5 standard errors: about 1 in 10,000 if all is well."""
    tightened = tightening()
    places = method.propose(SPACE, tightened, method.RoundPlan(seed=1, round=2, trials=DRAWS))
    points = np.array([place.unit for place in places])
    active = np.array([SPACE.active(point) for point in points])
    for j, marginal in enumerate(densities.round_marginals(SPACE, tightened)):
        have = points[active[:, j], j]
        error = math.sqrt(max(marginal.active * (1 - marginal.active), 1e-4) / DRAWS)
        assert abs(len(have) / DRAWS - marginal.active) < 5 * error
        assert math.isclose(sum(marginal.mass), 1, rel_tol=1e-9)
        cumulative = np.concatenate([[0.0], np.cumsum(marginal.mass)])
        cells = np.unique(np.searchsorted(cumulative, np.linspace(0, 1, 13)[1:-1]))
        cells = np.unique([0, *cells, len(cumulative) - 1])
        expected = np.diff(cumulative[cells])
        seen = np.histogram(have, bins=np.array(marginal.edges)[cells])[0] / len(have)
        errors = np.sqrt(np.maximum(expected * (1 - expected), 1e-4) / len(have))
        assert np.all(np.abs(seen - expected) < 5 * errors), (j, seen, expected)


def test_the_prior_lies_in_the_range_alone() -> None:
    lr, depth, deep, *_ = densities.round_marginals(SPACE, Tightening((), 1.0, (1.0,) * len(SPACE)))
    inside = [a >= 0 and b <= 1 for a, b in itertools.pairwise(lr.edges)]
    assert np.allclose(lr.density, np.array(inside, dtype=float))
    assert depth.mass == pytest.approx((1 / 3, 1 / 3, 1 / 3, 0, 0, 0, 0))
    assert deep.active == pytest.approx(1 / 3)  # of 3 and 5 only 3 is in the range


@settings(deadline=None)
@given(st.floats(0, 40), st.floats(0, 40))
@example(4.665599420962251e-12, 0.0)  # too short for a bin of its own
def test_bins_cover_the_limits_and_part_at_the_ranges_ends(below: float, above: float) -> None:
    domain = Uniform(0.0, 1.0, (-below, 1 + above))
    edges = bin_edges(domain)
    assert (edges[0], edges[-1]) == pytest.approx(domain.limits, abs=1e-9)
    assert all(a < b for a, b in itertools.pairwise(edges))
    assert {0.0, 1.0} <= set(edges)
    assert edges.index(0.0) % 2 == 0 and len(edges) % 2 == 1  # in pairs on every side
    assert sum(overlaps((0.0, 1.0), tuple(itertools.pairwise(edges)))) == pytest.approx(1)


def test_whole_numbers_of_which_there_are_few_own_a_bin_each() -> None:
    depth = Int(1, 3, (0, 5))
    assert bin_edges(depth) == pytest.approx((-1 / 3, 0, 1 / 3, 2 / 3, 1, 4 / 3, 5 / 3))
    assert bucket(depth, 5) == pytest.approx((4 / 3, 5 / 3))
    assert bucket(Choice(("a", "b")), "b") == (0.5, 1.0)
