"""Annealed importance sampling against the closed form of a linear decoder."""

import math

import pytest
import torch
from torch import nn

from hpsearch_trainers.metrics import UnlikeError, compare
from hpsearch_trainers.metrics.likelihood import (
    Sampling,
    bidirectional_bounds,
    log_likelihood,
    measure_likelihood,
)

SIGMA = 0.5
QUICK = Sampling(SIGMA, chains=8, distributions=60, leapfrog=5)


def linear() -> nn.Linear:
    """Its pictures W z + b + noise are Normal(b, W Wᵀ + σ² I)."""
    torch.manual_seed(0)
    net = nn.Linear(2, 4, dtype=torch.float64)
    return net.requires_grad_(False)


def drawn(net: nn.Linear, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures of the model [count, 2, 2], and their log-likelihoods."""
    covariance = net.weight @ net.weight.T + SIGMA**2 * torch.eye(4, dtype=torch.float64)
    normal = torch.distributions.MultivariateNormal(net.bias, covariance)
    torch.manual_seed(1)
    images = normal.sample((count,))
    return images.view(count, 2, 2), normal.log_prob(images)


def test_the_likelihood_of_a_linear_decoder_has_its_closed_form():
    """The estimate of p(x) has the mean p(x); log's is below by half its variance, about 0.01.

    The mean of 30; its standard error is about 0.03.
    """
    net = linear()
    images, expected = drawn(net, 30)
    off = log_likelihood(net, images, 2, QUICK) - expected
    assert float(off.std()) < 0.4
    assert abs(float(off.mean())) < 0.12
    assert float(off.exp().mean()) == pytest.approx(1, abs=0.15)


def test_the_bounds_of_the_models_own_pictures_hold_the_entropy_between_them():
    """E log p(x) = -½ log det(2πe Σ); 40 pictures of 4 pixels: a standard error of 0.22."""
    net = linear()
    bounds = bidirectional_bounds(net, 40, 2, QUICK)
    covariance = net.weight @ net.weight.T + SIGMA**2 * torch.eye(4, dtype=torch.float64)
    mean = -0.5 * float(torch.logdet(2 * math.pi * math.e * covariance))
    assert bounds.lower - 0.9 < mean < bounds.upper + 0.9
    assert -0.1 < bounds.gap < 0.3


def test_too_short_a_walk_has_a_larger_gap():
    class Sharp(nn.Module):
        def forward(self, z):
            return 30 * z.repeat(1, 3)

    short = bidirectional_bounds(Sharp(), 4, 2, Sampling(SIGMA, 2, 3, leapfrog=2))
    long = bidirectional_bounds(Sharp(), 4, 2, Sampling(SIGMA, 4, 100, leapfrog=5))
    assert short.gap > 3 * long.gap > 0


def test_a_float32_network_without_gradients_is_judged_and_left_as_it_was():
    net = nn.Sequential(nn.Linear(2, 4), nn.Tanh()).requires_grad_(False)
    before = torch.get_rng_state()
    with torch.no_grad():
        found = log_likelihood(net, torch.zeros(3, 4), 2, Sampling(SIGMA, 2, 5))
    assert found.shape == (3,) and found.isfinite().all()
    assert torch.equal(before, torch.get_rng_state())


def test_a_likelihood_names_its_sampling_and_is_not_compared_with_another():
    net = linear()
    images, _ = drawn(net, 4)
    short = Sampling(SIGMA, 2, 5)
    found = measure_likelihood(net, images, 2, short)
    assert found == measure_likelihood(net, images, 2, short)
    assert found.better == "large" and found.samples == 4 and found.settings["chains"] == 2
    with pytest.raises(UnlikeError, match="distributions 5 and 6"):
        compare(found, measure_likelihood(net, images, 2, Sampling(SIGMA, 2, 6)))


def test_a_sampling_without_noise_or_chains_is_refused():
    for wrong in ({"sigma": 0.0}, {"sigma": 1.0, "chains": 0}):
        with pytest.raises(ValueError, match="sigma must be above 0, chains"):
            Sampling(**wrong)
