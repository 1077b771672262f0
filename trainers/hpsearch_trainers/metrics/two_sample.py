"""Classifier two-sample test: a small network separates generated from real features."""

import math

import numpy as np
import torch
from torch.nn import functional as F

from hpsearch_trainers.metrics.extractors import Array
from hpsearch_trainers.metrics.kernel import standardised


def network_accuracy(
    real: Array, fake: Array, hidden: int = 20, steps: int = 100, seed: int = 0
) -> float:
    """Held-out accuracy of a network trained to separate the two samples.

    Lopez-Paz & Oquab 2017, sec. 3, with their network: one hidden layer of 20 ReLU units, 100
    epochs of Adam. Half of each sample trains the network, the other half tests it; the result is
    the mean of both accuracies, about ½ if the distributions agree.

    Args:
        real: features [n, d], n at least 2.
        fake: [m, d], m at least 2.
        hidden: units.
        steps: of Adam with rate 0.01, each on the whole training half.
        seed: of the split and the initial weights.

    Raises:
        ValueError: fewer than 2 samples.
    """
    if min(len(real), len(fake)) < 2:
        raise ValueError(
            f"the two-sample test needs 2 samples of each, got {len(real)} real and {len(fake)} "
            "generated ones"
        )
    generator = torch.Generator().manual_seed(seed)
    scale = real.mean(0), real.std(0)
    halves = [_halves(standardised(x, *scale), generator) for x in (real, fake)]
    (real_train, real_test), (fake_train, fake_test) = halves
    x = torch.cat([real_train, fake_train])
    y = torch.cat([torch.ones(len(real_train)), torch.zeros(len(fake_train))])
    weight = torch.where(y == 1, 0.5 / len(real_train), 0.5 / len(fake_train))
    parameters = _initial(x.shape[1], hidden, generator)
    optimizer = torch.optim.Adam(parameters, lr=0.01)
    with torch.enable_grad():
        for _ in range(steps):
            loss = F.binary_cross_entropy_with_logits(
                _logits(x, parameters), y, weight, reduction="sum"
            )
            gradients = torch.autograd.grad(loss, parameters)
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = gradient
            optimizer.step()
    with torch.no_grad():
        right_real = (_logits(real_test, parameters) > 0).double().mean()
        right_fake = (_logits(fake_test, parameters) <= 0).double().mean()
    return float(right_real + right_fake) / 2


def p_value(accuracy: float, tested: int) -> float:
    """Probability of at least this accuracy on `tested` held-out samples if distributions agree.

    The accuracy is then approximately Normal(½, 1 / (4 tested)) (Lopez-Paz & Oquab 2017, sec. 3).
    """
    return 0.5 * math.erfc((accuracy - 0.5) * 2 * math.sqrt(tested) / math.sqrt(2))


def _halves(features: Array, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    rows = torch.from_numpy(np.clip(features, -1e6, 1e6)).float()
    rows = rows[torch.randperm(len(rows), generator=generator)]
    return rows[: len(rows) // 2], rows[len(rows) // 2 :]


def _initial(inputs: int, hidden: int, generator: torch.Generator) -> list[torch.Tensor]:
    shapes = [(inputs, hidden), (hidden,), (hidden,), ()]
    fans = [inputs, inputs, hidden, hidden]
    return [
        (torch.randn(shape, generator=generator) / math.sqrt(fan)).requires_grad_()
        for shape, fan in zip(shapes, fans, strict=True)
    ]


def _logits(x: torch.Tensor, parameters: list[torch.Tensor]) -> torch.Tensor:
    weight_1, bias_1, weight_2, bias_2 = parameters
    return F.relu(x @ weight_1 + bias_1) @ weight_2 + bias_2
