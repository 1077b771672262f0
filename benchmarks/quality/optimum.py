"""Where a synthetic function has its optimum, and what noise it has."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from zlib import crc32

import numpy as np

from hpsearch.space import Domain, Int, Logint, Parameter, Space

from .chance import normal
from .problem import Params

EDGE, MIDDLE = 0.1, 0.15  # of a drawn optimum: distance kept from the bounds, and from the centre


def generator(name: str) -> np.random.Generator:
    """The task's own, from which its optimum is drawn."""
    return np.random.default_rng(crc32(name.encode()))


def optima(random: np.random.Generator, domains: Sequence[Domain]) -> list[float]:
    """Coordinates of an optimum, off the bounds and the centre; of an int its bucket's centre."""
    found = []
    for domain in domains:
        while True:
            u = float(random.uniform(EDGE, 1 - EDGE))
            if isinstance(domain, Int | Logint):
                u = domain.encode(domain.decode(u))
            if abs(u - 0.5) > MIDDLE:
                break
        found.append(u)
    return found


def gaussian(deviation: float) -> Callable[[Params, float, float, float], float]:
    return partial(_gaussian, deviation)


def _gaussian(deviation: float, params: Params, truth: float, first: float, second: float) -> float:
    return deviation * normal(first, second)


def space_of(domains: Mapping[str, Domain]) -> Space:
    return Space(tuple(Parameter(name, domain) for name, domain in domains.items()))


def offsets(domains: Mapping[str, Domain], centre: Sequence[float], params: Params) -> list[float]:
    """From the optimum, in the unit cube."""
    pairs = zip(domains.items(), centre, strict=True)
    return [domain.encode(params[name]) - c for (name, domain), c in pairs]


def point_at(domains: Mapping[str, Domain], unit: Sequence[float]) -> Params:
    return {name: d.decode(u) for (name, d), u in zip(domains.items(), unit, strict=True)}
