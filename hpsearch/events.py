"""What happens during a search: each event has a severity and a line for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from hpsearch.space import Space
from hpsearch.trial import Direction, Outcome, Spec


class Severity(IntEnum):
    """How much an event matters to a person who watches; the numbers are those of syslog."""

    WARNING = 4
    NOTICE = 5  # what a picture of the rounds and trials does not show
    INFO = 6
    DEBUG = 7


@dataclass(frozen=True)
class Event:
    """Base of all events: `str` gives a line for people, `asdict` the fields for programs."""

    _severity: ClassVar = Severity.INFO

    @property
    def severity(self) -> Severity:
        return self._severity


@dataclass(frozen=True)
class SearchStarted(Event):
    name: str
    folder: str
    metric: str
    direction: Direction
    rounds: int
    trials: int  # a round
    stages: tuple[int, ...]  # training steps of each round, then of the confirmation
    devices: tuple[str, ...]  # of each slot
    finished: int  # trials that earlier sessions finished
    space: Space

    def __str__(self) -> str:
        resumed = f", resumed after {self.finished} trials" if self.finished else ""
        return (
            f"{self.name}: {self.direction} {self.metric}, {self.rounds} rounds of {self.trials} "
            f"trials on {len(self.devices)} slots{resumed}; {self.folder}"
        )


@dataclass(frozen=True)
class TrialFound(Event):
    """A trial that an earlier session finished."""

    spec: Spec
    outcome: Outcome
    _severity = Severity.DEBUG

    def __str__(self) -> str:
        return f"{_trial(self.spec)} was finished before"


@dataclass(frozen=True)
class RoundStarted(Event):
    round: int
    budget: int
    width: float
    step_sizes: Mapping[str, float]  # of each parameter, relative to `width`
    survivors: tuple[int, ...]
    finished: int  # trials of the round that earlier sessions finished

    def __str__(self) -> str:
        around = f"width {self.width:.3f} around {list(self.survivors)}"
        return f"round {self.round}: {self.budget:,} steps, {around if self.round else 'prior'}"


@dataclass(frozen=True)
class TrialStarted(Event):
    spec: Spec
    slot: int
    _severity = Severity.DEBUG

    def __str__(self) -> str:
        return f"{_trial(self.spec)} started in slot {self.slot}"


@dataclass(frozen=True)
class TrialEnded(Event):
    spec: Spec
    outcome: Outcome

    @property
    def severity(self) -> Severity:
        if self.outcome.state == "fail":
            return Severity.WARNING
        return Severity.NOTICE if self.spec.role == "rerun" else Severity.INFO

    def __str__(self) -> str:
        outcome = self.outcome
        value = "failed" if outcome.value is None else f"{outcome.value:.5g}"
        reason = f", {outcome.reason}: {_first_line(outcome.message)}" if outcome.reason else ""
        return f"{_trial(self.spec)}: {value} in {outcome.seconds:.1f} s{reason}"


@dataclass(frozen=True)
class TrialRetried(Event):
    spec: Spec
    attempt: int
    attempts: int
    _severity = Severity.WARNING

    def __str__(self) -> str:
        killed = f"{_trial(self.spec)} was killed from outside"
        return f"{killed}; attempt {self.attempt} of {self.attempts} starts"


@dataclass(frozen=True)
class Unfused(Event):
    """Trials that could train in groups train alone."""

    reason: str
    _severity = Severity.WARNING

    def __str__(self) -> str:
        return f"each trial has its own process, because {self.reason}"


@dataclass(frozen=True)
class ForeignTrials(Event):
    """Another program has added trials to the study's database."""

    count: int
    database: str
    _severity = Severity.WARNING

    def __str__(self) -> str:
        return (
            f"{self.database}: passes over {self.count} trials that another program added; to "
            "try points of your own, name them under `start:` in the study file"
        )


@dataclass(frozen=True)
class GroupBroke(Event):
    """The process of a group ended before these trials had, and any of them may be the cause."""

    trials: tuple[int, ...]
    reason: str
    _severity = Severity.WARNING

    def __str__(self) -> str:
        broke = f"the group of trials {list(self.trials)} broke"
        return f"{broke}, each is trained alone: {_first_line(self.reason)}"


@dataclass(frozen=True)
class RoundEnded(Event):
    round: int
    best: float
    median: float
    failed: int

    def __str__(self) -> str:
        failed = f", {self.failed} failed" if self.failed else ""
        values = f"best {self.best:.5g}, median {self.median:.5g}"
        return f"round {self.round} done: {values}{failed}"


@dataclass(frozen=True)
class ConfirmStarted(Event):
    candidates: tuple[int, ...]
    seeds: int
    finished: int

    def __str__(self) -> str:
        return f"confirming trials {list(self.candidates)} over {self.seeds} seeds"


@dataclass(frozen=True)
class Stopping(Event):
    level: str  # "drain" or "now"
    running: int
    _severity = Severity.NOTICE

    def __str__(self) -> str:
        if self.level == "now":
            return "stopping now; the same command resumes the search"
        return f"stopping after {self.running} running trials; a second Ctrl-C ends them now"


@dataclass(frozen=True)
class OutOfTime(Event):
    rounds_done: int
    _severity = Severity.NOTICE

    def __str__(self) -> str:
        return f"limits.search_seconds is over after {self.rounds_done} rounds"


@dataclass(frozen=True)
class Paused(Event):
    running: int
    _severity = Severity.NOTICE

    def __str__(self) -> str:
        return f"paused, {self.running} trials still running; `hpsearch resume` lifts the pause"


@dataclass(frozen=True)
class Resumed(Event):
    """A pause was lifted."""

    _severity = Severity.NOTICE

    def __str__(self) -> str:
        return "resumed"


@dataclass(frozen=True)
class RoundsAdded(Event):
    rounds: int  # in all
    stages: tuple[int, ...]  # as in SearchStarted
    _severity = Severity.NOTICE

    def __str__(self) -> str:
        return f"rounds were added: {self.rounds} in all"


@dataclass(frozen=True)
class EndedOnRequest(Event):
    rounds_done: int
    rounds: int  # that were planned
    folder: str
    _severity = Severity.NOTICE

    def __str__(self) -> str:
        return (
            f"no further round after {self.rounds_done} of {self.rounds}, as requested; "
            f"`hpsearch resume {self.folder}` withdraws the request"
        )


@dataclass(frozen=True)
class LoggerFailed(Event):
    """A logger could not log; the search continues without it."""

    logger: str  # as in the study file
    message: str  # with the cure
    _severity = Severity.WARNING

    def __str__(self) -> str:
        return f"{self.logger}: {self.message}"


def _trial(spec: Spec) -> str:
    subject = spec.role if spec.parent is None else f"{spec.role} of {spec.parent}"
    return f"trial {spec.number} ({subject})"


def _first_line(message: str) -> str:
    return message.partition("\n")[0][:100]
