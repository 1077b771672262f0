"""Spaces that nobody wrote down: conditional ones, changing ones, constrained ones."""

import math

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution

from hpsearch import TighteningSampler
from hpsearch.method.draws import draw_point
from hpsearch.method.seeds import draw_generator
from hpsearch.sampler.trial_cache import TrialCache

optuna.logging.set_verbosity(optuna.logging.WARNING)


def test_a_parameter_that_appears_is_drawn_and_then_tightened() -> None:
    study = optuna.create_study(sampler=TighteningSampler(trials=10))

    def loss(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        y = trial.suggest_float("y", 0, 1) if trial.number >= 20 else 0.5
        return abs(x - 0.3) + abs(y - 0.7)

    study.optimize(loss, n_trials=100)
    ys = [trial.params["y"] for trial in study.trials[20:]]
    assert len({repr(trial.params) for trial in study.trials}) == 100
    # Uniform draws would be 0.3 away in the mean; of 40 below 0.2 with odds under 1 in 10^4.
    assert np.mean(np.abs(np.array(ys[-40:]) - 0.7)) < 0.2
    assert study.best_value < 0.05


def test_a_parameter_that_goes_leaves_the_others_tightening() -> None:
    study = optuna.create_study(sampler=TighteningSampler(trials=10))

    def loss(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        return abs(x - 0.3) + (trial.suggest_float("y", 0, 1) if trial.number < 20 else 0.0)

    study.optimize(loss, n_trials=80)
    assert all("y" not in trial.params for trial in study.trials[20:])
    assert np.mean([abs(trial.params["x"] - 0.3) for trial in study.trials[-40:]]) < 0.15


@pytest.mark.parametrize("high", [4, 20])
def test_a_range_that_changes_is_drawn_from_as_the_table_has_it(high: float) -> None:
    study = optuna.create_study(sampler=TighteningSampler(seed=1, trials=10, surrogate=None))
    for _ in range(20):
        trial = study.ask({"x": FloatDistribution(0, 10)})
        study.tell(trial, abs(trial.params["x"] - 3))
    known = TrialCache(1)
    known.read(study.trials)
    asked = {"x": FloatDistribution(0, high)}
    table = known.table(asked)
    tightening = table.tighten(2, 3)
    for place in range(5):
        value = study.ask(asked).params["x"]
        old = (
            draw_point(
                known.table({"x": FloatDistribution(0, 10)}).space,
                known.table({"x": FloatDistribution(0, 10)}).tighten(2, 3),
                draw_generator(1, 2, place),
            ).unit[0]
            * 10
        )
        new = draw_point(table.space, tightening, draw_generator(1, 2, place)).unit[0]
        # What was drawn in the range of the finished trials counts if the new range has it.
        assert value == (old if old <= high else pytest.approx(new * high))


def test_a_range_that_depends_on_another_parameter_is_searched() -> None:
    study = optuna.create_study(sampler=TighteningSampler(trials=10))

    def loss(trial: optuna.Trial) -> float:
        layers = trial.suggest_int("layers", 1, 9)
        kept = trial.suggest_int("kept", 0, layers)
        return abs(layers - 7) + abs(kept - 5)

    study.optimize(loss, n_trials=60)
    assert study.best_value <= 1


def test_infeasible_trials_are_not_drawn_around() -> None:
    def loss(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        trial.set_constraint("x is large", 0.6 - x)
        return x

    study = optuna.create_study(sampler=TighteningSampler(trials=10))
    study.optimize(loss, n_trials=60)
    xs = np.array([trial.params["x"] for trial in study.trials[30:]])
    assert np.mean(xs >= 0.6) > 0.5  # 0.4 of the prior's; the best lie on the edge
    assert np.mean(np.abs(xs - 0.6) < 0.1) > 0.5  # 0.2 of the prior's


def test_constraints_of_both_of_optunas_ways_give_the_same_draws() -> None:
    def draws(is_old: bool) -> list[float]:
        sampler = TighteningSampler(
            trials=5,
            constraints_func=(lambda trial: (0.5 - trial.params["x"],)) if is_old else None,
        )
        study = optuna.create_study(sampler=sampler)

        def loss(trial: optuna.Trial) -> float:
            x = trial.suggest_float("x", 0, 1)
            if not is_old:
                trial.set_constraint("large", 0.5 - x)
            return x

        study.optimize(loss, n_trials=20)
        return [trial.params["x"] for trial in study.trials]

    assert draws(True) == draws(False)
    assert draws(True)[5:] != pytest.approx([])


def test_maximising_is_minimising_the_negative() -> None:
    def draws(sign: int) -> list[dict[str, object]]:
        study = optuna.create_study(
            sampler=TighteningSampler(trials=5), direction="minimize" if sign > 0 else "maximize"
        )

        def loss(trial: optuna.Trial) -> float:
            x = trial.suggest_float("x", 1e-3, 1, log=True)
            trial.report(sign * x, 1)
            if trial.number % 4 == 1:
                raise optuna.TrialPruned
            return sign * abs(math.log10(x) + 2)

        study.optimize(loss, n_trials=30)
        return [trial.params for trial in study.trials]

    assert draws(1) == draws(-1)
