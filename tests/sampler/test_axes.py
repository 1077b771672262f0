"""Every distribution of Optuna's, as a coordinate and back."""

import math

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from hpsearch import TighteningSampler
from hpsearch.sampler.axes import axis

optuna.logging.set_verbosity(optuna.logging.WARNING)

CHOICES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(-2, 2), st.text(max_size=2)
)


@st.composite
def distributions(draw: st.DrawFn) -> BaseDistribution:
    kind = draw(st.sampled_from(["float", "log", "step", "int", "logint", "stepint", "choice"]))
    if kind == "choice":
        options = draw(st.lists(CHOICES, min_size=1, max_size=5))
        return CategoricalDistribution(options)
    if kind in ("int", "stepint", "logint"):
        low = draw(st.integers(1 if kind == "logint" else -50, 60))
        high = low + draw(st.integers(0, 200))
        step = draw(st.integers(1, 60)) if kind == "stepint" else 1
        high = low + (high - low) // step * step
        return IntDistribution(low, high, log=kind == "logint", step=step)
    low_f = draw(st.floats(1e-8, 1e3) if kind == "log" else st.floats(-1e3, 1e3))
    if kind == "step":
        step_f = draw(st.sampled_from([0.1, 0.25, 0.3, 1.0, 7.5]))
        low_f = round(low_f, 2)
        return FloatDistribution(
            low_f, round(low_f + step_f * draw(st.integers(0, 90)), 6), step=step_f
        )
    return FloatDistribution(
        low_f,
        low_f * draw(st.floats(1, 1e6)) if kind == "log" else low_f + draw(st.floats(0, 1e4)),
        log=kind == "log",
    )


@settings(max_examples=300, deadline=None)
@given(distributions(), st.floats(0, 1))
def test_a_coordinate_gives_a_value_of_the_distribution_and_is_found_again(
    distribution: BaseDistribution, u: float
) -> None:
    at = axis(distribution)
    value = at.value(u)
    internal = distribution.to_internal_repr(value)
    assert distribution._contains(internal)
    assert type(value) is type(distribution.to_external_repr(internal)) or value in (0, 1)
    found = at.unit(value)
    assert 0 <= found <= 1
    again = distribution.to_internal_repr(at.value(found))
    assert again == pytest.approx(internal, rel=1e-9, abs=1e-9)
    if at.domain.decode(found) == at.domain.decode(u):
        assert at.unit(value, u) == u


@settings(max_examples=40, deadline=None)
@given(
    st.lists(distributions(), min_size=1, max_size=4),
    st.integers(0, 2**63),
    st.booleans(),
    st.booleans(),
)
def test_any_space_can_be_searched(
    kinds: list[BaseDistribution], seed: int, is_known: bool, maximise: bool
) -> None:
    space = {f"p{i}": kind for i, kind in enumerate(kinds)}
    study = optuna.create_study(
        sampler=TighteningSampler(seed=seed, trials=3, space=space if is_known else None),
        direction="maximize" if maximise else "minimize",
    )
    for number in range(9):
        trial = study.ask(space)
        for name, value in trial.params.items():
            assert space[name]._contains(space[name].to_internal_repr(value))
        study.tell(trial, float(number % 4))


@pytest.mark.parametrize(
    ("distribution", "values"),
    [
        (FloatDistribution(-1, 0.5, step=0.5), [-1.0, -0.5, 0.0, 0.5]),
        (IntDistribution(3, 12, step=3), [3, 6, 9, 12]),
        (IntDistribution(-1, 2), [-1, 0, 1, 2]),
        (CategoricalDistribution((None, True, 0.5, "a")), [None, True, 0.5, "a"]),
    ],
)
def test_every_value_of_a_grid_has_an_equal_share_of_the_cube(
    distribution: BaseDistribution, values: list[object]
) -> None:
    at = axis(distribution)
    assert [at.value((i + 0.5) / 4) for i in range(4)] == values
    assert [at.value(i / 4) for i in range(4)] == values
    assert [at.unit(value) for value in values] == [0.125, 0.375, 0.625, 0.875]


def test_the_middle_of_a_log_range_is_its_geometric_mean() -> None:
    assert axis(FloatDistribution(1e-4, 1e-2, log=True)).value(0.5) == pytest.approx(1e-3)


@pytest.mark.parametrize(
    ("distribution", "value"),
    [
        (FloatDistribution(0, 1), 1.5),
        (FloatDistribution(0, 1, step=0.5), 0.3),
        (IntDistribution(0, 9, step=3), 4),
        (CategoricalDistribution(("a", "b")), "c"),
        (FloatDistribution(1, 2, log=True), -1.0),
    ],
)
def test_a_value_that_the_distribution_lacks_has_no_coordinate(
    distribution: BaseDistribution, value: object
) -> None:
    assert math.isnan(axis(distribution).unit(value))


@pytest.mark.parametrize("choices", [(0, False, 1, True), (True, 1, 1.0), ("1", 1)])
def test_choices_that_python_holds_equal_have_coordinates_of_their_own(choices) -> None:
    found = axis(CategoricalDistribution(choices))
    assert [repr(found.value(found.unit(choice))) for choice in choices] == list(map(repr, choices))
