"""Chance that is a function of names and numbers, not of the order in which it is asked for."""

import math
from collections.abc import Mapping
from hashlib import blake2b

from hpsearch.space import Scalar


def uniforms(name: str, params: Mapping[str, Scalar], seed: int) -> tuple[float, float]:
    """Two independent uniforms in (0, 1), the same for equal arguments.

    Numbers are equal as floats are: 1 and 1.0, or a NumPy number, give the same.
    """
    parts = [name, str(int(seed)), *(f"{key}={_plain(params[key])}" for key in sorted(params))]
    digest = blake2b("|".join(parts).encode(), digest_size=16).digest()
    halves = (digest[:8], digest[8:])
    first, second = ((int.from_bytes(half, "little") >> 11) for half in halves)
    return (first + 0.5) / 2**53, (second + 0.5) / 2**53


def normal(first: float, second: float) -> float:
    """Standard normal from two uniforms (Box & Muller 1958)."""
    return math.sqrt(-2 * math.log(first)) * math.cos(2 * math.pi * second)


def _plain(value: Scalar) -> str:
    if value is None or isinstance(value, bool | str):
        return str(value)
    return repr(float(value))
