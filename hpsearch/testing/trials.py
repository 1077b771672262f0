"""Trains trials for the checks, alone, in a group or in float64, and compares them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hpsearch.method import Shape
from hpsearch.testing.cases import Settings, shown
from hpsearch.testing.expectations import expect
from hpsearch.trainer import (
    HP,
    Batches,
    Data,
    Evaluation,
    Run,
    Trainer,
    averaged_nets,
    cycle,
    evaluation_randomness,
    initial_weights,
    train_group,
    train_trial,
)
from hpsearch.trial import Folder, Spec

SEED = 7
REPORT_EVERY = 4


@dataclass(frozen=True)
class Trained:
    """The results of a trial.

    Attributes:
        state: the checkpoint's tensors and numbers by their path: "nets.generator.0.weight".
        metrics: by step and name: "9.val_loss".
    """

    state: Mapping[str, Any]
    metrics: Mapping[str, float | None]

    @classmethod
    def read(cls, folder: Path) -> "Trained":
        checkpoint = torch.load(folder / "checkpoint.pt", weights_only=True)
        reports = Folder(folder).read_reports()
        metrics = {f"{r.step}.{name}": v for r in reports for name, v in r.metrics.items()}
        return cls(dict(_leaves("", checkpoint)), metrics)


def start(
    folder: Path,
    settings: Settings,
    *,
    budget: int,
    seed: int = SEED,
    report_every: int = REPORT_EVERY,
) -> Run:
    """A new trial, or one that resumes from the checkpoint in its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    spec = Spec(0, 0, 0, "draw", {}, (), seed, budget)
    return Run(spec, Folder(folder), hp=settings, objective="", report_every=report_every)


def train_alone(
    trainer: type[Trainer], folder: Path, settings: Settings, *, budget: int, **of_run: int
) -> Trained:
    train_trial(trainer(), start(folder, settings, budget=budget, **of_run))
    return Trained.read(folder)


@dataclass(frozen=True)
class Member:
    """A trial of a group."""

    settings: Settings
    seed: int
    budget: int


def train_together(
    trainer: type[Trainer],
    folder: Path,
    members: Sequence[Member],
    shape: Shape,
    report_every: int = REPORT_EVERY,
) -> list[Trained]:
    """Train a group in one loop; member i's folder is `folder / str(i)`.

    Raises:
        AssertionError: a member did not reach its budget.
        UnfusableError: vmap rejects the trainer.
    """
    runs = [
        start(folder / str(i), m.settings, budget=m.budget, seed=m.seed, report_every=report_every)
        for i, m in enumerate(members)
    ]
    ends: dict[Path, BaseException | None] = {}

    def ended(run: Run, error: BaseException | None) -> None:
        ends[run.folder.path] = error

    train_group(trainer(), runs, shape, ended)
    for run, member in zip(runs, members, strict=True):
        path = run.folder.path
        expect(path in ends, f"{shown(member.settings)}: the group has lost it")
        expect(ends[path] is None, f"{shown(member.settings)}: in a group: {ends[path]}")
    return [Trained.read(run.folder.path) for run in runs]


class Bench:
    """A trainer's networks and batches, for calls outside a loop."""

    def __init__(self, trainer: type[Trainer], hp: HP) -> None:
        self.trainer, self.hp = trainer(), hp
        with initial_weights(SEED):
            self.nets: dict[str, nn.Module] = self.trainer.build(hp)
        optimizers = {phase: self.trainer.optimizer(phase, hp) for phase in trainer.phases}
        self._averaged = averaged_nets(self.trainer, self.nets, optimizers)
        self._batches = Batches(self.trainer, hp, SEED, "cpu")

    def loss(self, phase: str) -> Tensor:
        """The loss of the first step of a phase."""
        for net in self.nets.values():
            net.train()
        step = cycle(self.trainer, self.hp).index(phase)
        dtype = next(self.nets[phase].parameters()).dtype
        return self.trainer.loss(phase, self.nets, self._batches.at(step, dtype), self.hp)

    def evaluate(self) -> Evaluation:
        self._rest()
        with torch.no_grad(), evaluation_randomness(SEED):
            inputs, nets = self.trainer.inputs(self.hp), {**self.nets, **self._averaged}
            outputs = self.trainer.outputs(nets, inputs, self.hp)
            return self.trainer.evaluate(nets, outputs, self.hp)

    def test(self) -> Mapping[str, float]:
        self._rest()
        with torch.no_grad(), evaluation_randomness(SEED):
            return self.trainer.test({**self.nets, **self._averaged}, self.hp)

    def _rest(self) -> None:
        for net in [*self.nets.values(), *self._averaged.values()]:
            net.eval()


def in_doubles(trainer: type[Trainer], nudge: float = 0.0) -> type[Trainer]:
    """The same trainer with networks, data and noise in float64.

    Args:
        trainer: the class.
        nudge: a relative change of the initial weights.
    """
    return type(trainer.__name__, (_InDoubles, trainer), {"nudge": nudge})


class _InDoubles(Trainer):
    """A base class to put before a trainer's."""

    nudge = 0.0

    def data(self, hp: HP) -> Data:
        data = super().data(hp)
        return replace(data, train=_doubled(data.train))

    def build(self, hp: HP) -> dict[str, nn.Module]:
        nets = {name: net.double() for name, net in super().build(hp).items()}
        for parameter in (p for net in nets.values() for p in net.parameters()):
            parameter.data *= 1 + self.nudge
        return nets

    def inputs(self, hp: HP) -> Mapping[str, Tensor]:
        return _doubled(super().inputs(hp))


def difference(a: Trained, b: Trained) -> str | None:
    """The first difference in bits between two trials; None if they are equal."""
    if a.state.keys() != b.state.keys():
        return f"the checkpoints have different entries: {sorted(a.state.keys() ^ b.state.keys())}"
    for path, value in a.state.items():
        if not _same_bits(value, b.state[path]):
            return f"{path}: {_off(value, b.state[path])}"
    if a.metrics != b.metrics:
        name = next(n for n in {**a.metrics, **b.metrics} if a.metrics.get(n) != b.metrics.get(n))
        return f"the report {name}: {a.metrics.get(name)} and {b.metrics.get(name)}"
    return None


def distance(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[float, str]:
    """The largest |a - b| / (1 + |b|) and its path; infinite if keys or shapes differ."""
    if a.keys() != b.keys():
        return math.inf, min(a.keys() ^ b.keys())
    worst, where = 0.0, ""
    for path in a:
        off = _off_by(a[path], b[path])
        if off > worst:
            worst, where = off, path
    return worst, where


def _off_by(a: Any, b: Any) -> float:
    if a is None or b is None:
        return 0.0 if a is b else math.inf
    x, y = torch.as_tensor(a).double(), torch.as_tensor(b).double()
    if x.shape != y.shape:
        return math.inf
    off = torch.where(x == y, 0.0, (x - y).abs() / (1 + y.abs())).nan_to_num(math.inf)
    return float(off.max()) if off.numel() else 0.0


def _doubled(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {n: t.double() if t.is_floating_point() else t for n, t in tensors.items()}


def _leaves(path: str, node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        children = node.items()
    elif isinstance(node, list | tuple):
        children = dict(enumerate(node)).items()
    else:
        yield path, node
        return
    for key, child in children:
        yield from _leaves(f"{path}.{key}".lstrip("."), child)


def _same_bits(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    return type(a) is type(b) and bool(a == b)


def _off(a: Any, b: Any) -> str:
    if isinstance(a, Tensor) and isinstance(b, Tensor) and a.shape == b.shape:
        return f"off by up to {float((a.double() - b.double()).abs().max()):.3g}"
    return f"{a} and {b}"
