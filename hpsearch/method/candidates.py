"""What a place of a round can take: its plain draw, and for a judge more draws after it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hpsearch.method.structure import Structure, entry_name
from hpsearch.method.structure_blocks import follow
from hpsearch.space import Space

if TYPE_CHECKING:
    from hpsearch.method.acquisition import Acquisition


@dataclass(frozen=True)
class Draw:
    """A draw and where it comes from."""

    unit: tuple[float, ...]  # a point of the unit cube, inactive coordinates included
    parent: int | None  # a survivor's number; None for a draw from the whole prior
    donors: tuple[int | None, ...]  # whose value each parameter had before it moved
    candidate: int = 0  # which of the place's draws a judge has kept, and perhaps moved


@dataclass(frozen=True)
class Candidates:
    """The draws of one place.

    Attributes:
        space: of the study.
        place: in the round.
        drawn: the plain draw, with a structure of its own.
        generator: of the place, as that draw has left it.
        draw: makes one more from the generator.
        move: moves a point with a width.
        shared: what the trials of a block have in common.
        leader: whose structure all of the place's draws take, if blocks share structures.
    """

    space: Space
    place: int
    drawn: Draw
    generator: np.random.Generator
    draw: Callable[[np.random.Generator], Draw]
    move: Callable[[tuple[float, ...], float, np.random.Generator], tuple[float, ...]]
    shared: Structure = ()
    leader: Draw | None = None

    @property
    def plain(self) -> Draw:
        return self._led(self.drawn)

    def another(self) -> Draw:
        return self._led(self.draw(self.generator))

    def judged(self, judge: "Acquisition", trials: int) -> Draw:
        """The draw that the judge keeps; it is pending for the judge from then on.

        Args:
            judge: of the round.
            trials: places of the round.
        """
        from hpsearch.method.acquisition import REDRAWS, candidate_count

        made = [self.plain]
        if judge.is_trusted:
            made += [self.another() for _ in range(candidate_count(self.place, trials) - 1)]
            while len(made) < REDRAWS and all(judge.is_repeat(drawn.unit) for drawn in made):
                made.append(self.another())
        kept = judge.pick([drawn.unit for drawn in made], self.place, self.generator)
        drawn = made[kept]

        def near(point: tuple[float, ...], width: float) -> tuple[float, ...]:
            return self._led(replace(drawn, unit=self.move(point, width, self.generator))).unit

        unit = judge.refined(drawn.unit, self.place, trials, near)
        judge.wait(unit)
        return replace(drawn, unit=unit, candidate=kept)

    def _led(self, drawn: Draw) -> Draw:
        """`drawn` with the leader's structure, where it comes from included."""
        if self.leader is None:
            return drawn
        unit = follow(self.space, self.shared, drawn.unit, self.leader.unit)
        donors = list(drawn.donors)
        for entry in self.shared:
            j = self.space.names.index(entry_name(entry))
            if isinstance(entry, str) or unit[j] != drawn.unit[j]:
                donors[j] = self.leader.donors[j]
        return replace(drawn, unit=unit, donors=tuple(donors))
