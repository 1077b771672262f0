"""The ways to train trials in one process, each as something that takes steps and can be timed.

An arm trains `trials` trials at once. Arms are timed in turn, again and again, so that a slow spell
of the machine falls on all of them.
"""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from fusion_plan import COMPILED_TRIALS, MOST_ROWS, Mode, Plan
from plain import Graphed, Plain
from workloads import WORKLOADS, hyperparameters

from hpsearch.trainer import loop as lone
from hpsearch.trainer.run import HP, Run
from hpsearch.trainer.steps import cycle
from hpsearch.trainer.trainer import Trainer
from hpsearch.trial import Folder, Spec

FOREVER = 10**9  # a budget that no benchmark reaches
NAMES: dict[Mode, str] = {"eager": "eager", "compile": "compiled"}


@dataclass(frozen=True)
class Arm:
    """One way to train, ready to go.

    Attributes:
        name: as the table calls it.
        trials: how many trials a call of `advance` trains.
        advance: trains each of them for so many steps, and waits until it is done.
        ready_s: what it took to build it and to train its first steps, compilation included.
    """

    name: str
    trials: int
    advance: Callable[[int], None]
    ready_s: float


@dataclass(frozen=True)
class Timing:
    """Microseconds a trial-step of each repeat, in the order in which they were measured."""

    name: str
    trials: int
    ready_s: float
    us: Sequence[float]


@dataclass(frozen=True)
class Setting:
    """What all arms of a table's row have in common."""

    trainer: type[Trainer]
    batch: int
    device: str
    folder: Path  # for the trials' folders; nothing is written to them while steps are timed

    @property
    def turns(self) -> int:
        """Steps after which the phases start over."""
        return len(cycle(self.trainer(), HP(self.trainer.defaults)))

    def run(self, trial: int) -> Run:
        """A trial with hyperparameters of its own; its folder is made."""
        params = hyperparameters(self.trainer, trial)
        spec = Spec(trial, 0, trial, "draw", params, (), trial + 1, FOREVER, device=self.device)
        folder = Folder(self.folder / f"{trial:05d}")
        folder.write_spec(spec)
        hp = {"batch_size": self.batch, **params}
        run = Run(spec, folder, hp=hp, objective="loss", report_every=FOREVER)
        run.add_defaults(self.trainer.defaults)
        return run

    def ready(self, name: str, trials: int, build: Callable[[], Callable[[int], None]]) -> Arm:
        """Build an arm from what makes its `advance`, and train its first steps."""
        began = time.perf_counter()
        train = build()

        def advance(steps: int) -> None:
            train(steps)
            if self.device != "cpu":
                torch.cuda.synchronize(self.device)

        advance(self.turns)
        return Arm(name, trials, advance, time.perf_counter() - began)


def time_in_turn(arms: Sequence[Arm], turns: int, repeats: int, chunk_s: float) -> list[Timing]:
    """Time each arm `repeats` times, for about `chunk_s` each and a multiple of `turns` steps."""
    steps = []
    for arm in arms:
        each = _seconds(arm, turns) / turns
        steps.append(turns * max(1, math.ceil(chunk_s / each / turns)))
    found: list[list[float]] = [[] for _ in arms]
    for _ in range(repeats):
        for arm, count, times in zip(arms, steps, found, strict=True):
            times.append(1e6 * _seconds(arm, count) / count / arm.trials)
    return [
        Timing(arm.name, arm.trials, arm.ready_s, times)
        for arm, times in zip(arms, found, strict=True)
    ]


def _seconds(arm: Arm, steps: int) -> float:
    began = time.perf_counter()
    arm.advance(steps)
    return time.perf_counter() - began


def serial(setting: Setting, *, compiled: bool) -> Arm:
    """The loop of `fuse: off`, one trial after another; compiled, its loss is torch.compile's.

    All trials take the same time, so one is timed.
    """

    def build() -> Callable[[int], None]:
        trainer = setting.trainer()
        if compiled:
            trainer.loss = torch.compile(trainer.loss)  # type: ignore[method-assign]
        training = lone._Training(trainer, setting.run(0))
        return lambda steps: training.advance(training.step + steps)

    return setting.ready("serial compiled" if compiled else "serial eager", 1, build)


def plain(setting: Setting) -> Arm:
    return setting.ready(
        "torch.optim defaults",
        1,
        lambda: Plain(setting.trainer, setting.batch, setting.device, 0).advance,
    )


def graphed(setting: Setting) -> Arm:
    return setting.ready(
        "serial CUDA graphs",
        1,
        lambda: Graphed(setting.trainer, setting.batch, setting.device, 0).advance,
    )


def fused(setting: Setting, trials: int, mode: Mode) -> Arm:
    """A group of trials that are trained as one.

    Raises:
        ImportError: this checkout has no fused groups.
    """
    from hpsearch.method.structure import Shape
    from hpsearch.trainer.fused.group import Group
    from hpsearch.trainer.fused.member import Member

    def ended(run: Run, error: BaseException | None) -> None:
        raise RuntimeError(f"trial {run.seed} ended while it was timed") from error

    def build() -> Callable[[int], None]:
        trainer = setting.trainer()
        varying = dict.fromkeys(hyperparameters(setting.trainer, 0))
        shape = Shape({"batch_size": setting.batch}, varying)
        members = [Member(trainer, setting.run(trial)) for trial in range(trials)]
        group = Group(trainer, members, shape, ended, is_compiled=mode == "compile")

        def advance(steps: int) -> None:
            for _ in range(steps):
                group.step(group.training)

        return advance

    return setting.ready(f"{trials} fused {NAMES[mode]}", trials, build)


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile; of fewer than two values the value itself."""
    if len(values) < 2:
        return (values[0],) * 3
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def measure(plan: Plan, folder: Path, skipped: list[str]) -> Iterator[dict[str, Any]]:
    if "compile" not in plan.modes:
        skipped.append("fused compiled: not in this plan, or not in this engine")
    for name in plan.workloads:
        for batch in plan.batches:
            place = folder / f"{name.replace(' ', '-')}-{batch}"
            setting = Setting(WORKLOADS[name], batch, plan.device, place)
            base, *others = step_arms(plan, name, setting).items()
            arms = [base[1]()]
            for arm, build in others:
                try:
                    arms.append(build())
                # Whatever an arm cannot do is a line of the table, not the benchmark's end.
                except Exception as error:
                    reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
                    skipped.append(f"{name}, batch {batch}, {arm}: {reason}")
            timings = time_in_turn(arms, setting.turns, plan.repeats, plan.chunk_s)
            for timing in timings:
                yield {"workload": name, "batch": batch, **step_row(timing, timings[0])}
            torch.compiler.reset()


def step_arms(plan: Plan, name: str, setting: Setting) -> dict[str, Callable[[], Arm]]:
    """By name; the first is what the others are compared with.

    What is compiled is compiled at the smallest batch alone, and a fused group of convolutions on
    the CPU, which is a loop over its members, never.
    """
    cpu, smallest = plan.device == "cpu", setting.batch == plan.batches[0]
    arms: dict[str, Callable[[], Arm]] = {
        "serial eager": lambda: serial(setting, compiled=False),
        "torch.optim defaults": lambda: plain(setting),
    }
    if plan.compiled and smallest:
        arms["serial compiled"] = lambda: serial(setting, compiled=True)
    if not cpu:
        arms["serial CUDA graphs"] = lambda: graphed(setting)
    most = MOST_ROWS.get(name) if cpu else None
    for trials in plan.trials:
        if most is not None and trials * setting.batch > most:
            continue
        for mode in plan.modes:
            if mode == "eager" or (smallest and most is None and trials in COMPILED_TRIALS):
                arms[f"{trials} fused {NAMES[mode]}"] = lambda k=trials, m=mode: fused(
                    setting, k, m
                )
    return arms


def step_row(timing: Timing, base: Timing) -> dict[str, Any]:
    ratios = [b / own for b, own in zip(base.us, timing.us, strict=True)]
    return {
        "arm": timing.name,
        "trials": timing.trials,
        "us": quartiles(timing.us),
        "times serial": quartiles(ratios),
        "ready_s": timing.ready_s,
    }
