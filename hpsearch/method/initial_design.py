"""Round 0: a space-filling design."""

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
    """Scrambled Sobol' points (Owen 1998); start configurations overwrite the first of them.

    With N blocks, point i takes the structure of leader i mod N. The leaders are a design of their
    own, of which start configurations also overwrite the first.
    """
    from scipy.stats import qmc  # takes 0.5 s to import

    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
    sobol = qmc.Sobol(len(space), scramble=True, rng=generator)
    points = sobol.random_base2(max(0, math.ceil(math.log2(trials))))[:trials].tolist()
    if blocks:
        leaders = _overwrite(space, _first_leaders(space, blocks, generator), start)
        points = [
            follow(space, blocks.shared, point, leaders[i % blocks.count])
            for i, point in enumerate(points)
        ]
    return _overwrite(space, points, start)


def _overwrite(
    space: Space, points: Sequence[Sequence[float]], start: Sequence[Mapping[str, Scalar]]
) -> list[tuple[float, ...]]:
    """The points, the first ones with the start configurations' parameters."""
    overwritten = [list(point) for point in points]
    for point, configuration in zip(overwritten, start, strict=False):
        for j, parameter in enumerate(space):
            if parameter.name in configuration:
                point[j] = parameter.domain.encode(configuration[parameter.name])
    return [tuple(point) for point in overwritten]


def _first_leaders(space: Space, blocks: Blocks, generator: np.random.Generator) -> list[Point]:
    """A Latin hypercube (McKay et al. 1979) of the structural coordinates; the others are 0.5."""
    from scipy.stats import qmc  # takes 0.5 s to import

    names = [entry_name(entry) for entry in blocks.shared]
    which = [j for j, name in enumerate(space.names) if name in names]
    cube = qmc.LatinHypercube(len(which), optimization="random-cd", rng=generator)
    points = np.full((blocks.count, len(space)), 0.5)
    points[:, which] = cube.random(blocks.count)
    return [tuple(point) for point in points.tolist()]
