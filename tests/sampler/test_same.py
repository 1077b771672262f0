"""The sampler draws what the controller draws: same table, same proposals, bit for bit."""

import math
from collections.abc import Mapping
from typing import Literal

import optuna
import pytest
from optuna.distributions import BaseDistribution
from optuna.trial import TrialState

from hpsearch import TighteningSampler, method
from hpsearch.space import Choice, Condition, Int, Logint, Loguniform, Parameter, Space, Uniform
from hpsearch.storage.writer import optuna_distribution

optuna.logging.set_verbosity(optuna.logging.WARNING)

SPACE = Space(
    (
        Parameter("lr", Loguniform(1e-5, 1e-2)),
        Parameter("penalty", Choice(("none", "gradient", "r1"))),
        Parameter("weight", Loguniform(0.1, 100), (Condition("penalty", ("gradient", "r1")),)),
        Parameter("n_critic", Int(1, 5)),
        Parameter("width", Logint(32, 128)),
        Parameter("beta1", Uniform(0, 1)),
        Parameter("data", Choice(("digits",))),
    )
)
DISTRIBUTIONS: dict[str, BaseDistribution] = {p.name: optuna_distribution(p.domain) for p in SPACE}


def loss(params: Mapping[str, object]) -> float:
    lr, beta1, width = (float(params[name]) for name in ("lr", "beta1", "width"))  # type: ignore[arg-type]
    weight = float(params.get("weight", 0.3))  # type: ignore[arg-type]
    penalty = {"none": 0.5, "gradient": 0.1, "r1": 0.0}[str(params["penalty"])]
    return abs(math.log10(lr) + 3) + beta1 + penalty + abs(math.log10(weight)) + 20 / width


def suggest(trial: optuna.Trial, params: Mapping[str, object]) -> None:
    """Ask for the parameters that the controller's proposal has, as an objective would."""
    for name in params:
        trial._suggest(name, DISTRIBUTIONS[name])


@pytest.mark.parametrize(
    ("direction", "surrogate"), [("minimize", None), ("maximize", None), ("minimize", "gp")]
)
def test_four_rounds_are_the_controllers(direction: str, surrogate: Literal["gp"] | None) -> None:
    sign = 1 if direction == "minimize" else -1
    study = optuna.create_study(
        sampler=TighteningSampler(seed=3, surrogate=surrogate, space=DISTRIBUTIONS),
        direction=direction,
    )
    rows: list[method.Row] = []
    for round in range(4):
        tightening = method.tighten(SPACE, rows, round=round, survivors=3)
        places = method.propose(
            SPACE,
            tightening,
            method.RoundPlan(seed=3, round=round, trials=25),
            method.Acquisition(SPACE, rows, budget=1) if surrogate else None,
        )
        if surrogate and round:
            plain = method.round_slots(
                SPACE, tightening, method.RoundPlan(seed=3, round=round, trials=25)
            )
            assert [slot.plain.unit for slot in plain] != [place.unit for place in places]
        wanted = [SPACE.decode(place.unit) for place in places]
        trials = [study.ask() for _ in wanted]
        for trial, params in zip(trials, wanted, strict=True):
            suggest(trial, params)
            assert trial.params == params
        for trial, place, params in zip(trials, places, wanted, strict=True):
            number = len(rows)
            failed = number % 7 == 5
            value = None if failed else round_off(loss(params))
            rows.append(method.Row(number, value, place.unit, 1))
            if failed:
                study.tell(trial, state=TrialState.FAIL)
            else:
                study.tell(trial, sign * value)


def round_off(value: float) -> float:
    """So that there are ties."""
    return round(value, 1)
