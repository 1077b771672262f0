"""The table that the sampler keeps: what `rounds` makes of the same rows, in any order."""

import itertools
import math
import random
from collections.abc import Sequence
from datetime import datetime

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
from optuna.trial import FrozenTrial, TrialState, create_trial

from hpsearch import method
from hpsearch.sampler.table import Table
from hpsearch.sampler.trial_cache import TrialCache
from hpsearch.space import Condition

optuna.logging.set_verbosity(optuna.logging.WARNING)

X = FloatDistribution(0, 1)
SPACE: dict[str, BaseDistribution] = {
    "lr": FloatDistribution(1e-5, 1e-2, log=True),
    "loss": CategoricalDistribution(("hinge", None, 3)),
    "momentum": FloatDistribution(0, 1),
    "depth": IntDistribution(1, 5),
    "width": IntDistribution(16, 256, step=16),
}


def finished(
    number: int,
    params: dict[str, object],
    value: float | None = None,
    state: TrialState = TrialState.COMPLETE,
    distributions: dict[str, BaseDistribution] | None = None,
    reports: dict[int, float] | None = None,
    constraints: Sequence[float] = (),
) -> FrozenTrial:
    known = SPACE if distributions is None else distributions
    trial = create_trial(
        params=params,
        distributions={name: known[name] for name in params},
        value=value,
        state=state,
        intermediate_values=reports or {},
        system_attrs={f"constraints:{i}": c for i, c in enumerate(constraints)},
    )
    trial.number = number
    return trial


def some_trials(seed: int, count: int) -> list[FrozenTrial]:
    """Of every state, with ties, repeats and a conditional parameter."""
    generator = random.Random(seed)
    trials = []
    for number in range(count):
        params: dict[str, object] = {
            "lr": 10 ** generator.uniform(-5, -2),
            "loss": generator.choice(["hinge", None, 3]),
            "depth": generator.randint(1, 5),
            "width": generator.randrange(16, 257, 16),
        }
        if params["loss"] != "hinge":
            params["momentum"] = generator.random()
        if trials and generator.random() < 0.2:
            params = trials[-1].params
        state = generator.choices(
            [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL], [7, 2, 1]
        )[0]
        value = generator.choice([0.5, generator.gauss(0, 1), math.inf, -math.inf])
        trials.append(
            finished(
                number,
                params,
                value if state == TrialState.COMPLETE else None,
                state,
                reports={generator.randint(1, 3): generator.choice([math.nan, 0.1, 0.2])},
                constraints=[generator.choice([-1.0, -1.0, 0.0, 2.0])],
            )
        )
    return trials


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 60), st.integers(1, 5), st.randoms())
def test_it_tightens_as_rounds_does_trial_by_trial(
    seed: int, count: int, survivors: int, shuffler: random.Random
) -> None:
    trials = some_trials(seed, count)
    shuffler.shuffle(trials)
    table = Table(SPACE, 1)
    for end in range(0, count + 1, 3):
        table.update(trials[:end])
        ours = table.tighten(2, survivors)
        theirs = method.tighten(table.space, table.rows(), round=2, survivors=survivors)
        assert ours.step_sizes == theirs.step_sizes
        assert ours.width == theirs.width
        assert repr([(r.number, r.unit) for r in ours.survivors]) == repr(
            [(r.number, r.unit) for r in theirs.survivors]
        )


def test_pruned_trials_stand_behind_complete_ones_and_infeasible_ones_last() -> None:
    trials = [
        finished(0, {"lr": 1e-3}, 5.0),
        finished(1, {"lr": 1e-3}, None, TrialState.PRUNED, reports={4: 0.2}),
        finished(2, {"lr": 1e-3}, None, TrialState.PRUNED, reports={9: 0.9, 1: 0.0}),
        finished(3, {"lr": 1e-3}, None, TrialState.PRUNED, reports={4: 0.1}),
        finished(4, {"lr": 1e-3}, None, TrialState.PRUNED),
        finished(5, {"lr": 1e-3}, None, TrialState.PRUNED, reports={4: math.nan}),
        finished(6, {"lr": 1e-3}, -7.0, constraints=[3.0, -9.0]),
        finished(7, {"lr": 1e-3}, 9.0, constraints=[1.0, 1.5]),
        finished(8, {"lr": 1e-3}, None, TrialState.FAIL),
        finished(9, {"lr": 1e-3}, 4.0, constraints=[0.0, -1.0]),
        finished(10, {"lr": 1e-3}, math.inf),
    ]
    table = Table({"lr": SPACE["lr"]}, 1)
    table.update(trials)
    order = [row.number for row in method.ranked(table.rows())]
    assert order == [9, 0, 10, 2, 3, 1, 5, 4, 7, 6]
    values = [row.value for row in table.rows()]
    assert values[0] == 5.0 and values[8] is None and values[9] == 4.0
    assert all(value is None or math.isfinite(value) for value in values)


def test_the_first_rows_are_those_that_ended_first() -> None:
    trials = [finished(n, {"lr": 1e-3}, float(n)) for n in range(6)]
    trials[3].state, trials[4].state = TrialState.PRUNED, TrialState.FAIL
    for trial, minute in zip(trials, (5, 1, 4, 0, 2, 1), strict=True):
        trial.datetime_complete = datetime(2026, 1, 1, 0, minute)
    table = Table({"lr": SPACE["lr"]}, 1)
    table.update(trials)
    assert [row.number for row in table.rows(4)] == [1, 3, 4, 5]
    # Nothing of a row says what ended later: the pruned one is worse than 5.0, by one step of 4.
    assert [row.value for row in table.rows(4)] == [1.0, 9.0, None, 5.0]
    assert repr(table.rows(6)) == repr(table.rows())


def test_the_highest_value_is_the_best_where_one_maximises() -> None:
    table = Table({"lr": SPACE["lr"]}, -1)
    table.update(
        [finished(0, {"lr": 1e-3}, 1.0), finished(1, {"lr": 1e-4}, 2.0)]
        + [finished(2, {"lr": 1e-5}, None, TrialState.PRUNED, reports={1: v}) for v in (8.0,)]
        + [finished(3, {"lr": 1e-2}, None, TrialState.PRUNED, reports={1: v}) for v in (9.0,)]
    )
    assert [row.number for row in method.ranked(table.rows())] == [1, 0, 3, 2]


def conditions(trials: Sequence[FrozenTrial]) -> dict[str, tuple[Condition, ...]]:
    known = TrialCache(1)
    known.read(trials)
    space = known.table(known.distributions()).space
    return {parameter.name: parameter.when for parameter in space}


def made_by(objective: dict[str, object], values: dict[str, list[object]]) -> list[FrozenTrial]:
    """A trial for each combination of values, with the parameters that `objective` asks for."""
    distributions: dict[str, BaseDistribution] = {
        name: CategoricalDistribution(choices) for name, choices in values.items()
    } | {name: X for name in objective}
    trials = []
    for number, chosen in enumerate(itertools.product(*values.values())):
        params: dict[str, object] = dict(zip(values, chosen, strict=True))
        for name, asks in objective.items():
            assert callable(asks)
            if asks(params):
                params[name] = 0.5
        trials.append(finished(number, params, 0.0, distributions=distributions))
    return trials


def test_a_condition_is_found_in_the_trials() -> None:
    trials = made_by(
        {"penalty_weight": lambda p: p["penalty"] in ("gradient", "r1")},
        {"optimizer": ["adam", "sgd"], "penalty": ["none", "gradient", "r1"]},
    )
    assert conditions(trials) == {
        "optimizer": (),
        "penalty": (),
        "penalty_weight": (Condition("penalty", (1, 2)),),
    }


def test_a_condition_on_a_condition_is_found() -> None:
    values: dict[str, list[object]] = {"net": ["cnn", "mlp"], "norm": ["no", "batch"]}
    trials = made_by({"kernel": lambda p: p["net"] == "cnn"}, values)
    for trial in trials:
        if trial.params["net"] == "mlp":
            del trial._params["norm"], trial._distributions["norm"]
        elif trial.params["norm"] == "batch":
            trial._params["momentum"] = 0.9
            trial._distributions["momentum"] = X
    assert conditions(trials) == {
        "net": (),
        "norm": (Condition("net", (0,)),),
        "kernel": (Condition("net", (0,)),),
        "momentum": (Condition("norm", (1,)),),
    }


def test_the_layers_of_a_network_depend_on_their_count() -> None:
    depth = IntDistribution(1, 4)
    trials = []
    for number, count in enumerate([1, 2, 3]):
        params: dict[str, object] = {"depth": count} | {f"width{i}": 0.5 for i in range(count)}
        known = {name: X for name in params} | {"depth": depth}
        trials.append(finished(number, params, 0.0, distributions=known))
    # No trial had 4 yet, so it may have every layer.
    assert conditions(trials) == {
        "depth": (),
        "width0": (),
        "width1": (Condition("depth", (2, 3, 4)),),
        "width2": (Condition("depth", (3, 4)),),
    }


def test_what_no_choice_explains_counts_as_active_and_its_absence_does_not_count() -> None:
    both = {"a": X, "b": X}
    trials = [
        finished(0, {"a": 0.1, "b": 0.2}, 0.0, distributions=both),
        finished(1, {"a": 0.3}, 1.0, distributions=both),
        finished(2, {"a": 0.4}, None, TrialState.FAIL, distributions=both),
    ]
    known = TrialCache(1)
    known.read(trials)
    table = known.table(known.distributions())
    assert [parameter.when for parameter in table.space] == [(), ()]
    assert [table.space.active(row.unit) for row in table.rows()] == [
        (True, True),
        (True, False),
        (True, False),
    ]


def test_a_failed_or_pruned_trial_does_not_say_what_is_conditional() -> None:
    values: dict[str, list[object]] = {"penalty": ["none", "r1"]}
    trials = made_by({"weight": lambda p: True}, values)
    cut = finished(2, {"penalty": "none"}, None, TrialState.FAIL, trials[0].distributions)
    pruned = finished(3, {"penalty": "none"}, None, TrialState.PRUNED, trials[0].distributions)
    assert conditions([*trials, cut, pruned])["weight"] == ()


def test_values_outside_the_latest_range_are_absent() -> None:
    trials = [
        finished(0, {"a": 0.5, "b": 0.5}, 0.0, distributions={"a": X, "b": X}),
        finished(
            1, {"a": 7.0, "b": 0.5}, 1.0, distributions={"a": FloatDistribution(5, 9), "b": X}
        ),
    ]
    known = TrialCache(1)
    known.read(trials)
    assert known.distributions() == {"a": FloatDistribution(5, 9), "b": X}
    table = known.table(known.distributions())
    assert [row.unit[0] for row in table.rows()] == pytest.approx([math.nan, 0.5], nan_ok=True)
    assert [row.unit[1] for row in table.rows()] == [0.5, 0.5]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.randoms())
def test_the_order_in_which_trials_end_does_not_matter(seed: int, shuffler: random.Random) -> None:
    trials = some_trials(seed, 25)
    at_once, one_by_one = TrialCache(1), TrialCache(1)
    at_once.read(trials)
    running = [create_trial(state=TrialState.RUNNING, params={}, distributions={}) for _ in trials]
    order = list(range(25))
    shuffler.shuffle(order)
    for number in range(25):
        running[number].number = number
    for number in order:
        running[number] = trials[number]
        one_by_one.read(running)
        one_by_one.table(one_by_one.distributions())
    assert list(at_once.distributions().items()) == list(one_by_one.distributions().items())
    tables = [known.table(known.distributions()) for known in (at_once, one_by_one)]
    assert tables[0].space == tables[1].space
    assert repr(tables[0].rows()) == repr(tables[1].rows())
    assert tables[0].tighten(1, 3).step_sizes == tables[1].tighten(1, 3).step_sizes


def test_a_study_that_shows_other_trials_is_read_anew() -> None:
    trials = some_trials(5, 20)
    known = TrialCache(1)
    known.read(trials)
    known.read(trials[::2])  # as Hyperband shows each bracket its own
    assert [row.number for row in known.table(SPACE).rows()] == list(range(0, 20, 2))
    known.read(trials)
    assert [row.number for row in known.table(SPACE).rows()] == list(range(20))
