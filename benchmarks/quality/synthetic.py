"""Ten functions with what spaces of hyperparameters have: log scales, whole numbers, choices,
conditions, parameters without effect, optima away from the centre, noise.

Every optimum is drawn from a generator of the task's own name, so that it is nowhere in particular.
"""

from collections.abc import Callable

import numpy as np

from hpsearch.space import (
    Choice,
    Condition,
    Domain,
    Int,
    Logint,
    Loguniform,
    Parameter,
    Space,
    Uniform,
)

from . import functions
from .optimum import gaussian, generator, offsets, optima, point_at, space_of
from .problem import Params, Problem


def branin_log() -> Problem:
    domains: dict[str, Domain] = {"lr": Loguniform(1e-5, 1), "decay": Loguniform(1e-6, 1e-1)}
    lr, decay = domains["lr"], domains["decay"]

    def truth(params: Params) -> float:
        u, v = lr.encode(params["lr"]), decay.encode(params["decay"])
        return functions.branin(15 * u - 5, 15 * v)

    optimum = {"lr": lr.decode((np.pi + 5) / 15), "decay": decay.decode(2.275 / 15)}
    return Problem(space_of(domains), truth, None, optimum, "Dixon & Szegö 1978, on log scales")


def ackley_log() -> Problem:
    domains: dict[str, Domain] = {
        "lr": Loguniform(1e-5, 1),
        "decay": Loguniform(1e-6, 1e-1),
        "warmup": Uniform(0, 0.5),
        "width": Logint(16, 1024),
        "depth": Int(1, 12),
        "eps": Loguniform(1e-10, 1e-2),
    }
    centre = optima(generator("ackley-log"), list(domains.values()))

    def truth(params: Params) -> float:
        return functions.ackley([10 * d for d in offsets(domains, centre, params)])

    return Problem(
        space_of(domains), truth, gaussian(0.2), point_at(domains, centre),
        "Ackley 1987, ±10 wide, shifted; log scales and ints",
    )  # fmt: skip


def hartmann6_of_20() -> Problem:
    domains: dict[str, Domain] = {
        f"x{i}": Loguniform(1e-4, 1) if i % 2 else Uniform(0, 1) for i in range(20)
    }
    chosen = [int(i) for i in generator("hartmann6-of-20").permutation(20)[:6]]

    def truth(params: Params) -> float:
        return functions.hartmann6([domains[f"x{i}"].encode(params[f"x{i}"]) for i in chosen])

    optimum = dict.fromkeys(range(20), 0.5) | dict(
        zip(chosen, functions.HARTMANN6_BEST, strict=True)
    )
    return Problem(
        space_of(domains), truth, gaussian(0.05),
        {f"x{i}": domains[f"x{i}"].decode(u) for i, u in optimum.items()},
        "Dixon & Szegö 1978 in 6 of 20 parameters, as in Wang et al. 2016",
    )  # fmt: skip


def tree() -> Problem:
    """Three binary choices lead to one of four leaves; the leaves of a side share a number."""
    random = generator("tree")
    where = dict(zip(("x4", "x5", "x6", "x7"), random.uniform(-0.8, 0.8, 4), strict=True))
    leaves = {(0, 0): ("x4", 0.1), (0, 1): ("x5", 0.2), (1, 0): ("x6", 0.3), (1, 1): ("x7", 0.4)}
    one, two, three = (f"x{i}" for i in (1, 2, 3))
    parameters = [
        Parameter(one, Choice((0, 1))),
        Parameter(two, Choice((0, 1)), (Condition(one, (0,)),)),
        Parameter(three, Choice((0, 1)), (Condition(one, (1,)),)),
    ]
    for (side, leaf), (name, _) in leaves.items():
        inner = Condition(two if side == 0 else three, (leaf,))
        parameters.append(Parameter(name, Uniform(-1, 1), (inner,)))
    parameters += [
        Parameter("r8", Uniform(0, 1), (Condition(one, (0,)),)),
        Parameter("r9", Uniform(0, 1), (Condition(one, (1,)),)),
    ]

    def truth(params: Params) -> float:
        side = params[one]
        name, level = leaves[side, params[two if side == 0 else three]]  # type: ignore[index]
        shared = params["r8" if side == 0 else "r9"]
        return (params[name] - where[name]) ** 2 + level + shared  # type: ignore[operator]

    optimum = {one: 0, two: 0, "x4": float(where["x4"]), "r8": 0.0}
    return Problem(
        Space(tuple(parameters)), truth, gaussian(0.05), optimum,
        "Jenatton et al. 2017, its minima shifted",
    )  # fmt: skip


def two_choices() -> Problem:
    """Two choices select the terms of a sum, each a function of the same two numbers."""
    terms: dict[str, Callable[[float, float], float]] = {
        "rosenbrock": lambda x, y: functions.rosenbrock((2 * x, 2 * y)) / 300,
        "camel": lambda x, y: functions.camel(2 * x, y) / 10,
        "beale": lambda x, y: functions.beale(4 * x, y) / 50,
    }
    domains: dict[str, Domain] = {
        "first": Choice(tuple(terms)),
        "second": Choice((*terms, "none", "slope")),
        "x": Uniform(-1, 1),
        "y": Uniform(-1, 1),
    }

    def truth(params: Params) -> float:
        x, y, second = float(params["x"]), float(params["y"]), params["second"]  # type: ignore[arg-type]
        total = terms[params["first"]](x, y)  # type: ignore[index]
        if second == "slope":
            return total + 0.1 * (x + y)
        return total + (0.0 if second == "none" else terms[second](x, y))  # type: ignore[index]

    return Problem(
        space_of(domains), truth, gaussian(0.02), None,
        "in the manner of Func2C, Ru et al. 2020, with terms of our own",
    )  # fmt: skip


def rosenbrock() -> Problem:
    domains: dict[str, Domain] = {f"x{i}": Uniform(0, 1) for i in range(5)}
    centre = optima(generator("rosenbrock"), list(domains.values()))

    def truth(params: Params) -> float:
        return functions.rosenbrock([1 + 3 * d for d in offsets(domains, centre, params)])

    return Problem(
        space_of(domains), truth, None, point_at(domains, centre), "Rosenbrock 1960, shifted"
    )


def rastrigin_mixed() -> Problem:
    domains: dict[str, Domain] = {
        "layers": Int(1, 10),
        "units": Logint(8, 512),
        "batch": Logint(4, 256),
        "lr": Loguniform(1e-5, 1),
        "decay": Loguniform(1e-6, 1),
        "clip": Loguniform(1e-2, 1e2),
        "dropout": Uniform(0, 0.9),
        "smoothing": Uniform(0, 0.5),
    }
    centre = optima(generator("rastrigin-mixed"), list(domains.values()))

    def truth(params: Params) -> float:
        return functions.rastrigin([4 * d for d in offsets(domains, centre, params)])

    return Problem(
        space_of(domains), truth, gaussian(3.0), point_at(domains, centre),
        "Rastrigin 1974, ±4 wide, shifted; ints and log scales",
    )  # fmt: skip


def noisy_quadratic() -> Problem:
    domains: dict[str, Domain] = {
        "lr": Loguniform(1e-4, 10),
        "batch_size": Logint(1, 2048),
        "drop": Loguniform(1e-4, 1),
        "share": Uniform(0, 1),
    }

    def truth(params: Params) -> float:
        return functions.noisy_quadratic(**params)  # type: ignore[arg-type]

    about = "SGD with a step schedule on the noisy quadratic of Zhang et al. 2019"
    return Problem(space_of(domains), truth, gaussian(0.05), None, about)


def optimizers() -> Problem:
    """Which optimizer, each with numbers of its own; how deep, each layer with a width."""
    kinds = {"sgd": ("lr_sgd", "momentum"), "adam": ("lr_adam", "beta1", "beta2"), "lbfgs": ("m",)}
    random = generator("optimizers")
    own: dict[str, Domain] = {
        "lr_sgd": Loguniform(1e-4, 10),
        "momentum": Uniform(0, 0.999),
        "lr_adam": Loguniform(1e-6, 1e-1),
        "beta1": Uniform(0, 0.99),
        "beta2": Loguniform(1e-4, 1e-1),
        "m": Logint(2, 100),
    }
    parameters = [Parameter("optimizer", Choice(tuple(kinds)))]
    for kind, names in kinds.items():
        when = (Condition("optimizer", (kind,)),)
        parameters += [Parameter(name, own[name], when) for name in names]
    parameters += [
        Parameter("decay", Loguniform(1e-7, 1e-1)),
        Parameter("augment", Choice(("none", "flip", "cutout"))),
        Parameter("size", Uniform(0, 1), (Condition("augment", ("cutout",)),)),
        Parameter("depth", Choice((1, 2, 3))),
    ]
    for i in (1, 2, 3):
        when = (Condition("depth", tuple(d for d in (1, 2, 3) if d >= i)),)
        parameters.append(Parameter(f"width{i}", Logint(4, 512), when))
    space = Space(tuple(parameters))
    numbers = {p.name: p.domain for p in space if not isinstance(p.domain, Choice)}
    centre = dict(zip(numbers, optima(random, list(numbers.values())), strict=True))
    weight = dict(zip(numbers, random.uniform(0.5, 3, len(numbers)), strict=True))
    offset = {"sgd": 0.15, "adam": 0.0, "lbfgs": 0.4}
    gain = {"none": 0.2, "flip": 0.1, "cutout": 0.0}
    depths = {1: 0.25, 2: 0.0, 3: 0.1}

    def truth(params: Params) -> float:
        bowl = sum(
            weight[name] * (domain.encode(params[name]) - centre[name]) ** 2
            for name, domain in numbers.items()
            if name in params
        )
        choices = offset[params["optimizer"]] + gain[params["augment"]] + depths[params["depth"]]  # type: ignore[index]
        return float(bowl + choices)

    best = {"optimizer": "adam", "augment": "cutout", "depth": 2}
    active = ("lr_adam", "beta1", "beta2", "decay", "size", "width1", "width2")
    best |= {name: numbers[name].decode(centre[name]) for name in active}
    about = "a bowl on each branch, in the manner of Jenatton et al. 2017"
    return Problem(space, truth, gaussian(0.15), best, about)


def four_of_16() -> Problem:
    """Two choices and two numbers matter, and the best numbers depend on a choice."""
    options = ("a", "b", "c", "d")
    domains: dict[str, Domain] = {}
    for i in range(4):
        domains |= {
            f"c{i}": Choice(options),
            f"l{i}": Loguniform(1e-6, 1),
            f"n{i}": Int(1, 20),
            f"u{i}": Uniform(0, 1),
        }
    random = generator("four-of-16")
    optimum = {option: optima(random, [domains["l1"], domains["u2"]]) for option in options}
    levels = dict(zip(options, (0.3, 0.0, 0.5, 0.15), strict=True))
    others = dict(zip(options, (0.1, 0.4, 0.0, 0.2), strict=True))

    def truth(params: Params) -> float:
        l, u = domains["l1"].encode(params["l1"]), float(params["u2"])  # type: ignore[arg-type]  # noqa: E741
        best_l, best_u = optimum[params["c0"]]  # type: ignore[index]
        bowl = 2 * (l - best_l) ** 2 + (u - best_u) ** 2
        return float(levels[params["c0"]] + others[params["c3"]] + bowl)  # type: ignore[index]

    best = {name: domain.decode(0.5) for name, domain in domains.items()}
    best |= {"c0": "b", "c3": "c"}
    best |= {"l1": domains["l1"].decode(optimum["b"][0]), "u2": optimum["b"][1]}
    about = "low effective dimension, Bergstra & Bengio 2012"
    return Problem(space_of(domains), truth, gaussian(0.05), best, about)


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "branin-log": branin_log,
    "ackley-log": ackley_log,
    "hartmann6-of-20": hartmann6_of_20,
    "tree": tree,
    "two-choices": two_choices,
    "rosenbrock": rosenbrock,
    "rastrigin-mixed": rastrigin_mixed,
    "noisy-quadratic": noisy_quadratic,
    "optimizers": optimizers,
    "four-of-16": four_of_16,
}
