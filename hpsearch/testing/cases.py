"""With which hyperparameters a trainer is tried, and in which company."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpsearch.method import Padded, Shape, entry_name, shape_of
from hpsearch.space import Choice, Parameter, Scalar, Space, same
from hpsearch.trainer import Trainer

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
        own = next((i for i, one in enumerate(self.settings) if one is settings), 0)
        others = itertools.islice(itertools.cycle(self.settings), own + 1, own + members)
        return [settings, *(self._adapted(other, settings) for other in others)]

    def _adapted(self, other: Settings, settings: Settings) -> Settings:
        """`other`, with what it takes to have the shape of `settings`."""
        candidate = dict(other)
        # Those that may stay as they are, within a size or among like choices, come last.
        for entry in sorted(self.trainer.structure, key=lambda entry: not isinstance(entry, str)):
            if self.shape(candidate).key == self.shape(settings).key:
                break
            name = entry_name(entry)
            candidate.pop(name, None)
            candidate |= {name: settings[name]} if name in settings else {}
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
