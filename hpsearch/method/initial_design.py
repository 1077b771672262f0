"""Round 0: points that fill the space, before anything is known of it."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from hpsearch.method.structure import entry_name
from hpsearch.method.structure_blocks import NO_BLOCKS, Blocks, Point, follow
from hpsearch.space import Scalar, Space


def initial_points(
    space: Space,
    seed: int,
    trials: int,
    start: Sequence[Mapping[str, Scalar]] = (),
    blocks: Blocks = NO_BLOCKS,
) -> list[tuple[float, ...]]:
    """Scrambled Sobol' points (Owen 1998), the start configurations written over the first.

    With blocks, place i takes the structure of leader i mod N; the leaders are a design of their
    own, with the start configurations written over the first of them too.
    """
    from scipy.stats import qmc  # half a second that only a new search needs

    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
    sobol = qmc.Sobol(len(space), scramble=True, rng=generator)
    points = sobol.random_base2(max(0, math.ceil(math.log2(trials))))[:trials].tolist()
    if blocks:
        leaders = _written_over(space, _first_leaders(space, blocks, generator), start)
        points = [
            follow(space, blocks.shared, point, leaders[i % blocks.count])
            for i, point in enumerate(points)
        ]
    return _written_over(space, points, start)


def _written_over(
    space: Space, points: Sequence[Sequence[float]], start: Sequence[Mapping[str, Scalar]]
) -> list[tuple[float, ...]]:
    """The points, the first of them with what the start configurations say."""
    written = [list(point) for point in points]
    for point, configuration in zip(written, start, strict=False):
        for j, parameter in enumerate(space):
            if parameter.name in configuration:
                point[j] = parameter.domain.encode(configuration[parameter.name])
    return [tuple(point) for point in written]


def _first_leaders(space: Space, blocks: Blocks, generator: np.random.Generator) -> list[Point]:
    """Points whose structural coordinates fill their space: a Latin hypercube (McKay et al. 1979).

    The other coordinates are 0.5 and of no meaning.
    """
    from scipy.stats import qmc  # half a second that only a new search needs

    names = [entry_name(entry) for entry in blocks.shared]
    which = [j for j, name in enumerate(space.names) if name in names]
    cube = qmc.LatinHypercube(len(which), optimization="random-cd", rng=generator)
    points = np.full((blocks.count, len(space)), 0.5)
    points[:, which] = cube.random(blocks.count)
    return [tuple(point) for point in points.tolist()]
