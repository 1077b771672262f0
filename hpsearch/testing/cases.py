"""With which hyperparameters a trainer is tried, and in which company."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpsearch.fusion import Padded, Trainer
from hpsearch.groups import Shape, name_of, shape_of
from hpsearch.space import Choice, Parameter, Scalar, Space, same

Settings = Mapping[str, Any]  # what a study would give; the rest are the trainer's defaults
Tries = Space | Sequence[Settings]

_FROM_SPACE = 5  # trials that are drawn from a space, or as many as its longest choice has options


@dataclass(frozen=True)
class Case:
    """A trainer, and trials of it as a study would ask for them."""

    trainer: type[Trainer]
    settings: tuple[Settings, ...]
    space: Space

    @classmethod
    def of(cls, trainer: type[Trainer], tries: Tries) -> "Case":
        if isinstance(tries, Space):
            return cls(trainer, tuple(_drawn_from(tries)), tries)
        settings = tuple(tries) or ({},)
        return cls(trainer, settings, _spanned_by(settings, trainer.defaults))

    def shape(self, settings: Settings) -> Shape:
        """Of the groups in which a trial with these settings can train."""
        trainer = self.trainer
        return shape_of(settings, {}, trainer.defaults, trainer.structure, self.space)

    def company(self, settings: Settings, members: int) -> list[Settings]:
        """Trials that can share a group: first the given one, then others as unlike as may be.

        The others are the case's own, changed where the structure asks for it.
        """
        group = [settings]
        others = itertools.cycle(self.settings)
        while len(group) < members:
            group.append(self._adapted(next(others), settings))
        return group

    def _adapted(self, other: Settings, settings: Settings) -> Settings:
        shape = self.shape(settings)
        candidate = dict(other)
        flexible = [e for e in self.trainer.structure if not isinstance(e, str)]
        for name in [e for e in self.trainer.structure if isinstance(e, str)] + flexible:
            if self.shape(candidate).key == shape.key:
                break  # a padded or alike one may stay as it is
            own = name_of(name)
            candidate.pop(own, None)
            candidate |= {own: settings[own]} if own in settings else {}
        return candidate

    def padded(self) -> list[str]:
        return [entry.name for entry in self.trainer.structure if isinstance(entry, Padded)]


def _drawn_from(space: Space) -> Iterator[dict[str, Scalar]]:
    """Trials in whose coordinates every stratum is met once, so that no option is left out."""
    longest = [len(p.domain.options) for p in space if isinstance(p.domain, Choice)]
    count = max(_FROM_SPACE, *longest) if longest else _FROM_SPACE
    generator = np.random.default_rng(0)
    strata = [generator.permutation(count) for _ in range(len(space))]
    for i in range(count):
        yield space.decode([float((order[i] + 0.5) / count) for order in strata])


def _spanned_by(settings: Sequence[Settings], defaults: Mapping[str, Any]) -> Space:
    """The space of which settings may be draws: lists of what they give."""
    parameters = []
    for name in dict.fromkeys(itertools.chain(*settings)):
        options: list[Scalar] = []
        for one in settings:
            value = one.get(name, defaults.get(name))
            if not any(same(value, option) for option in options):
                options.append(value)
        parameters.append(Parameter(name, Choice(tuple(options))))
    return Space(tuple(parameters))


def shown(settings: Settings) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in settings.items()) or "the defaults"
