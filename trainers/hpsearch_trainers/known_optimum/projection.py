"""The nearest point of a manifold given by a map: of polygons, or of what a generator makes.

Levenberg 1944, Marquardt 1963, with a damping for each target of its own.
"""

from collections.abc import Callable

import torch
from torch import Tensor

EASED = 0.2  # times which the damping is after a step that came nearer
TIGHTENED = 4.0  # and after one that did not, and was not taken


def nearest(
    curve: Callable[[Tensor], Tensor], targets: Tensor, start: Tensor, steps: int
) -> tuple[Tensor, Tensor]:
    """Descend from each target's start to where the map is near the target.

    Args:
        curve: the map, [n, q] to [n, p], each row of itself.
        targets: [n, p].
        start: [n, q].
        steps: tried.

    Returns:
        Squared distances [n], no larger than at the start, and where they are, [n, q].
    """
    at = start
    with torch.no_grad():
        missing = targets - curve(at)
    squares = (missing**2).sum(1)
    damping = torch.full_like(squares, 1e-2)
    unit = torch.eye(start.shape[1]).to(start)
    for _ in range(steps):
        jacobian = tangents(curve, at)
        normal = jacobian.mT @ jacobian
        # Relative to the mean Jacobian, hence independent of units; 1e-9 is for a Jacobian of zero.
        size = normal.diagonal(dim1=1, dim2=2).mean(1) * damping + 1e-9
        # A singular matrix gives no error but no numbers, which come no nearer.
        step = torch.linalg.solve_ex(
            normal + size[:, None, None] * unit, jacobian.mT @ missing[:, :, None]
        ).result
        tried = at + step[:, :, 0]
        with torch.no_grad():
            left = targets - curve(tried)
        found = (left**2).sum(1)
        nearer = found < squares
        at = torch.where(nearer[:, None], tried, at)
        missing = torch.where(nearer[:, None], left, missing)
        squares = torch.where(nearer, found, squares)
        damping = torch.where(nearer, damping * EASED, damping * TIGHTENED).clamp(1e-6, 1e8)
    return squares, at


def tangents(curve: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    """The map's Jacobians at points [n, q]: [n, p, q].

    q is small and p is not, so the Jacobian is computed by columns. What backward gives, Jᵀv, is
    linear in v, and its own backward gives the columns of J; torch.func.jacfwd would do it in one,
    but its first use imports for seconds.
    """
    with torch.enable_grad():
        x = at.detach().requires_grad_()
        y = curve(x)
        v = torch.zeros_like(y, requires_grad=True)
        [transposed] = torch.autograd.grad(y, x, v, create_graph=True)
        columns = [
            torch.autograd.grad(transposed[:, j].sum(), v, retain_graph=True)[0]
            for j in range(at.shape[1])
        ]
    return torch.stack(columns, dim=2)
