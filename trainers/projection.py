"""The nearest point of a manifold given by a map: of polygons, or of what a generator makes.

Levenberg 1944, Marquardt 1963, with a damping for each target of its own.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import jacfwd, vmap

EASED = 0.2  # times which the damping is after a step that came nearer
TIGHTENED = 4.0  # and after one that did not, and was not taken


def nearest(
    curve: Callable[..., Tensor], targets: Tensor, start: Tensor, steps: int, *fixed: Tensor
) -> tuple[Tensor, Tensor]:
    """Descend from each target's start to where the map is near the target.

    Args:
        curve: takes [q], and a row of each of `fixed`, to [p].
        targets: [n, p].
        start: [n, q].
        steps: tried.
        fixed: further arguments, [n, ...], which are left as they are.

    Returns:
        Squared distances [n], no larger than at the start, and where they are, [n, q].
    """
    points = vmap(curve)
    tangents = vmap(jacfwd(curve))
    at = start
    missing = targets - points(at, *fixed)
    squares = (missing**2).sum(1)
    damping = torch.full_like(squares, 1e-2)
    unit = torch.eye(start.shape[1]).to(start)
    for _ in range(steps):
        slope = tangents(at, *fixed)  # [n, p, q]
        normal = slope.mT @ slope
        # In proportion to the mean slope, so that it knows no unit; the rest is for slopes of zero.
        size = normal.diagonal(dim1=1, dim2=2).mean(1) * damping + 1e-9
        step = torch.linalg.solve(
            normal + size[:, None, None] * unit, (slope.mT @ missing[:, :, None])
        )
        tried = at + step[:, :, 0]
        left = targets - points(tried, *fixed)
        found = (left**2).sum(1)
        nearer = found < squares
        at = torch.where(nearer[:, None], tried, at)
        missing = torch.where(nearer[:, None], left, missing)
        squares = torch.where(nearer, found, squares)
        damping = torch.where(nearer, damping * EASED, damping * TIGHTENED).clamp(1e-8, 1e8)
    return squares, at
