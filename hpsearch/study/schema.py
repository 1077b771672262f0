"""What a study file says, once it has been checked: frozen dataclasses, one for each section.

The bounds in the annotations are what pydantic checks at the door; nothing checks again later.
"""

import builtins
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from hpsearch.space import Scalar, Space
from hpsearch.study.command import Command
from hpsearch.study.source_map import Marks

Positive = Annotated[int, Field(ge=1)]
NotNegative = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(gt=0)]


def _several(value: Any) -> Any:
    """`5` and `[5]` say the same."""
    if isinstance(value, list):
        return tuple(value)
    return (value,) if isinstance(value, int) else value


@dataclass(frozen=True)
class Objective:
    metric: str
    direction: Literal["minimize", "maximize"]


@dataclass(frozen=True)
class Search:
    rounds: Positive = 4
    trials: Positive = 25  # a round
    survivors: Positive = 3
    seed: NotNegative = 0
    # That a round's draws share, by round, the last number holding on; none: each draw its own.
    structures: Annotated[tuple[Positive, ...], BeforeValidator(_several)] = ()

    # What a draw has from the survivor that it was made around, besides hyperparameters.
    inherit: Literal["none", "weights"] = "none"

    # The model that selects each draw of a round from 1 on among candidates; none: the first one.
    surrogate: Literal["none", "gp"] = "gp"

    def structures_in(self, round: int) -> int:
        """0 if every draw has its own."""
        return self.structures[min(round, len(self.structures) - 1)] if self.structures else 0


@dataclass(frozen=True)
class Budget:
    """How many steps a trial trains for, in each round."""

    steps: Positive
    growth: Annotated[float, Field(ge=1)] = 1.0  # more time on the best: times this, every round
    report_every: Positive = 0  # steps; half a trial's first budget unless the file says

    def __post_init__(self) -> None:
        if not self.report_every:
            object.__setattr__(self, "report_every", max(1, self.steps // 2))

    def at(self, round: int) -> int:
        """Steps in all that a trial of `round` has trained for at its end."""
        # The decimal as written: 1000 * 1.1 is 1100, without a float's error.
        return builtins.round(self.steps * Fraction(repr(float(self.growth))) ** round)


@dataclass(frozen=True)
class Confirm:
    """The `top` best trials are trained again under `seeds` fresh seeds; 0 of either is none."""

    top: NotNegative = 3
    seeds: NotNegative = 5


@dataclass(frozen=True)
class Limits:
    trial_seconds: Seconds | None = None
    trial_memory_mib: Positive | None = None
    search_seconds: Seconds | None = None
    retries: NotNegative = 3


@dataclass(frozen=True)
class Resources:
    parallel: Positive | Literal["auto"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    trials_per_gpu: Positive = 1
    threads: Positive = 1  # a trial; its numbers depend on it
    tf32: bool = False  # on a GPU: products in TensorFloat-32, faster and of 10 bits' precision
    trials_per_group: Positive | Literal["auto"] = "auto"  # at most; of trials that train fused


# Whether trials of a like structure train in one loop; it changes the last bits of their numbers.
Fuse = Literal["auto", "off", "eager", "compile"]


@dataclass(frozen=True)
class TensorboardLogs:
    """Event files beside each trial's own."""

    name: ClassVar = "tensorboard"


@dataclass(frozen=True)
class MlflowLogs:
    """Runs of an MLflow experiment.

    Attributes:
        uri: of the tracking server or database; MLFLOW_TRACKING_URI, or else a database in the run
            folder, unless the file says.
        experiment: its name; the study's unless the file says.
    """

    name: ClassVar = "mlflow"
    uri: str | None = None
    experiment: str | None = None


@dataclass(frozen=True)
class FileTrainer:
    path: Path  # absolute
    name: str


@dataclass(frozen=True)
class ModuleTrainer:
    module: str
    name: str


@dataclass(frozen=True)
class Study:
    name: str
    trainer: FileTrainer | ModuleTrainer | Command
    objective: Objective
    search: Search
    budget: Budget
    confirm: Confirm
    limits: Limits
    resources: Resources
    fuse: Fuse
    loggers: tuple[TensorboardLogs | MlflowLogs, ...]  # in the file's order, each once
    fixed: Mapping[str, Any]
    start: tuple[Mapping[str, Scalar], ...]  # may leave parameters out: those are drawn
    space: Space
    document: Mapping[str, Any]  # with the overrides, as plain JSON types
    path: Path  # as the user gave it
    overrides: tuple[str, ...]
    marks: Marks = field(compare=False, repr=False)  # where `document` says what
