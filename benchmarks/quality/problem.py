"""What every family of tasks gives: a space, its function and its noise."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hpsearch.space import Scalar, Space

Params = Mapping[str, Scalar]

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Problem:
    """A space and its function, before the levels of its values are known."""

    space: Space
    truth: Callable[[Params], float]  # of the active parameters; lower is better
    # What noise adds, given parameters, truth and two uniforms in (0, 1); None for none.
    noise: Callable[[Params, float, float, float], float] | None = None
    optimum: Params | None = None  # where the best truth is, if that is known
    about: str = ""  # where it comes from
