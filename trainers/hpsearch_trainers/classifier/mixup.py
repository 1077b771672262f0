"""Mixup: convex combinations of pictures and of their labels (Zhang et al. 2018)."""

import math

import torch
from torch import Tensor


def symmetric_beta(normals: Tensor, alpha: float | Tensor) -> Tensor:
    """A draw from Beta(α, α) as a function of two normal numbers.

    Bailey's polar method (1994) gives Student's t with 2α degrees of freedom, and
    1/2 + t / (2 √(2α + t²)) is Beta(α, α) (Devroye 1996). One formula for both steps does not
    overflow for small α.

    Args:
        normals: [..., 2], standard normal.
        alpha: above 0, or 0 for draws of 0 and 1; may differ between the trials of a group.

    Returns:
        [...], in [0, 1].
    """
    u, v = torch.special.ndtr(normals).unbind(-1)
    a = torch.as_tensor(alpha, dtype=normals.dtype, device=normals.device)
    rest = u ** (1 / a)
    turn = torch.cos(2 * math.pi * v)
    square = (1 - rest) * turn**2
    share = square / (rest + square).clamp_min(torch.finfo(normals.dtype).tiny)
    return (1 + turn.sign() * share.sqrt()) / 2


def mixed(images: Tensor, share: Tensor) -> Tensor:
    """λ x_i + (1 - λ) x_{i-1} for pictures [batch, ...], whose order is random, and a scalar λ."""
    return share * images + (1 - share) * images.roll(1, 0)
