"""Shipped studies of real trainers, with budgets that a comparison of searches can afford."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from hpsearch.space import Scalar, Space
from hpsearch.study.load import load_study
from hpsearch.study.schema import Study
from hpsearch.trainer.loading import load_trainer
from hpsearch.trainer.trainer import Trainer

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Task:
    """A shipped study, with budgets that a comparison can afford.

    Attributes:
        name: as a key of `TASKS`.
        file: of the study.
        interval: steps between two reports of a trial.
        rounds: of our method; a round trains twice as long as the one before.
        full: steps of a whole training, which is the budget of our last round.
        fixed: parameters that are taken from the space, or that the study fixes otherwise, with
            their values.
        overrides: of the study, beyond these.
    """

    name: str
    file: Path
    interval: int
    rounds: int
    full: int
    fixed: tuple[tuple[str, Scalar], ...] = ()
    overrides: tuple[str, ...] = ()

    @cached_property
    def study(self) -> Study:
        """As our method runs it."""
        return self.with_overrides()

    def with_overrides(self, *overrides: str) -> Study:
        """The study with these budgets, without its start configurations, and as overridden."""
        first = self.full // 2 ** (self.rounds - 1)
        study = load_study(
            self.file,
            [
                f"search.rounds={self.rounds}",
                f"budget.steps={first}",
                "budget.growth=2",
                f"budget.report_every={self.interval}",
                "start=[]",
                *self.overrides,
                *overrides,
            ],
        )
        fixed = dict(self.fixed)
        space = Space(tuple(parameter for parameter in study.space if parameter.name not in fixed))
        return replace(study, space=space, fixed={**study.fixed, **fixed})

    @property
    def space(self) -> Space:
        return self.study.space

    @property
    def units(self) -> int:
        """Reports of a whole training."""
        return self.full // self.interval

    @property
    def total(self) -> int:
        """Steps of a search: what our method takes, its survivors training on."""
        search, budget = self.study.search, self.study.budget
        steps = search.trials * budget.at(0)
        for round in range(1, self.rounds):
            steps += search.trials * budget.at(round) - search.survivors * budget.at(round - 1)
        return steps

    @cached_property
    def trainer(self) -> Trainer:
        found: Trainer = load_trainer(self.study.trainer)()  # type: ignore[arg-type]
        return found


_DIGITS = ROOT / "studies" / "digits_classifier.yaml"
_GAN = ROOT / "studies" / "digits_gan.yaml"
# Nearly every draw of the whole spaces is a structure of its own, and trains alone. With the
# parameters fixed that make structures many searches train in one loop, in a tenth of the time. The
# study's schedule of the learning rate is for longer trainings. Four rounds that double come from
# results/growth.md.
TASKS = {
    "classifier": Task(
        "classifier", _DIGITS, 16, 4, 256,
        fixed=(
            ("depth", 2), ("activation", "gelu"), ("batch_size", 32), ("schedule", "constant"),
        ),
    ),
    "gan": Task(
        "gan", _GAN, 30, 4, 240, fixed=(("depth", 2), ("n_critic", 1), ("batch_size", 32))
    ),
    "classifier, whole space": Task(
        "classifier, whole space", _DIGITS, 16, 4, 256, fixed=(("schedule", "constant"),)
    ),
    "gan, whole space": Task("gan, whole space", _GAN, 30, 4, 240),
}  # fmt: skip
