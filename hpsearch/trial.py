"""A trial: its specification, its outcome, and the folder that holds both."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from hpsearch import files
from hpsearch.space import Scalar

# A rerun is for the person who asked for it: the method never reads it.
Role = Literal["draw", "continue", "confirm", "rerun"]
FORMER_ROLES: Mapping[str, Role] = {"again": "rerun"}  # as older run folders spell them
State = Literal["complete", "fail"]
# Faults of a complete trial; it keeps its value.
Broken = Literal["collapsed", "discriminator_saturated"]
STOPPED = "stopped on request"  # the message of a trial that a person stopped ("killed")
# Why a trial failed, or how it is broken.
Reason = Literal[Broken, "nonfinite", "timeout", "out_of_memory", "killed", "error"]


@dataclass(frozen=True)
class Spec:
    """The specification of one trial: everything that its numbers depend on."""

    number: int
    round: int
    index: int  # within the round, 0 .. trials - 1; of a rerun, how many came before
    role: Role
    params: Mapping[str, Scalar]  # active parameters only
    unit: tuple[float, ...]  # the point in the unit cube, inactive coordinates included
    seed: int
    budget: int  # steps in all, a parent's included
    parent: int | None = None  # the trial that this one continues, confirms or trains again
    threads: int = 1
    device: str = "cpu"
    trainer: str = ""  # sha256 of the trainer's sources
    versions: Mapping[str, str] = field(default_factory=dict)
    # Numbers of the trials that it was last fused with, and its own; none if it trains unfused.
    group: tuple[int, ...] = ()
    # Of a draw, the survivor from whose weights it starts; None if it starts from fresh ones.
    weights_of: int | None = None
    # Of a draw that the surrogate chose, its number among the candidates (before refinement).
    candidate: int = 0

    @property
    def searched(self) -> bool:
        """Whether it is one of a round's own trials, which alone the method ranks."""
        return self.role in ("draw", "continue")


@dataclass(frozen=True)
class Outcome:
    """How a trial ended; the content of result.json."""

    state: State
    value: float | None  # the objective at the last report, in the user's direction
    metrics: Mapping[str, float | None]  # of the last report; None where it was not finite
    reason: Reason | None = None
    message: str = ""  # for a person: the exception, the signal, the limit
    seconds: float = 0.0
    steps: int = 0  # the last report's step
    # What the value was measured with (a feature extractor's hash, a sample count): values whose
    # provenance differs are not compared.
    provenance: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class Trial:
    """A trial that has been recorded, finished or not."""

    spec: Spec
    outcome: Outcome | None = None  # None while it has not ended
    started: datetime | None = None
    ended: datetime | None = None


class Direction(StrEnum):
    """Whether lower or higher values of the objective are better."""

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"

    @property
    def sign(self) -> int:
        """Factor that turns a value into one where lower is better: 1 or -1."""
        return 1 if self is Direction.MINIMIZE else -1

    def best(self, values: Iterable[float]) -> float:
        """The best of at least one value."""
        return min(values) if self is Direction.MINIMIZE else max(values)

    def key(self, trial: Trial) -> tuple[float, int]:
        """Sort key of a trial with a value: the best first, the older one of equals."""
        assert trial.outcome is not None and trial.outcome.value is not None
        return self.sign * trial.outcome.value, trial.spec.number


@dataclass(frozen=True)
class Report:
    """One line of reports.jsonl."""

    step: int
    metrics: Mapping[str, float | None]
    seconds: float  # since this attempt at the trial began


@dataclass(frozen=True)
class Folder:
    """A trial's folder; each of its files is named here and nowhere else."""

    path: Path

    @property
    def spec(self) -> Path:
        return self.path / "spec.json"

    @property
    def reports(self) -> Path:
        return self.path / "reports.jsonl"

    @property
    def result(self) -> Path:
        return self.path / "result.json"

    @property
    def obstacle(self) -> Path:
        """The disk error that kept the trial from writing its outcome."""
        return self.path / "obstacle.json"

    @property
    def stop(self) -> Path:
        """A request to end this trial; the others of its group continue."""
        return self.path / "stop"

    @property
    def alone(self) -> Path:
        """Why the trial trains in its own process: its group's process ended early."""
        return self.path / "alone.txt"

    @property
    def unfusable(self) -> Path:
        """In the first folder of a group: why the trainer cannot train a group at all."""
        return self.path / "unfusable.txt"

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint.pt"

    @property
    def inherited(self) -> Path:
        """The checkpoint whose weights the trial starts from, until it has ended."""
        return self.path / "inherited.pt"

    @property
    def artifacts(self) -> Path:
        return self.path / "artifacts"

    @property
    def note(self) -> Path:
        """A person's text about the trial."""
        return self.path / "note.txt"

    @property
    def tensorboard(self) -> Path:
        return self.path / "tensorboard"

    def write_spec(self, spec: Spec) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        files.write_json(self.spec, asdict(spec))

    def read_spec(self) -> Spec:
        record: dict[str, Any] = files.read_json(self.spec)
        record["unit"] = tuple(record["unit"])
        record["group"] = tuple(record["group"])
        record["role"] = FORMER_ROLES.get(record["role"], record["role"])
        return Spec(**record)

    def write_outcome(self, outcome: Outcome) -> None:
        """Reports made so far reach the disk first, so an outcome is never ahead of them."""
        files.sync(self.reports)
        files.write_json(self.result, asdict(outcome))

    def read_outcome(self) -> Outcome | None:
        """None while the trial has not ended."""
        try:
            return Outcome(**files.read_json(self.result))
        except FileNotFoundError:
            return None

    def write_note(self, text: str) -> None:
        """Replace the note; an empty text deletes it."""
        if text:
            self.path.mkdir(parents=True, exist_ok=True)
            files.write_text(self.note, text)
        else:
            self.note.unlink(missing_ok=True)

    def read_note(self) -> str:
        try:
            return self.note.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def write_obstacle(self, error: OSError) -> None:
        name = None if error.filename is None else str(error.filename)
        files.write_json(self.obstacle, [error.errno, error.strerror, name])

    def read_obstacle(self) -> OSError | None:
        try:
            return OSError(*files.read_json(self.obstacle))
        except FileNotFoundError:
            return None

    def clear(self) -> None:
        """Delete the leftovers of a killed attempt: half-written files and error notes."""
        for path in (*self.path.glob(".*.tmp"), self.obstacle, self.unfusable):
            path.unlink(missing_ok=True)

    def read_reports(self) -> list[Report]:
        return [Report(**record) for record in files.read_json_lines(self.reports)]

    def last_report(self) -> Report | None:
        """The last whole line of the reports, without reading those before it."""
        record = files.last_json_line(self.reports)
        return None if record is None else Report(**record)

    def log_tail(self, lines: int = 15) -> str:
        """The last lines of the log, from at most its last 64 KiB."""
        text = files.read_tail(self.log).decode(errors="replace")
        return "\n".join(text.splitlines()[-lines:])
