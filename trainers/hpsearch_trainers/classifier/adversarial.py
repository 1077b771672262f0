"""Adversarial pictures: near a picture in every pixel, and as bad for the network as can be found.

Pixels are in [-1, 1] here and in [0, 1] in the papers, whose units ε and step sizes keep.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

PIXEL_RANGE = 2.0  # of our pixels, for 1 of the papers'
PIECE = 500  # pictures that are looked at in one go, at most

Criterion = Callable[[Tensor], Tensor]  # pictures [batch, ...] to the loss that the attack raises


def pgd(
    criterion: Criterion,
    images: Tensor,
    *,
    epsilon: float | Tensor,
    step_size: float | Tensor,
    steps: int,
    start: Tensor | None = None,
) -> Tensor:
    """Projected gradient descent on the negative loss in the l∞ ball (Madry et al. 2018, sec. 2.1).

    x ← Π(x + α sgn ∇L(x)); Π keeps |x - x₀| ≤ ε and x in [-1, 1].

    Args:
        criterion: a sum or mean over the pictures.
        images: x₀, [batch, ...].
        epsilon: ε, of pixels in [0, 1].
        step_size: α, of pixels in [0, 1].
        steps: how many.
        start: where to begin, of ε, in [-1, 1] and of the pictures' shape; None for the pictures.

    Returns:
        Pictures, [batch, ...], which carry no gradients.
    """
    radius, stride = epsilon * PIXEL_RANGE, step_size * PIXEL_RANGE
    with torch.no_grad():
        low, high = (images - radius).clamp_min(-1), (images + radius).clamp_max(1)
        x = images if start is None else _between(images + radius * start, low, high)
        gradient = torch.func.grad(criterion)
        for _ in range(steps):
            x = _between(x + stride * gradient(x).sign(), low, high)
    return x


def fgsm(criterion: Criterion, images: Tensor, epsilon: float | Tensor) -> Tensor:
    """The fast gradient sign method (Goodfellow et al. 2015, sec. 4): one step of size ε."""
    return pgd(criterion, images, epsilon=epsilon, step_size=epsilon, steps=1)


def robustness(
    net: Callable[[Tensor], Tensor],
    images: Tensor,
    labels: Tensor,
    start: Tensor,
    epsilon: float | Tensor,
    steps: int,
) -> dict[str, Tensor]:
    """Accuracies under attack, of the pictures [n, ...] and the first n labels.

    Args:
        net: pictures to logits.
        images: to be attacked.
        labels: at least as many.
        start: where projected gradient descent begins, of epsilon, [at least n, ...].
        epsilon: of the attacks, of pixels in [0, 1].
        steps: of projected gradient descent, each of 2.5 epsilon / steps.
    """
    found: dict[str, list[Tensor]] = {"fgsm_accuracy": [], "pgd_accuracy": []}
    for x, y, first in zip(
        images.split(PIECE),
        labels[: len(images)].split(PIECE),
        start[: len(images)].split(PIECE),
        strict=True,
    ):

        def criterion(x: Tensor, y: Tensor = y) -> Tensor:
            return F.cross_entropy(net(x), y, reduction="sum")

        stride = 2.5 * epsilon / steps
        far = pgd(criterion, x, epsilon=epsilon, step_size=stride, steps=steps, start=first)
        found["fgsm_accuracy"].append(net(fgsm(criterion, x, epsilon)).argmax(-1) == y)
        found["pgd_accuracy"].append(net(far).argmax(-1) == y)
    return {name: torch.cat(right).double().mean() for name, right in found.items()}


def _between(x: Tensor, low: Tensor, high: Tensor) -> Tensor:
    return torch.minimum(torch.maximum(x, low), high)
