"""A study with the sampler: what is stored decides, whoever asks and however often it is loaded."""

import contextlib
import math
import pickle
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import optuna
import pytest
from optuna.distributions import (
    BaseDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import PartialFixedSampler
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from hpsearch import TighteningSampler
from hpsearch.method import acquisition, surrogate_data
from hpsearch.method.initial_design import initial_points
from hpsearch.method.surrogate_data import SurrogateData
from hpsearch.sampler.axes import axes
from hpsearch.sampler.table import DRAWN
from hpsearch.space import Parameter, Space

optuna.logging.set_verbosity(optuna.logging.ERROR)

SPACE: dict[str, BaseDistribution] = {
    "lr": FloatDistribution(1e-5, 1e-1, log=True),
    "momentum": FloatDistribution(0, 0.99, step=0.01),
    "depth": IntDistribution(1, 8),
}


def objective(trial: optuna.Trial) -> float:
    """Conditional, with failures and pruned trials."""
    lr = trial.suggest_float("lr", 1e-5, 1e-1, log=True)
    loss = abs(math.log10(lr) + 3)
    if trial.suggest_categorical("optimizer", ["adam", "sgd", None]) == "sgd":
        loss += abs(trial.suggest_float("momentum", 0, 0.99) - 0.9)
    depth = trial.suggest_int("depth", 1, 8)
    for layer in range(min(depth, 2)):
        loss += abs(trial.suggest_int(f"width{layer}", 16, 256, step=16) - 128) / 500
    if trial.number % 9 == 4:
        raise ValueError("this one fails")
    trial.report(loss + 1, step=1)
    if trial.number % 5 == 3:
        raise optuna.TrialPruned
    return round(loss, 1)


def run(study: optuna.Study, trials: int, n_jobs: int = 1) -> None:
    study.optimize(objective, trials, catch=ValueError, n_jobs=n_jobs)


def params(study: optuna.Study) -> list[dict[str, object]]:
    return [trial.params for trial in study.get_trials(deepcopy=False)]


def storages(folder: Path) -> dict[str, Callable[[], BaseStorage]]:
    """Each call opens it anew."""
    memory = InMemoryStorage()

    def sqlite() -> RDBStorage:
        # No power is lost here, so nothing need wait for the disk.
        def connect() -> sqlite3.Connection:
            connection = sqlite3.connect(folder / "study.db", 60, check_same_thread=False)
            connection.execute("PRAGMA synchronous=OFF")
            return connection

        # Nor has it another version than Optuna's, which takes most of a second to see.
        return RDBStorage(
            "sqlite:///study.db",
            engine_kwargs={"creator": connect},
            skip_compatibility_check=True,
            skip_table_creation=(folder / "study.db").exists(),
        )

    return {
        "memory": lambda: memory,
        "sqlite": sqlite,
        "journal": lambda: JournalStorage(JournalFileBackend(f"{folder}/study.log")),
    }


@pytest.fixture(scope="module")
def unbroken() -> list[dict[str, object]]:
    study = optuna.create_study(sampler=TighteningSampler(seed=7, trials=6))
    run(study, 33)
    states = [trial.state for trial in study.trials]
    assert {TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL} == set(states)
    return params(study)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["memory", "sqlite", "journal"])
def test_a_study_stopped_and_loaded_ten_times_has_the_draws_of_an_unbroken_one(
    kind: str, tmp_path: Path, unbroken: list[dict[str, object]]
) -> None:
    opened = storages(tmp_path)[kind]
    optuna.create_study(study_name="s", storage=opened())
    for _ in range(11):
        sampler = TighteningSampler(seed=7, trials=6)
        study = optuna.load_study(study_name="s", storage=opened(), sampler=sampler)
        run(study, 3)
    assert params(study) == unbroken


@pytest.mark.slow
@pytest.mark.parametrize("surrogate", [None, "gp"])
def test_what_a_sampler_has_kept_changes_no_draw(surrogate: Literal["gp"] | None) -> None:
    def draws(is_kept: bool) -> list[dict[str, object]]:
        chance = random.Random(1)
        study = optuna.create_study(sampler=TighteningSampler(trials=10, surrogate=surrogate))
        running: list[optuna.Trial] = []
        while len(study.get_trials(deepcopy=False)) < 34:  # up to 4 at once, in any order
            if len(running) < 4 and chance.random() < 0.6:
                if not is_kept:
                    study.sampler = TighteningSampler(trials=10, surrogate=surrogate)
                running.append(trial := study.ask())
                with contextlib.suppress(ValueError, optuna.TrialPruned):
                    trial.set_user_attr("loss", objective(trial))
            elif running:
                trial = running.pop(chance.randrange(len(running)))
                loss = trial.user_attrs.get("loss")
                study.tell(trial, loss, state=TrialState.FAIL if loss is None else None)
        return params(study)

    assert draws(True) == draws(False)


@pytest.mark.slow
def test_a_large_table_fits_hyperparameters_once_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted: list[int] = []

    def counted(data: SurrogateData) -> object:
        fitted.append(len(data.z))
        return surrogate_data.fit_hyperparameters(data)

    monkeypatch.setattr(acquisition, "fit_hyperparameters", counted)
    study = optuna.create_study(sampler=TighteningSampler(trials=10))
    run(study, 71)
    # From 10 to 40 after every fifth of a round, which is two trials.
    assert fitted == [*range(10, 41, 2), 50, 60, 70]


def test_a_kill_in_the_middle_of_a_trial_leaves_the_other_draws_as_they_are() -> None:
    def draws(kills: bool) -> list[dict[str, object]]:
        storage = InMemoryStorage()
        optuna.create_study(study_name="s", storage=storage)
        for number in range(12):
            # The surrogate treats a running trial as pending and a failed one as bad.
            sampler = TighteningSampler(seed=7, trials=4, surrogate=None, space=SPACE)
            study = optuna.load_study(study_name="s", storage=storage, sampler=sampler)
            trial = study.ask(SPACE)
            if number == 6:
                if kills:
                    continue
                study.tell(trial, state=TrialState.FAIL)
            else:
                study.tell(trial, trial.params["lr"])
        return params(study)

    assert draws(kills=True) == draws(kills=False)


PROCESSES = """
import os, sys
from pathlib import Path
import optuna
from scipy.stats import qmc  # once for all
from test_study import SPACE, storages
from hpsearch import TighteningSampler


def work(opened, ready):
    sampler = TighteningSampler(seed=5, trials=8, space=SPACE)
    study = optuna.load_study(study_name="s", storage=opened(), sampler=sampler)
    os.read(ready, 1)
    for _ in range(4):
        trial = study.ask(SPACE)
        study.tell(trial, trial.params["lr"] + trial.params["depth"])


for kind in ("sqlite", "journal"):
    opened = storages(Path(sys.argv[1]))[kind]
    optuna.create_study(study_name="s", storage=opened())
    ready, go = os.pipe()
    children = []
    for _ in range(4):
        child = os.fork()
        if not child:
            try:
                work(opened, ready)
            except BaseException:
                sys.excepthook(*sys.exc_info())
                os._exit(1)
            os._exit(0)
        children.append(child)
    os.write(go, b"1234")
    if any([os.waitpid(child, 0)[1] for child in children]):
        sys.exit(f"a process failed on {kind}")
"""


@pytest.mark.slow
def test_four_processes_at_once_share_the_places_of_the_rounds(tmp_path: Path) -> None:
    here = Path(__file__).parent
    paths = f"import sys; sys.path[:0] = {[str(here), str(here.parents[1])]}\n"
    done = subprocess.run(
        [sys.executable, "-c", paths + PROCESSES, tmp_path],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for kind in ("sqlite", "journal"):
        study = optuna.load_study(study_name="s", storage=storages(tmp_path)[kind]())
        trials = study.get_trials()
        assert [trial.number for trial in trials] == list(range(16))
        assert all(trial.state == TrialState.COMPLETE for trial in trials)
        assert [trial.params for trial in trials[:8]] == first_draws(5, 8)
        assert len({repr(trial.system_attrs[DRAWN]) for trial in trials}) == 16


def first_draws(seed: int, count: int) -> list[dict[str, object]]:
    """What the controller begins with."""
    at = axes(SPACE)
    space = Space(tuple(Parameter(name, axis.domain) for name, axis in at.items()))
    return [
        {name: axis.value(u) for (name, axis), u in zip(at.items(), point, strict=True)}
        for point in initial_points(space, seed, count)
    ]


def test_two_threads_draw_by_number() -> None:
    study = optuna.create_study(sampler=TighteningSampler(seed=5, trials=10, space=SPACE))

    def loss(trial: optuna.Trial) -> float:
        return float(sum(trial._suggest(name, kind) for name, kind in SPACE.items()))

    study.optimize(loss, n_trials=30, n_jobs=2)
    drawn = params(study)
    assert drawn[:10] == first_draws(5, 10)
    assert len({repr(draw) for draw in drawn}) == 30


@pytest.mark.parametrize("is_known", [True, False])
def test_a_batch_may_end_in_any_order(is_known: bool) -> None:
    def draws(seed: int) -> list[dict[str, object]]:
        space = SPACE if is_known else None
        study = optuna.create_study(sampler=TighteningSampler(trials=6, space=space))
        for _ in range(3):
            batch = [study.ask(SPACE) for _ in range(6)]
            random.Random(seed).shuffle(batch)
            for trial in batch:
                study.tell(trial, trial.params["lr"])
        return params(study)

    assert draws(0) == draws(1)


def test_without_a_space_round_0_fills_it_still() -> None:
    study = optuna.create_study(sampler=TighteningSampler(seed=2, trials=32))
    distributions = {name: FloatDistribution(0, 1) for name in "abc"}
    for _ in range(32):
        study.ask(distributions)
    points = np.array([list(draw.values()) for draw in params(study)])
    # A net of 32 points: every interval of length 1/32 of each coordinate has one (Owen 1998),
    for column in points.T:
        assert sorted(np.floor(column * 32)) == list(range(32))
    # and each pair of the first dimensions has one in each box of 4 x 8.
    boxes = np.floor(points[:, :2] * [4, 8])
    assert len({tuple(box) for box in boxes}) == 32


def test_more_trials_than_a_round_before_any_has_ended_go_on_filling() -> None:
    study = optuna.create_study(sampler=TighteningSampler(seed=5, trials=10, space=SPACE))
    trials = [study.ask(SPACE) for _ in range(40)]
    assert [trial.params for trial in trials] == first_draws(5, 40)


def test_an_enqueued_trial_takes_its_place() -> None:
    study = optuna.create_study(sampler=TighteningSampler(seed=5, trials=10, space=SPACE))
    study.enqueue_trial({"lr": 1e-3})
    first, second = study.ask(SPACE), study.ask(SPACE)
    expected = first_draws(5, 2)
    assert first.params == {**expected[0], "lr": 1e-3}
    assert second.params == expected[1]


def test_a_pickled_sampler_goes_on() -> None:
    def draws(pickles: bool) -> list[dict[str, object]]:
        study = optuna.create_study(sampler=TighteningSampler(seed=7, trials=8))
        run(study, 20)
        if pickles:
            study.sampler = pickle.loads(pickle.dumps(study.sampler))
        run(study, 10)
        return params(study)

    assert draws(True) == draws(False)


def test_one_sampler_may_serve_several_studies() -> None:
    sampler = TighteningSampler(seed=7, trials=4)
    both = [optuna.create_study(sampler=sampler) for _ in range(2)]
    for _ in range(12):
        for study in both:
            run(study, 1)
    assert params(both[0]) == params(both[1])


def test_fixed_parameters_leave_the_others_to_the_sampler() -> None:
    study = optuna.create_study(sampler=TighteningSampler(seed=7, trials=4))
    run(study, 6)
    with pytest.warns(optuna.exceptions.ExperimentalWarning):
        study.sampler = PartialFixedSampler({"optimizer": "sgd"}, study.sampler)
    run(study, 6)
    assert {draw["optimizer"] for draw in params(study)[6:]} == {"sgd"}


def test_hyperband_shows_each_bracket_its_own_trials() -> None:
    study = optuna.create_study(
        sampler=TighteningSampler(trials=5),
        pruner=optuna.pruners.HyperbandPruner(min_resource=1, max_resource=9),
    )

    def loss(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        for step in range(1, 10):
            trial.report(x + 1 / step, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return x

    study.optimize(loss, n_trials=30)
    assert len({draw["x"] for draw in params(study)}) == 30
