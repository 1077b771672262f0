"""What a place of a round can take: its plain draw, and for a judge more draws after it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hpsearch.blocks import follow
from hpsearch.groups import Structure, name_of
from hpsearch.space import Space

if TYPE_CHECKING:
    from hpsearch.judge import Judge


@dataclass(frozen=True)
class Drawn:
    """A draw and where it comes from."""

    unit: tuple[float, ...]  # a point of the unit cube, inactive coordinates included
    parent: int | None  # a survivor's number; None for a draw from the whole prior
    donors: tuple[int | None, ...]  # whose value each parameter had before it moved


@dataclass(frozen=True)
class Offer:
    """The draws of one place.

    Attributes:
        space: of the study.
        place: in the round.
        drawn: the plain draw, with a structure of its own.
        generator: of the place, as that draw has left it.
        draw: makes one more from the generator.
        shared: what the trials of a block have in common.
        leader: whose structure all of the place's draws take, if blocks share structures.
    """

    space: Space
    place: int
    drawn: Drawn
    generator: np.random.Generator
    draw: Callable[[np.random.Generator], Drawn]
    shared: Structure = ()
    leader: Drawn | None = None

    @property
    def plain(self) -> Drawn:
        return self._led(self.drawn)

    def another(self) -> Drawn:
        return self._led(self.draw(self.generator))

    def judged(self, judge: "Judge", trials: int) -> Drawn:
        """The draw that the judge keeps; it is pending for the judge from then on.

        Args:
            judge: of the round.
            trials: places of the round.
        """
        from hpsearch.judge import REDRAWS, candidates

        made = [self.plain]
        if judge.is_trusted:
            made += [self.another() for _ in range(candidates(self.place, trials) - 1)]
            while len(made) < REDRAWS and all(judge.is_repeat(drawn.unit) for drawn in made):
                made.append(self.another())
        return made[judge.pick([drawn.unit for drawn in made], self.place, self.generator)]

    def _led(self, drawn: Drawn) -> Drawn:
        """`drawn` with the leader's structure, where it comes from included."""
        if self.leader is None:
            return drawn
        unit = follow(self.space, self.shared, drawn.unit, self.leader.unit)
        donors = list(drawn.donors)
        for entry in self.shared:
            j = self.space.names.index(name_of(entry))
            if isinstance(entry, str) or unit[j] != drawn.unit[j]:
                donors[j] = self.leader.donors[j]
        return replace(drawn, unit=unit, donors=tuple(donors))
