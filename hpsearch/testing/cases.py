"""The hyperparameters and groups with which the checks try a trainer."""

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

_FROM_SPACE = 5  # trials drawn from a space; more if a choice has more options


@dataclass(frozen=True)
class Case:
    """A trainer, and the hyperparameters of some trials."""

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
        """The shape of groups in which a trial with these settings can train."""
        trainer = self.trainer
        return shape_of(settings, {}, trainer.defaults, trainer.structure, self.space)

    def group(self, settings: Settings, members: int) -> list[Settings]:
        """Trials that can share a group: the given one, then others that differ from it.

        The others are the case's own, adapted where the structure requires it.
        """
        own = next((i for i, one in enumerate(self.settings) if one is settings), 0)
        others = itertools.islice(itertools.cycle(self.settings), own + 1, own + members)
        return [settings, *(self._adapted(other, settings) for other in others)]

    def _adapted(self, other: Settings, settings: Settings) -> Settings:
        """`other`, changed so that it has the shape of `settings`."""
        candidate = dict(other)
        # Padded and Alike entries, which may keep their values, come last.
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
    """Stratified trials: each coordinate meets every stratum once, so no option is missed."""
    longest = [len(p.domain.options) for p in space if isinstance(p.domain, Choice)]
    count = max(_FROM_SPACE, *longest) if longest else _FROM_SPACE
    generator = np.random.default_rng(0)
    strata = [generator.permutation(count) for _ in range(len(space))]
    for i in range(count):
        yield space.decode([float((order[i] + 0.5) / count) for order in strata])


def _spanned_by(settings: Sequence[Settings], defaults: Mapping[str, Any]) -> Space:
    """A space of choices that contains all settings."""
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
