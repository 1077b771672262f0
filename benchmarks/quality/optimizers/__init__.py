"""The optimizers that are compared, by name, one interface to all of them.

    optimizer = make("optuna-tpe", Setting(space, seed=0, trials=100, workers=25))
    params = optimizer.ask(25)
    optimizer.tell(params, [task.value(p, 0) for p in params])

Every peer has its own defaults and the space in its own terms; `about` says what was decided
here. Options follow a colon: `ours:survivors=4` is an argument, `ours:WIDTH=0.3` a constant of the
method.
"""

import ast
import importlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

from hpsearch.space import Scalar, Space

from ..sources import code_hash, constants, reachable

Params = dict[str, Scalar]


class Optimizer(Protocol):
    """Lower is better."""

    def ask(self, count: int) -> list[Params]:
        """The active parameters of the next trials, which are pending until they are told."""

    def tell(self, params: Sequence[Params], values: Sequence[float]) -> None:
        """The values of trials that were asked for, in any order and number."""


@dataclass(frozen=True)
class Setting:
    """What an optimizer knows beforehand."""

    space: Space
    seed: int
    trials: int  # in all
    workers: int  # trials that run at a time
    asynchronous: bool = False  # a new trial starts when one ends

    @property
    def in_batches(self) -> bool:
        return self.workers > 1 and not self.asynchronous


@dataclass(frozen=True)
class Entry:
    title: str
    module: str  # of this package; make(kind, setting, **options) is in it
    kind: str
    package: str  # as in the registry
    about: str
    dear: bool = False  # has fewer seeds
    factor: int = 1  # trials of it in place of one
    ours: bool = False
    batches_only: bool = False  # a proposal takes it seconds


_FLAT = "conditions are unknown to it: all parameters are drawn, the inactive dropped"
ENTRIES: dict[str, Entry] = {
    "ours": Entry(
        "hpsearch", "ours", "none", "hpsearch",
        "no surrogate; batches are rounds, else TighteningSampler", ours=True,
    ),
    "ours-gp": Entry(
        "hpsearch, surrogate gp", "ours", "gp", "hpsearch",
        "batches are rounds, else TighteningSampler", ours=True,
    ),
    "optuna-random": Entry(
        "Optuna random", "with_optuna", "random", "optuna", "conditions by definition as it runs"
    ),
    "optuna-random-twice": Entry(
        "Optuna random, twice the trials", "with_optuna", "random", "optuna",
        "two trials count as one", factor=2,
    ),
    "optuna-qmc": Entry(
        "Optuna QMC", "with_optuna", "qmc", "optuna",
        f"scramble=True, or every seed is the same run; {_FLAT}",
    ),
    "optuna-tpe": Entry(
        "Optuna TPE", "with_optuna", "tpe", "optuna", "conditions by definition as it runs"
    ),
    "optuna-cmaes": Entry("Optuna CMA-ES", "with_optuna", "cmaes", "optuna", _FLAT),
    "optuna-gp": Entry("Optuna GP", "with_optuna", "gp", "optuna", _FLAT, dear=True),
    "hyperopt-tpe": Entry(
        "hyperopt TPE", "with_hyperopt", "tpe", "hyperopt",
        "conditions as nested choices; pending trials wait in its queue",
    ),
    "smac": Entry(
        "SMAC3", "with_smac", "hpo", "smac",
        "HyperparameterOptimizationFacade, conditions in its space, deterministic=True: "
        "a configuration is tried once", dear=True,
    ),
    "nevergrad-ngopt": Entry(
        "Nevergrad NGOpt", "with_nevergrad", "NGOpt", "nevergrad",
        f"trials and workers are told, its floats of arrays made to work with NumPy 2.4; {_FLAT}",
    ),
    "nevergrad-tbpsa": Entry(
        "Nevergrad TBPSA", "with_nevergrad", "TBPSA", "nevergrad",
        f"trials and workers are told; {_FLAT}",
    ),
    "hebo": Entry(
        "HEBO", "with_hebo", "hebo", "HEBO",
        f"beside a NumPy later than it asks for; {_FLAT}", dear=True, batches_only=True,
    ),
    "turbo": Entry(
        "TuRBO-1", "with_botorch", "turbo", "botorch",
        f"Eriksson et al. 2019 on botorch, choices one-hot; {_FLAT}", dear=True,
    ),
    "box": Entry(
        "shrinking box", "plain", "box", "hpsearch",
        "deliberately naive: uniform in a box around the best, halved every 25 trials",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Spec:
    """An entry with options, as written in a text such as `ours:survivors=4,WIDTH=0.3`."""

    text: str
    entry: Entry
    options: Mapping[str, Any] = field(default_factory=dict)  # lower case: arguments of make
    constants: Mapping[str, Any] = field(default_factory=dict)  # upper case: of the method


def spec(text: str) -> Spec:
    """Read a spec.

    Raises:
        ValueError: there is no such optimizer, or an option is no key=value.
    """
    name, _, rest = text.partition(":")
    if name not in ENTRIES:
        raise ValueError(f"no optimizer {name!r}; there are: {', '.join(ENTRIES)}")
    lower: dict[str, Any] = {}
    upper: dict[str, Any] = {}
    for item in filter(None, rest.split(",")):
        key, equals, value = item.partition("=")
        if not equals:
            raise ValueError(f"{text}: expected key=value after the colon, got {item!r}")
        (upper if key.rpartition(".")[2].isupper() else lower)[key] = _literal(value)
    return Spec(text, ENTRIES[name], lower, upper)


def installed(entry: Entry) -> str | None:
    """Version of the entry's package, None where it is absent."""
    try:
        return f"{entry.package} {version(entry.package)}"
    except PackageNotFoundError:
        return None


def identity(chosen: Spec, package: str) -> str:
    """Changes when a run of the spec may: with its package and the code that drives it."""
    modules = [f"quality.optimizers.{chosen.entry.module}", "quality.regimes"]
    if chosen.entry.ours:
        modules += reachable("hpsearch.method.rounds", "hpsearch.sampler")
    return f"{package} {code_hash(modules)}"


def make(chosen: Spec | str, setting: Setting) -> Optimizer:
    """A fresh optimizer.

    Raises:
        ImportError: its package is absent.
    """
    chosen = spec(chosen) if isinstance(chosen, str) else chosen
    module = importlib.import_module(f".{chosen.entry.module}", __package__)
    made: Optimizer = module.make(chosen.entry.kind, setting, **chosen.options)
    return made


def with_constants(chosen: Spec) -> AbstractContextManager[None]:
    """The method's constants are the spec's inside the block."""
    return constants(chosen.constants, reachable("hpsearch.method.rounds", "hpsearch.sampler"))


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text
