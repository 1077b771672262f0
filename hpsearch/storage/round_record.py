"""The records of rounds and of the plan, which the database holds beside the trials."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hpsearch.method import NO_BLOCKS, Blocks, structure_from_record

# Names of fields in the JSON of the database, where older versions read and wrote them.
_STORED = {"step_sizes": "evidence", "surrogate": "judge"}


@dataclass(frozen=True)
class RoundRecord:
    """The distributions of a round; a study attribute in Optuna.

    Attributes:
        width: standard deviation of the draws in the unit cube, before `step_sizes`.
        step_sizes: factor of the width, by parameter.
        survivors: numbers of the trials that the round draws around, best first.
        surrogate: the model that chose among candidate draws; None where the first was taken.
    """

    round: int
    budget: int
    width: float
    step_sizes: Mapping[str, float]
    survivors: tuple[int, ...]
    blocks: Blocks = NO_BLOCKS
    surrogate: str | None = None

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "RoundRecord":
        """From JSON; `blocks` and `surrogate` are absent in the oldest databases."""
        fields = {name: record[key] for name, key in _STORED.items() if key in record}
        fields |= {key: value for key, value in record.items() if key not in _STORED.values()}
        stored = record.get("blocks", {"count": 0, "shared": []})
        fields["blocks"] = Blocks(stored["count"], structure_from_record(stored["shared"]))
        fields["survivors"] = tuple(record["survivors"])
        return cls(**fields)

    def to_record(self) -> dict[str, Any]:
        """For JSON."""
        return {_STORED.get(name, name): value for name, value in asdict(self).items()}


@dataclass(frozen=True)
class SearchPlan:
    """How far the search is to go; a study attribute in Optuna."""

    rounds: int
    trials: int  # per round
    candidates: int  # that are confirmed
    seeds: int  # per candidate
