"""What a round is said to draw from is what it draws from."""

import itertools
import math

import numpy as np
import pytest

from hpsearch import method
from hpsearch.method import marginals as densities
from hpsearch.method.initial_design import initial_points
from hpsearch.method.ranking import Row
from hpsearch.method.rounds import Tightening
from hpsearch.space import Choice, Condition, Int, Logint, Loguniform, Parameter, Space, Uniform

SPACE = Space(
    (
        Parameter("lr", Loguniform(1e-5, 1e-2)),
        Parameter("penalty", Choice(("none", "gradient", "r1"))),
        Parameter("weight", Loguniform(0.1, 100), (Condition("penalty", ("gradient", "r1")),)),
        Parameter("n_critic", Int(1, 5)),
        Parameter("width", Logint(32, 128)),
        Parameter("beta1", Uniform(0, 1)),
    )
)
# Few parameters are active here, so a draw often moves one because none would; and one depends on
# an int that depends on a choice.
DEEP = Space(
    (
        Parameter("kind", Choice(("a", "b", "c"))),
        Parameter("depth", Int(1, 3), (Condition("kind", ("a", "b")),)),
        Parameter("gate", Uniform(0, 1), (Condition("depth", (2, 3)), Condition("kind", ("b",)))),
        Parameter("rest", Logint(1, 4), (Condition("kind", ("c",)),)),
    )
)
LONE = Space((Parameter("x", Uniform(0, 1)),))
SPACES = {"flat": SPACE, "deep": DEEP, "lone": LONE}
DRAWS = 10_000


def tightening(space: Space, seed: int, *, round: int = 2, survivors: int = 3) -> Tightening:
    points = initial_points(space, seed, 12)
    rows = [Row(i, float(i), point, 1) for i, point in enumerate(points)]
    return method.tighten(space, rows, round=round, survivors=survivors)


def drawn(space: Space, tightened: Tightening) -> np.ndarray:
    """Points of many draws."""
    places = method.propose(space, tightened, method.RoundPlan(seed=1, round=2, trials=DRAWS))
    return np.array([place.unit for place in places])


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("survivors", [1, 3])
def test_a_marginal_agrees_with_many_draws(name: str, seed: int, survivors: int) -> None:
    """In a dozen cells a parameter, each to 5 standard errors: about 1 in 5,000 if all is well."""
    space = SPACES[name]
    tightened = tightening(space, seed, survivors=survivors)
    points = drawn(space, tightened)
    active = np.array([space.active(point) for point in points])
    for j, marginal in enumerate(densities.round_marginals(space, tightened)):
        have = points[active[:, j], j]
        error = math.sqrt(max(marginal.active * (1 - marginal.active), 1e-4) / DRAWS)
        assert abs(len(have) / DRAWS - marginal.active) < 5 * error
        coarse = _coarse(np.array(marginal.edges))
        cumulative = np.concatenate([[0.0], np.cumsum(marginal.mass)])
        expected = np.diff(cumulative[coarse])
        edges = np.array(marginal.edges)[coarse]
        seen = np.histogram(have, bins=edges)[0] / len(have)
        errors = np.sqrt(np.maximum(expected * (1 - expected), 1e-4) / len(have))
        assert np.all(np.abs(seen - expected) < 5 * errors), (j, seen, expected)


def _coarse(edges: np.ndarray) -> np.ndarray:
    return np.unique(np.linspace(0, len(edges) - 1, min(len(edges), 13)).astype(int))


@pytest.mark.parametrize("name", SPACES)
def test_survivors_values_are_kept_as_often_as_said(name: str) -> None:
    """To 5 standard errors."""
    space = SPACES[name]
    tightened = tightening(space, 4)
    points = drawn(space, tightened)
    active = np.array([space.active(point) for point in points])
    for j, marginal in enumerate(densities.round_marginals(space, tightened)):
        if isinstance(space.parameters[j].domain, Choice):
            continue  # a jump may land on the same option
        have = points[active[:, j], j]
        for u, probability in marginal.unmoved:
            error = math.sqrt(probability * (1 - probability) / len(have))
            assert abs(np.mean(have == u) - probability) < 5 * error


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("round", [0, 1, 30])
def test_a_marginal_is_a_distribution(name: str, round: int) -> None:
    space = SPACES[name]
    for marginal in densities.round_marginals(space, tightening(space, 3, round=round)):
        assert min(marginal.mass) >= -1e-12
        assert math.isclose(sum(marginal.mass), 1, rel_tol=1e-9)
        assert -1e-12 < marginal.active <= 1 + 1e-9
        assert marginal.edges[0] == 0 and marginal.edges[-1] == 1
        assert all(a < b for a, b in itertools.pairwise(marginal.edges))


def test_a_parameter_that_can_never_exist_is_drawn_by_nobody() -> None:
    contrary = Parameter("both", Uniform(0, 1), (Condition("n", (1,)), Condition("m", (2,))))
    space = Space(
        (
            Parameter("n", Int(1, 3)),
            Parameter("m", Int(1, 3), (Condition("n", (2, 3)),)),
            contrary,
        )
    )
    assert densities.round_marginals(space, tightening(space, 0))[2].active == 0


def test_before_there_are_survivors_it_is_the_prior() -> None:
    lr, penalty, weight, *_ = densities.round_marginals(SPACE, tightening(SPACE, 0, round=0))
    assert np.allclose(lr.density, 1) and np.allclose(penalty.density, 1)
    assert not lr.unmoved
    assert math.isclose(weight.active, 2 / 3)


def test_a_later_round_is_tighter() -> None:
    def spread(round: int) -> float:
        lone = densities.round_marginals(LONE, tightening(LONE, 0, round=round, survivors=1))[0]
        return -sum(p * math.log(d) for p, d in zip(lone.mass, lone.density, strict=True) if p)

    entropies = [spread(round) for round in range(6)]
    assert entropies == sorted(entropies, reverse=True)
