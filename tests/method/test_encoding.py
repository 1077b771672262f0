"""Features of points: what a trial does not have, or share, is taken away."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch.method.encoding import Encoding
from hpsearch.space import Choice, Condition, Int, Logint, Loguniform, Parameter, Space, Uniform

SPACE = Space(
    (
        Parameter("weight", Loguniform(0.1, 100), (Condition("penalty", ("gradient", "r1")),)),
        Parameter("penalty", Choice(("none", "gradient", "r1"))),
        Parameter("kind", Choice(("a", True, 1)), (Condition("n", (2, 3)),)),
        Parameter("n", Int(1, 5)),
        Parameter("width", Logint(1, 64)),
        Parameter("beta1", Uniform(0, 1), (Condition("kind", (True,)),)),
    )
)
HALF = math.sqrt(0.5)


def test_features_of_a_point_by_hand() -> None:
    features = Encoding(SPACE)
    # penalty r1, so weight is there; n = 2 of 1..5 has its centre at 0.3; kind True, so beta1 too;
    # width 1 owns [0.5, 1.5] of [0.5, 64.5] on the log scale.
    [row] = features.features([(0.2, 0.9, 0.5, 0.25, 0.01, 0.7)])
    centre = math.log(1.5 / 0.5) / 2 / math.log(64.5 / 0.5)
    assert row == pytest.approx([0.2, 0, 0, HALF, 0, HALF, 0, 0.3, centre, 0.7])
    assert features.owners.tolist() == [0, 1, 1, 1, 2, 2, 2, 3, 4, 5]


def test_inactive_numbers_are_in_the_middle_and_inactive_choices_nowhere() -> None:
    # penalty none: no weight; n = 1: no kind, and therefore no beta1 either.
    [row] = Encoding(SPACE).features([(0.2, 0.1, 0.5, 0.1, 0.01, 0.7)])
    assert row[[0, 9]].tolist() == [0.5, 0.5] and row[4:7].tolist() == [0, 0, 0]


def test_unlike_options_are_at_distance_1() -> None:
    space = Space((Parameter("c", Choice(("a", "b", "c"))),))
    a, b, c = Encoding(space).features([(0.1,), (0.5,), (0.9,)])
    assert [math.dist(a, b), math.dist(b, c), math.dist(a, c)] == pytest.approx([1, 1, 1])


@settings(max_examples=80, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=6, max_size=6))
def test_numbers_are_where_the_space_encodes_them(unit: list[float]) -> None:
    [row] = Encoding(SPACE).features([unit])
    params = SPACE.decode(unit)
    for j, column in ((0, 0), (3, 7), (4, 8), (5, 9)):
        name, domain = SPACE.names[j], SPACE.parameters[j].domain
        expected = domain.encode(params[name]) if name in params else 0.5
        assert row[column] == pytest.approx(expected, abs=1e-9)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32))
def test_keys_are_equal_where_parameters_are(seed: int) -> None:
    generator = np.random.default_rng(seed)
    grid = [tuple(generator.integers(0, 4, 6) / 4 + 0.1) for _ in range(6)]
    keys = Encoding(SPACE).keys(grid)
    for a, key in zip(grid, keys, strict=True):
        for b, other in zip(grid, keys, strict=True):
            one, two = SPACE.decode(a), SPACE.decode(b)
            typed = [{k: (type(v), v) for k, v in p.items()} for p in (one, two)]
            assert (key == other) == (typed[0] == typed[1])


def test_a_float_that_went_through_its_value_keeps_its_key() -> None:
    features = Encoding(Space((Parameter("lr", Loguniform(1e-5, 1e-1)),)))
    domain = Loguniform(1e-5, 1e-1)
    units = [(u,) for u in np.random.default_rng(0).random(200).tolist()]
    again = [(domain.encode(domain.decode(u)),) for (u,) in units]
    same = [a == b for a, b in zip(features.keys(units), features.keys(again), strict=True)]
    # A coordinate within 1e-15 of an edge of its 1e-10 would differ: one in 100,000.
    assert all(same) and len(set(features.keys(units))) == 200
