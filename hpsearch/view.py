"""A read-only snapshot of a run folder, finished or at work, for everything that shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpsearch.errors import RunFolderError
from hpsearch.result import Result
from hpsearch.runfolder import RunFolder
from hpsearch.store import Plan, Store


@dataclass(frozen=True)
class RunningTrial:
    """A trial that has begun and not ended."""

    number: int
    step: int  # of its last report
    budget: int
    metrics: Mapping[str, float | None]


@dataclass(frozen=True)
class Snapshot:
    result: Result
    plan: Plan
    holder: Mapping[str, Any] | None  # the controller at work
    running: tuple[RunningTrial, ...]

    @property
    def state(self) -> str:
        """One of "running", "finished" and "interrupted"."""
        if self.holder is not None:
            return "running"
        return "finished" if self.finished else "interrupted"

    @property
    def finished(self) -> bool:
        records = self.result.records
        searched = sum(t.spec.searched for t in records)
        enough = searched >= self.plan.rounds * self.plan.trials
        confirmed = bool(self.result.winners) or self.plan.candidates * self.plan.seeds == 0
        return enough and confirmed and all(t.outcome is not None for t in records)


def read(path: str | Path) -> Snapshot:
    """The study in a run folder.

    Raises:
        RunFolderError: there is none, or it cannot be read.
    """
    folder = RunFolder(Path(path))
    if not folder.path.is_dir():
        raise RunFolderError(f"{path}: no such run folder; `hpsearch run STUDY` makes one")
    holder = folder.holder()
    store = Store.read(folder.database)
    try:
        result = Result(
            name=store.name,
            folder=folder.path,
            metric=store.metric,
            direction=store.direction,
            records=tuple(store.trials()),
            rounds=tuple(store.rounds()),
        )
        plan = store.plan()
    finally:
        store.close()
    return Snapshot(result, plan, holder, _running(folder, result) if holder else ())


def _running(folder: RunFolder, result: Result) -> tuple[RunningTrial, ...]:
    """Recorded trials without an outcome whose folder shows that they have been started."""
    found = []
    for trial in result.records:
        place = folder.trial(trial.spec.number)
        if trial.outcome is not None or not place.log.exists() or place.result.exists():
            continue
        reports = place.read_reports()
        found.append(
            RunningTrial(
                trial.spec.number,
                reports[-1].step if reports else 0,
                trial.spec.budget,
                reports[-1].metrics if reports else {},
            )
        )
    return tuple(found)
