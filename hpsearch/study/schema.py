"""A checked study: frozen dataclasses, one for each section of the file.

The bounds in the annotations are checked once, by pydantic when the file is read. This module
imports neither pydantic nor yaml, so that a trial's process imports neither.
"""

import builtins
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, MinLen

from hpsearch.space import Scalar, Space
from hpsearch.study.command import Command
from hpsearch.trial import Direction

if TYPE_CHECKING:
    from hpsearch.study.source_map import SourceMap

Positive = Annotated[int, Ge(1)]
NotNegative = Annotated[int, Ge(0)]
Seconds = Annotated[float, Gt(0)]
Text = Annotated[str, MinLen(1)]


@dataclass(frozen=True)
class Objective:
    metric: str
    direction: Direction


@dataclass(frozen=True)
class Search:
    """The rounds of a search.

    Attributes:
        survivors: best trials that the next round is drawn around.
        structures: number of structures that the draws of each round share; the last number holds
            for all later rounds. Empty: each draw has its own structure.
        inherit: "weights": a draw starts from the weights of the survivor it was drawn around.
        surrogate: model that selects each draw from round 1 on among candidates; "none": the first
            candidate is taken.
    """

    rounds: Positive = 4
    trials: Positive = 25
    survivors: Positive = 3
    seed: NotNegative = 0
    structures: tuple[Positive, ...] = ()
    inherit: Literal["none", "weights"] = "none"
    surrogate: Literal["none", "gp"] = "gp"

    def structures_in(self, round: int) -> int:
        """Number of structures in `round`; 0 if every draw has its own."""
        return self.structures[min(round, len(self.structures) - 1)] if self.structures else 0


@dataclass(frozen=True)
class Budget:
    """Training steps of a trial in each round.

    Attributes:
        steps: of a trial in round 0.
        growth: factor by which the steps grow from round to round.
        report_every: steps between reports; 0 stands for half of `steps`.
    """

    steps: Positive
    growth: Annotated[float, Ge(1)] = 1.0
    report_every: Positive = 0

    def __post_init__(self) -> None:
        if not self.report_every:
            object.__setattr__(self, "report_every", max(1, self.steps // 2))

    def at(self, round: int) -> int:
        """Total training steps of a trial in `round`."""
        # The decimal as written: 1000 * 1.1 is 1100, without a float's error.
        return builtins.round(self.steps * Fraction(repr(float(self.growth))) ** round)


@dataclass(frozen=True)
class Confirm:
    """The `top` best trials are trained again under `seeds` fresh seeds; 0 of either: none are."""

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
    """Where trials run.

    Attributes:
        parallel: trials or groups that run at once.
        device: "auto" takes the GPUs that torch finds.
        trials_per_gpu: trials or groups that share a GPU.
        threads: of one trial; its last bits depend on them.
        tf32: multiply in TensorFloat-32 on a GPU: faster, with 10 bits of precision.
        trials_per_group: most trials that train in one loop.
    """

    parallel: Positive | Literal["auto"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    trials_per_gpu: Positive = 1
    threads: Positive = 1
    tf32: bool = False
    trials_per_group: Positive | Literal["auto"] = "auto"


# Whether trials of equal structure train in one loop; it changes the last bits of their numbers.
Fuse = Literal["auto", "off", "eager", "compile"]


@dataclass(frozen=True)
class TensorboardSettings:
    name: ClassVar = "tensorboard"


@dataclass(frozen=True)
class MlflowSettings:
    """Runs of an MLflow experiment.

    Attributes:
        uri: of the tracking server or database; None: MLFLOW_TRACKING_URI, or else a database in
            the run folder.
        experiment: its name; None: the study's name.
    """

    name: ClassVar = "mlflow"
    uri: Text | None = None
    experiment: Text | None = None


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
    """A whole study file.

    Attributes:
        loggers: in the file's order, each at most once.
        start: configurations of the first draws; parameters that one leaves out are drawn.
        document: the file with its overrides, as plain JSON types.
        path: as the user gave it.
        source_map: finds the line of every key and value in the file.
    """

    name: str
    trainer: FileTrainer | ModuleTrainer | Command
    objective: Objective
    search: Search
    budget: Budget
    confirm: Confirm
    limits: Limits
    resources: Resources
    fuse: Fuse
    loggers: tuple[TensorboardSettings | MlflowSettings, ...]
    fixed: Mapping[str, Any]
    start: tuple[Mapping[str, Scalar], ...]
    space: Space
    document: Mapping[str, Any]
    path: Path
    overrides: tuple[str, ...]
    source_map: "SourceMap" = field(compare=False, repr=False)
