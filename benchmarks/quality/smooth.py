"""Five smooth functions with little or no noise, where a Gaussian process is at its best.

They joined the development side because the surrogate was behind Optuna's on such functions while
the development side had few of them. Optima are drawn as those of `synthetic` are.
"""

from collections.abc import Callable

import numpy as np

from hpsearch.space import Domain, Int, Logint, Loguniform, Uniform

from . import functions
from .optimum import gaussian, generator, offsets, optima, point_at, space_of
from .problem import Params, Problem


def levy() -> Problem:
    domains: dict[str, Domain] = {
        "lr": Loguniform(1e-5, 1),
        "decay": Loguniform(1e-6, 1e-1),
        "beta1": Uniform(0, 0.99),
        "dropout": Uniform(0, 0.9),
        "width": Logint(16, 2048),
    }
    centre = optima(generator("levy"), list(domains.values()))

    def truth(params: Params) -> float:
        return functions.levy([1 + 8 * d for d in offsets(domains, centre, params)])

    return Problem(
        space_of(domains), truth, None, point_at(domains, centre),
        "Levy & Montalvo 1985, ±8 wide, shifted; log scales and an int",
    )  # fmt: skip


def styblinski_tang() -> Problem:
    domains: dict[str, Domain] = {
        f"x{i}": Loguniform(1e-4, 1) if i % 2 else Uniform(0, 1) for i in range(6)
    }
    # The best of the 64 minima is where every number is functions.STYBLINSKI_TANG_BEST.
    lengths = generator("styblinski-tang").uniform(7, 10, 6)
    starts = -5 - (lengths - 7) / 3 * 0.5

    def truth(params: Params) -> float:
        units = np.array([domain.encode(params[name]) for name, domain in domains.items()])
        return functions.styblinski_tang((starts + lengths * units).tolist())

    best = (functions.STYBLINSKI_TANG_BEST - starts) / lengths
    return Problem(
        space_of(domains), truth, gaussian(1.0), point_at(domains, best.tolist()),
        "Styblinski & Tang 1990, each number with a range of its own",
    )  # fmt: skip


def rotated_bowl() -> Problem:
    domains: dict[str, Domain] = {
        "lr": Loguniform(1e-5, 1),
        "decay": Loguniform(1e-6, 1e-1),
        "batch": Logint(8, 1024),
        "beta1": Uniform(0, 0.99),
        "beta2": Loguniform(1e-4, 1e-1),
        "warmup": Uniform(0, 0.5),
        "depth": Int(1, 20),
        "width": Logint(16, 1024),
    }
    random = generator("rotated-bowl")
    centre = optima(random, list(domains.values()))
    axes = np.linalg.qr(random.standard_normal((8, 8)))[0]
    curvatures = np.logspace(0, 2, 8)

    def truth(params: Params) -> float:
        along = axes @ np.array(offsets(domains, centre, params))
        return float(np.log1p(curvatures @ along**2))

    return Problem(
        space_of(domains), truth, gaussian(0.02), point_at(domains, centre),
        "an ellipsoid whose axes lie askew, curvatures from 1 to 100, its logarithm",
    )  # fmt: skip


def hartmann6() -> Problem:
    domains: dict[str, Domain] = {
        f"x{i}": Loguniform(1e-4, 1) if i % 2 else Uniform(0, 1) for i in range(6)
    }

    def truth(params: Params) -> float:
        return functions.hartmann6([d.encode(params[name]) for name, d in domains.items()])

    return Problem(
        space_of(domains), truth, gaussian(0.01), point_at(domains, functions.HARTMANN6_BEST),
        "Dixon & Szegö 1978, numbers on log scales and not",
    )  # fmt: skip


def valley() -> Problem:
    domains: dict[str, Domain] = {f"x{i}": Uniform(0, 1) for i in range(4)}
    centre = optima(generator("valley"), list(domains.values()))
    best = functions.dixon_price_best(4)

    def truth(params: Params) -> float:
        moved = offsets(domains, centre, params)
        return functions.dixon_price([b + 4 * d for b, d in zip(best, moved, strict=True)])

    return Problem(
        space_of(domains), truth, None, point_at(domains, centre), "Dixon & Price 1989, shifted"
    )


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "levy": levy,
    "styblinski-tang": styblinski_tang,
    "rotated-bowl": rotated_bowl,
    "hartmann6": hartmann6,
    "valley": valley,
}
