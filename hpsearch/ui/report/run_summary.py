"""What a study's trials say of where, when and with what they ran."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hpsearch.storage import Snapshot, mean_step_seconds
from hpsearch.trial import Spec


@dataclass(frozen=True)
class RunSummary:
    """How a study came about.

    Attributes:
        steps: that were trained; a continuation counts its own only.
        seconds: of training, over all trials.
        step_seconds: that a step took, rising; of each trial that has said it.
        began, ended: of the first and the last trial; None before there is one.
        devices: trials on each.
        trainers: SHA-256 of the trainer's sources, with the trials of each.
        versions: of packages, each with the trials that ran with it.
    """

    steps: int
    seconds: float
    step_seconds: Sequence[float]
    began: datetime | None
    ended: datetime | None
    devices: Mapping[str, int]
    trainers: Mapping[str, int]
    versions: Mapping[str, Mapping[str, int]]

    @property
    def version_words(self) -> list[str]:
        """`torch 2.13.0`, and `torch 2.13.0 or 2.14.0` where it changed on the way."""
        return [f"{name} {' or '.join(found)}" for name, found in self.versions.items()]


def summarize_runs(s: Snapshot) -> RunSummary:
    records = s.result.records
    versions: dict[str, Counter[str]] = {}
    devices: Counter[str] = Counter()
    trainers: Counter[str] = Counter()
    for spec in _specs(s):
        devices[spec.device] += 1
        trainers[spec.trainer] += 1
        for name, version in spec.versions.items():
            versions.setdefault(name, Counter())[version] += 1
    return RunSummary(
        steps=steps_trained(s),
        seconds=sum(t.outcome.seconds for t in records if t.outcome is not None),
        step_seconds=sorted(
            found
            for t in records
            if (found := mean_step_seconds(s.reports(t.spec.number))) is not None
        ),
        began=min((t.started for t in records if t.started is not None), default=None),
        ended=max((t.ended for t in records if t.ended is not None), default=None),
        devices=dict(sorted(devices.items())),
        trainers=dict(trainers),
        versions=versions,
    )


def steps_trained(s: Snapshot) -> int:
    """By the trials that have ended, each its own, as far as it came."""
    total = 0
    for trial in s.result.records:
        if trial.outcome is not None:
            inherited = trial.spec.budget - s.own_steps(trial)
            total += max(0, trial.outcome.steps - inherited)
    return total


def _specs(s: Snapshot) -> Iterator[Spec]:
    """As written for the worker, with device and versions; folders may have been cleared away."""
    for trial in s.result.records:
        if trial.outcome is not None:
            try:
                yield s.folder(trial.spec.number).read_spec()
            except (OSError, ValueError, TypeError, KeyError):
                continue
