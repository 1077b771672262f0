"""What the database of a study holds beside its trials."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hpsearch.method import NO_BLOCKS, Blocks, structure_from_record


@dataclass(frozen=True)
class RoundRecord:
    """What a round drew from; a study attribute in Optuna."""

    round: int
    budget: int
    width: float
    evidence: Mapping[str, float]
    survivors: tuple[int, ...]  # trial numbers, best first
    blocks: Blocks = NO_BLOCKS
    judge: str | None = None  # who picked its draws among several; none took the first

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "RoundRecord":
        """From JSON; rounds of before there were blocks have none."""
        said = record.get("blocks", {"count": 0, "shared": []})
        blocks = Blocks(said["count"], structure_from_record(said["shared"]))
        return cls(**{**record, "survivors": tuple(record["survivors"]), "blocks": blocks})


@dataclass(frozen=True)
class SearchPlan:
    """How far the search is to go; a study attribute in Optuna."""

    rounds: int
    trials: int  # a round
    candidates: int  # that are confirmed
    seeds: int  # of each candidate
