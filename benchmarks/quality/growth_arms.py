"""The kinds of search that a study of budgets compares."""

from dataclasses import dataclass

from . import budgets
from .curved import Curved


@dataclass(frozen=True)
class Arm:
    """A kind of search; `kind` is a function of budgets.py."""

    kind: str = "ours"
    growth: float = 1
    rounds: int = 4
    survivors: int = 3
    continued: int | None = None
    surrogate: str | None = None

    @property
    def text(self) -> str:
        if self.kind != "ours":
            return self.kind
        parts = [f"growth {self.growth:g}", f"{self.rounds} rounds", f"K {self.survivors}"]
        if self.growth > 1 and self.continued is not None:
            parts.append(f"{self.continued} go on")
        return ", ".join([*parts, *(["surrogate"] if self.surrogate else [])])

    @property
    def is_dear(self) -> bool:
        return self.surrogate is not None

    def run(self, task: Curved, seed: int, total: int) -> budgets.Ledger | None:
        if self.kind != "ours":
            found: budgets.Ledger = getattr(budgets, self.kind)(task, seed, total)
            return found
        return budgets.ours(
            task, seed, total, growth=self.growth, rounds=self.rounds, survivors=self.survivors,
            continued=self.continued, surrogate="gp" if self.surrogate else None,
        )  # fmt: skip


SHAPES = [(1, 3), (1, 4), (1, 5), (1, 6), (2, 3), (2, 4), (2, 5), (2, 6), (3, 3), (3, 4), (4, 3)]
GROWN = [Arm(growth=g, rounds=r) for g, r in SHAPES]
CONTINUED = [Arm(growth=g, rounds=4, continued=c) for g in (2, 3) for c in (0, 1, 2, 6, 9)]
SURVIVING = [Arm(growth=g, survivors=k) for g in (1, 2, 3) for k in (2, 4, 5)]
REFERENCES = [Arm("random_search"), Arm("successive_halving"), Arm("hyperband")]
JUDGED = [
    *(Arm(growth=g, surrogate="gp") for g in (1, 2, 3)),
    *(Arm(growth=g, continued=0, surrogate="gp") for g in (2, 3)),
]
ARMS = [*GROWN, *CONTINUED, *SURVIVING, *REFERENCES, *JUDGED]
