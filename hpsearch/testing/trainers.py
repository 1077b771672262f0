"""The contract of trainers, as checks of a `Trainer` class.

In the tests of a trainer, with a few settings that differ from each other:

    def test_my_trainer_keeps_the_contract():
        hpsearch.testing.check_trainer(MyTrainer, [{"lr": 0.1}, {"lr": 0.01, "width": 48}])

or, with one test per check:

    @pytest.mark.parametrize("check", hpsearch.testing.ALL_TRAINER_CHECKS)
    def test_my_trainer(check, tmp_path):
        check(MyTrainer, SETTINGS, tmp_path)

A study's space can replace the settings. A check raises AssertionError with the fault. The checks
train for some steps, so the settings should be small, and training must not diverge.
"""

import math
import pickle
import random
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hpsearch.method import structure_faults, structure_space_faults
from hpsearch.space import Scalar, Space
from hpsearch.testing.cases import Case, Settings, Tries, shown
from hpsearch.testing.expectations import expect
from hpsearch.testing.fused import FUSED_TRAINER_CHECKS
from hpsearch.testing.trials import Bench, difference, train_alone
from hpsearch.trainer import HP, Trainer

TrainerCheck = Callable[[type[Trainer], Tries, Path], None]


def its_defaults_are_what_a_study_can_give(
    trainer: type[Trainer], tries: Tries, folder: Path
) -> None:
    wrong = [n for n, v in trainer.defaults.items() if not (n.isidentifier() and _is_scalar(v))]
    expect(not wrong, f"not a name with a number, text, true, false or null: {', '.join(wrong)}")
    unknown = {n for one in Case.of(trainer, tries).settings for n in one} - set(trainer.defaults)
    expect(not unknown, f"settings that are not in the defaults: {', '.join(sorted(unknown))}")


def every_hyperparameter_is_read(trainer: type[Trainer], tries: Tries, folder: Path) -> None:
    read: set[str] = set()
    for settings in Case.of(trainer, tries).settings:
        bench = Bench(trainer, Watched({**trainer.defaults, **settings}, read))
        for phase in trainer.phases:
            bench.trainer.optimizer(phase, bench.hp)
            bench.loss(phase)
        bench.evaluate()
        bench.test()
    unread = [name for name in trainer.defaults if name not in read]
    expect(
        not unread,
        f"nothing reads {', '.join(unread)}; add settings in which it has an effect, or remove it",
    )


def its_structure_names_hyperparameters(trainer: type[Trainer], tries: Tries, folder: Path) -> None:
    faults = structure_faults(trainer.structure, trainer.defaults)
    if not faults and isinstance(tries, Space):
        of_space = structure_space_faults(trainer.structure, tries)
        faults = [f"{name}: {fault}" for name, fault in of_space.items()]
    expect(not faults, "; ".join(faults))


def its_loss_draws_no_random_numbers(trainer: type[Trainer], tries: Tries, folder: Path) -> None:
    for _, bench in _benches(trainer, tries):
        for phase in trainer.phases:
            before = _generators()
            first = bench.loss(phase).detach()
            again = bench.loss(phase).detach()
            moved = [name for name, state in _generators().items() if state != before[name]]
            expect(not moved, f"{phase}: it draws from the global generator of {', '.join(moved)}")
            expect(
                torch.equal(first, again) or bool(first.isnan() & again.isnan()),
                f"{phase}: the same batch has the losses {float(first)} and {float(again)}",
            )


def a_trial_resumes_to_the_same_bits(trainer: type[Trainer], tries: Tries, folder: Path) -> None:
    for i, settings in enumerate(Case.of(trainer, tries).settings):
        straight = train_alone(trainer, folder / f"{i}-straight", settings, budget=8)
        train_alone(trainer, folder / f"{i}-parts", settings, budget=4)
        parts = train_alone(trainer, folder / f"{i}-parts", settings, budget=8)
        off = difference(straight, parts)
        expect(off is None, f"{shown(settings)}: stopped at 4 and resumed to 8, {off}")


def its_metrics_are_finite_and_the_same_for_the_same_networks(
    trainer: type[Trainer], tries: Tries, folder: Path
) -> None:
    for settings, bench in _benches(trainer, tries):
        first, again = (dict(bench.evaluate().metrics) for _ in range(2))
        expect(bool(first), f"{shown(settings)}: evaluate() gives no metrics")
        _expect_finite(first, settings)
        expect(first == again, f"{shown(settings)}: two evaluations of it gave {first} and {again}")


def metrics_on_test_data_are_named_test(trainer: type[Trainer], tries: Tries, folder: Path) -> None:
    for settings, bench in _benches(trainer, tries):
        test_metrics = dict(bench.test())
        _expect_finite(test_metrics, settings)
        wrong = [name for name in test_metrics if not name.startswith("test_")]
        expect(not wrong, f"test() gives metrics that are not named test_*: {', '.join(wrong)}")
        wrong = [name for name in bench.evaluate().metrics if name.startswith("test_")]
        expect(not wrong, f"evaluate(), which the search sees, gives {', '.join(wrong)}")


LONE_TRAINER_CHECKS: tuple[TrainerCheck, ...] = (
    its_defaults_are_what_a_study_can_give,
    every_hyperparameter_is_read,
    its_structure_names_hyperparameters,
    its_loss_draws_no_random_numbers,
    a_trial_resumes_to_the_same_bits,
    its_metrics_are_finite_and_the_same_for_the_same_networks,
    metrics_on_test_data_are_named_test,
)
ALL_TRAINER_CHECKS: tuple[TrainerCheck, ...] = LONE_TRAINER_CHECKS + FUSED_TRAINER_CHECKS


def check_trainer(
    trainer: type[Trainer], tries: Tries, checks: tuple[TrainerCheck, ...] = ALL_TRAINER_CHECKS
) -> None:
    """Run the checks on a trainer.

    Args:
        trainer: the class.
        tries: hyperparameters to try, as in a study, or the space of a study.
        checks: all by default; LONE_TRAINER_CHECKS for a trainer that is not fused.

    Raises:
        AssertionError: checks failed; the message has a line for each of them.
    """
    faults: list[str] = []
    cause: Exception | None = None
    for check in checks:
        with tempfile.TemporaryDirectory(prefix="hpsearch-") as folder:
            try:
                check(trainer, tries, Path(folder))
            except AssertionError as error:
                faults.append(f"{check.__name__}: {error}")
            except Exception as error:
                faults.append(f"{check.__name__}: {type(error).__name__}: {error}")
                cause = error
    if faults:
        raise AssertionError("\n".join([f"{trainer.__name__} breaks:", *faults])) from cause


class Watched(HP):
    """Hyperparameters that remember which of them were read."""

    def __init__(self, values: Mapping[str, Any], read: set[str]) -> None:
        super().__init__(values)
        self._read = read

    def __getattr__(self, name: str) -> Any:
        value = super().__getattr__(name)
        self._read.add(name)
        return value

    def __getitem__(self, name: str) -> Any:
        self._read.add(name)
        return super().__getitem__(name)


def _benches(trainer: type[Trainer], tries: Tries) -> Iterator[tuple[Settings, Bench]]:
    for settings in Case.of(trainer, tries).settings:
        yield settings, Bench(trainer, HP({**trainer.defaults, **settings}))


def _generators() -> dict[str, bytes]:
    """The states of the global generators, from which a loss must not draw."""
    return {
        "torch": torch.get_rng_state().numpy().tobytes(),
        "numpy": pickle.dumps(np.random.get_state()),
        "random": pickle.dumps(random.getstate()),
    }


def _expect_finite(metrics: Mapping[str, float], settings: Settings) -> None:
    wrong = {name: value for name, value in metrics.items() if not math.isfinite(value)}
    expect(not wrong, f"{shown(settings)}: not finite: {wrong}")


def _is_scalar(value: Any) -> bool:
    return isinstance(value, Scalar)
