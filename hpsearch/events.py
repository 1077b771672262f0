"""What happens during a search, for whoever shows it."""

from collections.abc import Mapping
from dataclasses import dataclass

from hpsearch.space import Space
from hpsearch.trial import Outcome, Spec


@dataclass(frozen=True)
class SearchStarted:
    name: str
    folder: str
    metric: str
    direction: str
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


@dataclass(frozen=True)
class OutOfTime:
    rounds_done: int


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
    | RoundEnded
    | ConfirmStarted
    | Stopping
    | OutOfTime
    | LoggerFailed
)
