"""What the database of a study holds beside its trials."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class RoundRecord:
    """What a round drew from; a study attribute in Optuna."""

    round: int
    budget: int
    width: float
    evidence: Mapping[str, float]
    survivors: tuple[int, ...]  # trial numbers, best first


@dataclass(frozen=True)
class Plan:
    """How far the search is to go; a study attribute in Optuna."""

    rounds: int
    trials: int  # a round
    candidates: int  # that are confirmed
    seeds: int  # of each candidate
