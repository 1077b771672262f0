"""Trials of real trainers that are trained on by and by, in fused groups, and remembered.

    trainings = Trainings(TASKS["classifier"], lines)
    trainings.train({order: 64})        # any number of trials, each to a step of its own
    trainings.curve(order).at(32)       # what it reported there

A trial's numbers do not depend on who shares its loop nor on where it paused (docs/adr/0006), so
trials of different searches train together, and none is trained twice.
"""

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpsearch.method.structure import Shape, shape_of
from hpsearch.space import Scalar
from hpsearch.trainer.fused import group
from hpsearch.trainer.run import HP, NonfiniteError, Run
from hpsearch.trial import Report
from hpsearch.workers.fusion_policy import max_group_size

from ..lines import Lines
from .programs import remembered
from .task import Task


@dataclass(frozen=True)
class Order:
    """A training that somebody wants.

    Attributes:
        params: the active ones, as JSON with sorted keys.
        seed: of initial weights, batches and noise.
        is_confirmation: whether it is measured on test data at its end, and only there.
    """

    params: str
    seed: int
    is_confirmation: bool = False

    @classmethod
    def of(
        cls, params: Mapping[str, Scalar], seed: int, *, is_confirmation: bool = False
    ) -> "Order":
        return cls(json.dumps(dict(params), sort_keys=True), seed, is_confirmation)

    @property
    def key(self) -> str:
        return f"{self.params}@{self.seed}{' confirmed' if self.is_confirmation else ''}"


@dataclass
class Curve:
    """What a training has reported so far.

    Attributes:
        values: of the objective by step; None where it was not finite.
        test: test metrics, of a confirmation that is at its end.
        has_failed: whether it broke down after its last report.
    """

    values: dict[int, float | None] = field(default_factory=dict)
    test: dict[str, float] = field(default_factory=dict)
    has_failed: bool = False

    def reaches(self, step: int) -> bool:
        return self.has_failed or step in self.values

    def at(self, step: int) -> float | None:
        """None of a trial that has broken down by then."""
        return self.values.get(step)


class Remembered(Run):
    """A run whose reports and checkpoint stay in memory, so that it can pause at any report."""

    def __init__(
        self, task: Task, order: Order, report_every: int, state: Mapping[str, Any] | None
    ) -> None:
        self.hp = HP({**task.study.fixed, **json.loads(order.params)})
        self.seed = order.seed
        self.budget = 0
        self.report_every = report_every
        self.device = "cpu"
        self.role = "confirm" if order.is_confirmation else "draw"
        self.order = order
        self.made: list[Report] = []  # reports
        self.last: Report | None = None
        self.collapsed: str | None = None
        self.collapsed_as = "collapsed"
        self.provenance: dict[str, str | int] = {}
        self.state = state
        self._objective = task.study.objective.metric

    def report(self, step: int, **metrics: float) -> None:
        record = {n: float(v) if math.isfinite(v) else None for n, v in metrics.items()}
        self.last = Report(step, record, 0.0)
        self.made.append(self.last)
        if record[self._objective] is None:
            raise NonfiniteError(f"{self._objective} is not finite at step {step}")

    def save(self, state: Mapping[str, Any]) -> None:
        self.state = dict(state)

    def load(self) -> dict[str, Any] | None:
        return None if self.state is None else dict(self.state)

    def inherited(self) -> None:
        return None

    def image(self, name: str, array: Any) -> Path:
        return Path(name)

    def sync(self) -> None:
        pass

    def rewind(self, step: int) -> None:
        pass

    @property
    def stopping(self) -> bool:
        return False


class Trainings:
    """All trainings of a task, by their orders.

    Args:
        task: whose trainer and space they have.
        lines: where curves are kept; None for nowhere.
        largest: trials that share a loop, at most; as many as in a search if nobody says.

    Attributes:
        seconds: spent in training and evaluating.
        steps: trained, those of a trial that was begun again after an interruption included.
    """

    def __init__(self, task: Task, lines: Lines | None = None, largest: int | None = None) -> None:
        self.task = task
        self.seconds = 0.0
        self.steps = 0
        self._lines = lines
        self._largest = largest or max_group_size(task.study, "cpu") or 32
        self._curves: dict[str, Curve] = {}
        self._states: dict[Order, Mapping[str, Any]] = {}
        for record in lines.read() if lines is not None else ():
            curve = self._curves.setdefault(record["key"], Curve())
            curve.values |= {int(step): value for step, value in record["values"].items()}
            curve.test |= record.get("test", {})
            curve.has_failed |= record.get("failed", False)

    def curve(self, order: Order) -> Curve:
        return self._curves.setdefault(order.key, Curve())

    def train(self, wanted: Mapping[Order, int]) -> None:
        """Train each to a step: from where it paused, or from its beginning if that is forgotten.

        Args:
            wanted: a step by order, a multiple of the task's interval; where it has been reached,
                nothing is done.
        """
        wanted = {o: step for o, step in wanted.items() if not self.curve(o).reaches(step)}
        alike: dict[tuple[str, int], list[Order]] = {}
        shapes = {order: self._shape(order) for order in wanted}
        for order, step in wanted.items():
            alike.setdefault((shapes[order].key, step), []).append(order)
        for (_, step), orders in alike.items():
            while orders:
                # Of few different sizes, so that most groups have had their like before.
                size = min(self._largest, 2 ** (len(orders).bit_length() - 1))
                members, orders = orders[:size], orders[size:]
                self._train_group(dict.fromkeys(members, step), shapes[members[0]])

    def forget(self, orders: Sequence[Order]) -> None:
        """Drop the checkpoints of trials that nobody will train on."""
        for order in orders:
            self._states.pop(order, None)

    def _shape(self, order: Order) -> Shape:
        task, trainer = self.task, self.task.trainer
        return shape_of(
            json.loads(order.params),
            task.study.fixed,
            trainer.defaults,
            trainer.structure,
            task.space,
        )

    def _train_group(self, wanted: Mapping[Order, int], shape: Shape) -> None:
        began = time.perf_counter()
        runs = []
        for order, step in wanted.items():
            every = self.task.full if order.is_confirmation else self.task.interval
            run = Remembered(self.task, order, every, self._states.pop(order, None))
            run.budget = step
            runs.append(run)
        before = {run.order: 0 if run.state is None else run.state["step"] for run in runs}
        with remembered():
            group.train_group(self.task.trainer, runs, shape, self._ended)
        self.steps += sum(wanted[order] - step for order, step in before.items())
        self.seconds += time.perf_counter() - began

    def _ended(self, run: Run, error: BaseException | None) -> None:
        assert isinstance(run, Remembered)
        if error is not None and not isinstance(error, NonfiniteError):
            raise error
        metric = self.task.study.objective.metric
        curve = self.curve(run.order)
        values = {report.step: report.metrics[metric] for report in run.made}
        curve.values |= values
        curve.has_failed = error is not None
        record: dict[str, Any] = {"key": run.order.key, "values": values}
        if curve.has_failed:
            record["failed"] = True
        elif run.budget < self.task.full:
            assert run.state is not None
            self._states[run.order] = run.state
        if run.order.is_confirmation and run.last is not None:
            last = run.last.metrics
            curve.test = {n: v for n, v in last.items() if n.startswith("test_") and v is not None}
            record["test"] = curve.test
        if self._lines is not None:
            self._lines.append(record)
