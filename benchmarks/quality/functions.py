"""Test functions of the literature, with the constants of their papers, and SGD on a quadratic.

All are to be minimised.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

# Dixon & Szegö 1978, table of Hartmann's function in six dimensions.
_HEIGHTS = np.array([1.0, 1.2, 3.0, 3.2])
_SCALES = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
_CENTRES = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)
HARTMANN6_BEST = (0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573)


def branin(x: float, y: float) -> float:
    """For x in [-5, 10], y in [0, 15]; least 0.397887, three times (Dixon & Szegö 1978)."""
    valley = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return valley**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def hartmann6(x: Sequence[float], lack: float = 0.0) -> float:
    """Six numbers in [0, 1]; least -3.32237 at HARTMANN6_BEST (Dixon & Szegö 1978).

    Args:
        x: the numbers.
        lack: by which all four heights are lower.
    """
    powers = (_SCALES * (np.asarray(x) - _CENTRES) ** 2).sum(1)
    return -float((_HEIGHTS - lack) @ np.exp(-powers))


def ackley(x: Sequence[float]) -> float:
    """Least 0 at the origin (Ackley 1987; Bäck 1996 for n numbers)."""
    n = len(x)
    root = math.sqrt(sum(v * v for v in x) / n)
    waves = sum(math.cos(2 * math.pi * v) for v in x) / n
    return -20 * math.exp(-0.2 * root) - math.exp(waves) + 20 + math.e


def rosenbrock(x: Sequence[float]) -> float:
    """Least 0 where all numbers are 1 (Rosenbrock 1960)."""
    return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))


def rastrigin(x: Sequence[float]) -> float:
    """Least 0 at the origin (Rastrigin 1974; Mühlenbein et al. 1991 for n numbers)."""
    return sum(v * v - 10 * math.cos(2 * math.pi * v) + 10 for v in x)


def camel(x: float, y: float) -> float:
    """The six-hump camel (Dixon & Szegö 1978); least -1.031628 at ±(0.0898, -0.7126)."""
    return (4 - 2.1 * x**2 + x**4 / 3) * x**2 + x * y + (4 * y**2 - 4) * y**2


def beale(x: float, y: float) -> float:
    """Least 0 at (3, 0.5) (Beale 1958)."""
    powers = ((1.5, 1), (2.25, 2), (2.625, 3))
    return sum((level - x + x * y**power) ** 2 for level, power in powers)


def levy(x: Sequence[float]) -> float:
    """Least 0 where all numbers are 1 (Levy & Montalvo 1985)."""
    w = 1 + (np.asarray(x) - 1) / 4
    inner = ((w[:-1] - 1) ** 2 * (1 + 10 * np.sin(math.pi * w[:-1] + 1) ** 2)).sum()
    last = (w[-1] - 1) ** 2 * (1 + math.sin(2 * math.pi * w[-1]) ** 2)
    return float(math.sin(math.pi * w[0]) ** 2 + inner + last)


STYBLINSKI_TANG_BEST = -2.9035340277711771


def styblinski_tang(x: Sequence[float]) -> float:
    """Least -39.16617 a number where all are STYBLINSKI_TANG_BEST (Styblinski & Tang 1990)."""
    return sum(v**4 - 16 * v**2 + 5 * v for v in x) / 2


def dixon_price(x: Sequence[float]) -> float:
    """Least 0 at `dixon_price_best` (Dixon & Price 1989)."""
    steps = enumerate(pairwise(x), start=2)
    return (x[0] - 1) ** 2 + sum(i * (2 * b * b - a) ** 2 for i, (a, b) in steps)


def dixon_price_best(n: int) -> list[float]:
    """x_i = 2^(-(2^i - 2) / 2^i) for i = 1..n."""
    return [2.0 ** -((2.0**i - 2) / 2.0**i) for i in range(1, n + 1)]


CURVATURES = 1.0 / np.arange(1, 101)


def noisy_quadratic(lr: float, batch_size: int, drop: float, share: float) -> float:
    """Expected loss of SGD on a noisy quadratic after 20,000 examples, as the log to the base 10.

    The loss is 1/2 sum h_i θ_i² with h_i = 1/i, i = 1..100, from E θ_i² = 1; the gradient of a
    batch of B has the variance h_i / B. A step at the rate α makes (Zhang et al. 2019)

        E θ_i² <- (1 - α h_i)² E θ_i² + α² h_i / B.

    Args:
        lr: α.
        batch_size: B; there are 20,000 / B steps.
        drop: factor on α after the share `share` of the steps.
        share: in [0, 1].

    Returns:
        At most 3, which stands for divergence.
    """
    steps = 20_000 / batch_size
    second = np.ones_like(CURVATURES)
    for rate, count in ((lr, share * steps), (lr * drop, (1 - share) * steps)):
        shrink = (1 - rate * CURVATURES) ** 2
        floor = rate**2 * CURVATURES / batch_size
        # A geometric series; the exponent is cut where the loss is beyond its bound anyway.
        power = np.exp(np.minimum(count * np.log(np.maximum(shrink, 1e-300)), 60.0))
        # 1 - shrink is rate·h·(2 - rate·h), 0 at the edge of stability, where the sum is count.
        gap = rate * CURVATURES * (2 - rate * CURVATURES)
        safe = np.where(np.abs(gap) > 1e-12, gap, 1.0)
        second = power * second + floor * np.where(np.abs(gap) > 1e-12, (1 - power) / safe, count)
    return min(math.log10(0.5 * float(CURVATURES @ second)), 3.0)
