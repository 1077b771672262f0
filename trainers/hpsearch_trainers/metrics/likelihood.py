"""Likelihood of pictures under a decoder, by annealed importance sampling (Wu et al. 2017).

The model is z ~ Normal(0, I), x ~ Normal(G(z), σ² I). Between the prior and the posterior of z lie
the distributions p(z) p(x|z)^β; a chain walks through them by Hamiltonian Monte Carlo and collects
an importance weight whose mean is p(x).
"""

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hpsearch_trainers.metrics.measurement import Measurement

Decoder = Callable[[Tensor], Tensor]
_ACCEPTED = 0.65  # share of proposals to which step sizes are tuned (Neal 2011, sec. 5.4.4)


@dataclass(frozen=True)
class Sampling:
    """How long and with how many chains.

    Attributes:
        sigma: deviation of the pixels around the decoder's picture.
        chains: for each picture.
        distributions: from the prior to the posterior.
        leapfrog: steps of a proposal.
        seed: of everything random.
    """

    sigma: float
    chains: int = 16
    distributions: int = 500
    leapfrog: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        if not (self.sigma > 0 and min(self.chains, self.distributions, self.leapfrog) >= 1):
            raise ValueError(
                f"sigma must be above 0, chains, distributions and leapfrog at least 1: {self}"
            )


def log_likelihood(decoder: Decoder, images: Tensor, z_dim: int, sampling: Sampling) -> Tensor:
    """Lower bounds of log p(x) in nats, [n], that tighten as chains and distributions grow.

    Wu et al. 2017, sec. 3. They are bounds on average; one is too high by b nats or more with a
    probability of e^-b at most.

    Args:
        decoder: pictures [m, ...] of latents [m, z_dim]; differentiable.
        images: [n, ...], flattened like the decoder's.
        z_dim: latents.
        sampling: how.
    """
    problem = _Problem(decoder, images, z_dim, sampling)
    schedule, steps = _tuned(problem)
    weights = _anneal(problem, problem.prior(sampling.chains), schedule, steps)
    return torch.logsumexp(weights, 0) - math.log(sampling.chains)


@dataclass(frozen=True)
class Bounds:
    """Bounds of the mean log-likelihood of pictures that the model itself has drawn, in nats."""

    lower: float
    upper: float

    @property
    def gap(self) -> float:
        """How far `log_likelihood` is off at most, on such pictures."""
        return self.upper - self.lower


def bidirectional_bounds(decoder: Decoder, count: int, z_dim: int, sampling: Sampling) -> Bounds:
    """Bidirectional Monte Carlo: is the sampling long enough?

    A drawn picture comes with its z, an exact sample of the posterior, so a chain may walk back
    from it, and bounds log p(x) from above (Grosse et al. 2015; Wu et al. 2017, sec. 3).

    Args:
        decoder: as in `log_likelihood`.
        count: of pictures to draw.
        z_dim: latents.
        sampling: how.
    """
    generator = torch.Generator().manual_seed(sampling.seed + 1)
    z = torch.randn(count, z_dim, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        clean = decoder(z.to(_kind_of(decoder))).flatten(1).double().cpu()
    noise = torch.randn(clean.shape, generator=generator, dtype=torch.float64)
    problem = _Problem(decoder, clean + sampling.sigma * noise, z_dim, sampling)
    schedule, steps = _tuned(problem)
    forward = _anneal(problem, problem.prior(sampling.chains), schedule, steps)
    start = z.expand(sampling.chains, -1, -1).clone()
    backward = _anneal(problem, start, schedule.flip(0), steps.flip(0))
    log_chains = math.log(sampling.chains)
    return Bounds(
        lower=float((torch.logsumexp(forward, 0) - log_chains).mean()),
        upper=float(-(torch.logsumexp(backward, 0) - log_chains).mean()),
    )


def measure_likelihood(
    decoder: Decoder, images: Tensor, z_dim: int, sampling: Sampling
) -> Measurement:
    """Mean of `log_likelihood` over real pictures, in nats a picture."""
    pixels = images.detach().cpu().contiguous().numpy().tobytes()
    return Measurement(
        value=float(log_likelihood(decoder, images, z_dim, sampling).mean()),
        name="log_likelihood",
        extractor_sha256="",
        samples=len(images),
        settings={"real": hashlib.sha256(pixels).hexdigest()[:16], **vars(sampling)},
        better="large",
    )


class _Problem:
    """The densities of latents z [chains, n, z_dim] for pictures [n, ...]."""

    def __init__(self, decoder: Decoder, images: Tensor, z_dim: int, sampling: Sampling) -> None:
        self._decoder, self.sampling, self.z_dim = decoder, sampling, z_dim
        self._images = images.detach().flatten(1).cpu().double()
        self._kind = _kind_of(decoder)
        self.generator = torch.Generator().manual_seed(sampling.seed)

    def __len__(self) -> int:
        return len(self._images)

    def prior(self, chains: int) -> Tensor:
        return self.normal(chains, len(self), self.z_dim)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator, dtype=torch.float64)

    def log_conditional(self, z: Tensor) -> Tensor:
        """The logarithm of p(x|z), [chains, n]."""
        means = self._decoder(z.flatten(0, 1).to(self._kind)).flatten(1).double().cpu()
        off = self._images - means.view(*z.shape[:2], -1)
        sigma, pixels = self.sampling.sigma, off.shape[-1]
        constant = pixels * (math.log(sigma) + 0.5 * math.log(2 * math.pi))
        return -0.5 * (off**2).sum(-1) / sigma**2 - constant

    def value_and_gradient(self, z: Tensor, beta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """That of p(z) p(x|z)^β but for a constant, its gradient in z, and log p(x|z)."""
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            conditional = self.log_conditional(z)
            value = beta * conditional - 0.5 * (z**2).sum(-1)
            (gradient,) = torch.autograd.grad(value.sum(), z)
        return value.detach(), gradient, conditional.detach()


def _anneal(problem: _Problem, z: Tensor, betas: Tensor, steps: Tensor) -> Tensor:
    """Log weights [chains, n] of chains that walk along `betas` from z.

    The way there weighs before it moves, the way back moves before it weighs: then a chain of one
    direction is one of the other, reversed.

    Args:
        problem: the densities.
        z: [chains, n, z_dim].
        betas: [T + 1], ascending for the way to the posterior, descending for the way back.
        steps: sizes [T, n], of the transition at the larger β of each pair.
    """
    weights = torch.zeros(z.shape[:2], dtype=torch.float64)
    ascending = bool(betas[-1] > betas[0])
    with torch.no_grad():
        for before, after, size in zip(betas[:-1], betas[1:], steps, strict=True):
            if not ascending:
                z, _ = _transition(problem, z, before, size)
            weights += (after - before) * problem.log_conditional(z)
            if ascending:
                z, _ = _transition(problem, z, after, size)
    return weights


def _tuned(problem: _Problem) -> tuple[Tensor, Tensor]:
    """A schedule β [T + 1] and step sizes [T, n], from a walk whose own weights are not used.

    Were they tuned along the way that counts, the bounds would be none. The schedule has equal
    distances between neighbours, in units of the deviation of log p(x|z) along the walk, of which
    the weights' variance is made (Grosse, Maddison & Salakhutdinov 2013).
    """
    sampling = problem.sampling
    betas = torch.linspace(0, 1, sampling.distributions + 1, dtype=torch.float64) ** 4
    z = problem.prior(max(sampling.chains, 2))
    size = torch.full((len(problem),), 0.5, dtype=torch.float64)
    sizes, deviations = [], []
    for beta in betas[1:]:
        with torch.no_grad():
            deviations.append(problem.log_conditional(z).std(0).mean())
        z, accepted = _transition(problem, z, beta, size)
        sizes.append(size)
        size = size * torch.where(accepted > _ACCEPTED, 1.1, 1 / 1.1)
    length = torch.cumsum(torch.stack(deviations) * betas.diff(), 0).numpy()
    places = np.concatenate([[0.0], length])
    equal = np.linspace(0, places[-1], sampling.distributions + 1)
    schedule = np.interp(equal, places, betas.numpy())
    by_image = torch.stack(sizes).numpy().T
    steps = [np.interp(schedule[1:], betas[1:].numpy(), image) for image in by_image]
    return torch.from_numpy(schedule), torch.from_numpy(np.stack(steps, axis=1))


def _transition(problem: _Problem, z: Tensor, beta: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
    """One proposal of Hamiltonian Monte Carlo (Neal 2011, sec. 5.3.2).

    Returns:
        z, and the acceptance probability [n], the chains' mean.
    """
    # Of one length all orbits of a normal density may be closed; lengths differ between the chains.
    uniform = torch.rand((2, *z.shape[:2]), generator=problem.generator, dtype=torch.float64)
    step = (size * (0.5 + uniform[0]))[..., None]
    momentum = problem.normal(*z.shape)
    value, gradient, _ = problem.value_and_gradient(z, beta)
    energy = 0.5 * (momentum**2).sum(-1) - value
    moved, momentum = z, momentum + 0.5 * step * gradient
    for i in range(problem.sampling.leapfrog):
        moved = moved + step * momentum
        value, gradient, _ = problem.value_and_gradient(moved, beta)
        last = i + 1 == problem.sampling.leapfrog
        momentum = momentum + (0.5 if last else 1.0) * step * gradient
    change = energy - (0.5 * (momentum**2).sum(-1) - value)
    change = torch.nan_to_num(change, nan=-math.inf)
    accepted = uniform[1].log() < change
    probability = change.clamp(max=0).exp().mean(0)
    return torch.where(accepted[..., None], moved, z), probability


def _kind_of(decoder: Decoder) -> Tensor:
    """A tensor of the device and precision that the decoder takes."""
    parameters = getattr(decoder, "parameters", None)
    first = next(iter(parameters()), None) if callable(parameters) else None
    return torch.empty(0, dtype=torch.float64) if first is None else first
