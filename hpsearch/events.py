"""What happens during a search, for whoever shows it."""

from collections.abc import Mapping
from dataclasses import dataclass

from hpsearch.space import Space
from hpsearch.trial import Direction, Outcome, Spec


@dataclass(frozen=True)
class SearchStarted:
    name: str
    folder: str
    metric: str
    direction: Direction
    rounds: int
    trials: int  # a round
    stages: tuple[int, ...]  # steps of training in each round, then in the confirmation
    places: tuple[str, ...]  # the device of each
    finished: int  # trials that had ended before
    space: Space


@dataclass(frozen=True)
class TrialFound:
    """A trial that had ended before this session."""

    spec: Spec
    outcome: Outcome


@dataclass(frozen=True)
class RoundStarted:
    round: int
    budget: int
    width: float
    evidence: Mapping[str, float]
    survivors: tuple[int, ...]
    finished: int  # of its trials, before


@dataclass(frozen=True)
class TrialStarted:
    spec: Spec
    place: int


@dataclass(frozen=True)
class TrialEnded:
    spec: Spec
    outcome: Outcome


@dataclass(frozen=True)
class TrialRetried:
    spec: Spec
    attempt: int
    attempts: int


@dataclass(frozen=True)
class Unfused:
    """Trials that could train in groups do not."""

    reason: str

    def __str__(self) -> str:
        return f"trains one process a trial, because {self.reason}"


@dataclass(frozen=True)
class GroupBroke:
    """Its process ended before these trials had, and any of them may be to blame."""

    trials: tuple[int, ...]
    reason: str

    def __str__(self) -> str:
        reason = self.reason.splitlines()[0][:100] if self.reason else ""
        return f"the group of trials {list(self.trials)} broke, each goes on alone: {reason}"


@dataclass(frozen=True)
class RoundEnded:
    round: int
    best: float
    median: float
    failed: int


@dataclass(frozen=True)
class ConfirmStarted:
    candidates: tuple[int, ...]
    seeds: int
    finished: int


@dataclass(frozen=True)
class Stopping:
    level: str  # "drain" or "now"
    running: int

    def __str__(self) -> str:
        if self.level == "now":
            return "stopping now; the same command goes on"
        return f"stopping after {self.running} running trials; once more (Ctrl-C) ends them now"


@dataclass(frozen=True)
class OutOfTime:
    rounds_done: int

    def __str__(self) -> str:
        return f"limits.search_seconds is over after {self.rounds_done} rounds"


@dataclass(frozen=True)
class Paused:
    running: int

    def __str__(self) -> str:
        return f"paused, {self.running} trials still running; `hpsearch resume` lifts it"


@dataclass(frozen=True)
class GoesOn:
    """After a pause."""

    def __str__(self) -> str:
        return "goes on after the pause"


@dataclass(frozen=True)
class RoundsAdded:
    rounds: int  # in all, from now on
    stages: tuple[int, ...]  # as in SearchStarted

    def __str__(self) -> str:
        return f"rounds were added: {self.rounds} in all"


@dataclass(frozen=True)
class EndedOnRequest:
    rounds_done: int
    rounds: int  # that it would have had
    folder: str

    def __str__(self) -> str:
        return (
            f"no more rounds after {self.rounds_done} of {self.rounds}, as was asked; "
            f"`hpsearch resume {self.folder}` withdraws that"
        )


@dataclass(frozen=True)
class LoggerFailed:
    """A logger could not log; the search does not rest on it and goes on."""

    logger: str  # as in the study file
    message: str  # with the cure


Event = (
    SearchStarted
    | TrialFound
    | RoundStarted
    | TrialStarted
    | TrialEnded
    | TrialRetried
    | Unfused
    | GroupBroke
    | RoundEnded
    | ConfirmStarted
    | Stopping
    | OutOfTime
    | Paused
    | GoesOn
    | RoundsAdded
    | EndedOnRequest
    | LoggerFailed
)
