"""A GAN whose optimum is known in closed form: linear generator, quadratic critic, Gaussian data.

The setting of Feizi et al. 2017 ("Understanding GANs: the LQG setting"). The data are normal with
mean 0 and covariance K, [d, d]. The optimal generator G z of rank k < d is given by principal
component analysis: the squared 2-Wasserstein distance is least at G Gᵀ = Σ λ_i v_i v_iᵀ over the k
largest eigenvalues, where it equals the sum of the others. The objective `excess` is the relative
excess over this minimum, so 0 is the optimum: it shows whether a search has found it.

The critic is the quadratic form yᵀ S y of a symmetric matrix S, with the penalty w/2 |S|². At the
optimum, S vanishes on the range of the generator, so no w moves the optimum of `wasserstein` and
`wgan`. It may move that of the other losses (Cho & Suh 2019): the less, the larger w.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hpsearch import HP, Data, Evaluation, Optimizer, Schedule, Trainer
from hpsearch_trainers.gan.losses import PAIRED
from hpsearch_trainers.metrics.distances import frechet_distance

Array = NDArray[np.float64]

OF_LOGITS = ("wgan", "non_saturating", "least_squares", "hinge")
DRAWN = 4096  # training samples


class LQG(Trainer):
    defaults = {
        "loss": "wasserstein",  # wgan, non_saturating, least_squares, hinge
        "penalty_weight": 0.1,
        "lr_g": 1e-2,
        "lr_d": 1e-2,
        "beta1": 0.0,
        "beta2": 0.99,
        "decay": 0,  # updates in which a network's rate falls to a hundredth; 0 for constant
        "n_critic": 1,  # updates of the critic per update of the generator
        "batch_size": 64,
        "dimension": 12,
        "rank": 3,
        "spectrum": 0.7,  # ratio of consecutive eigenvalues of the data's covariance
    }
    structure = ("batch_size", "n_critic", "dimension", "rank", "spectrum")
    phases = ("critic", "generator")

    def data(self, hp: HP) -> Data:
        return Data({"y": gaussian(hp.dimension, hp.spectrum).sample}, hp.batch_size)

    def build(self, hp: HP) -> dict[str, nn.Module]:
        return {
            "critic": Quadratic(hp.dimension),
            "generator": nn.Linear(hp.rank, hp.dimension, bias=False),
        }

    def noise(self, hp: HP) -> dict[str, tuple[int, ...]]:
        return {"z": (hp.batch_size, hp.rank)}

    def optimizer(self, phase: str, hp: HP) -> Optimizer:
        lr, often = (hp.lr_d, hp.n_critic) if phase == "critic" else (hp.lr_g, 1)
        schedule = Schedule("exponential", hp.decay * often, final=0.01) if hp.decay else None
        return Optimizer("adam", lr=lr, betas=(hp.beta1, hp.beta2), schedule=schedule)

    def repeats(self, phase: str, hp: HP) -> int:
        return hp.n_critic if phase == "critic" else 1

    def loss(
        self, phase: str, nets: Mapping[str, nn.Module], batch: Mapping[str, Tensor], hp: HP
    ) -> Tensor:
        critic = nets["critic"]
        real, fake = batch["y"], nets["generator"](batch["z"])
        form = critic()
        if phase == "generator":
            of_fake = quadratic(fake, form)
            losses = {name: functools.partial(PAIRED[name][1], of_fake) for name in OF_LOGITS}
            losses["wasserstein"] = lambda: wasserstein_g(fake, form)
            return hp.pick("loss", losses).mean()
        of_real, of_fake = quadratic(real, form), quadratic(fake, form)
        losses = {name: functools.partial(PAIRED[name][0], of_real, of_fake) for name in OF_LOGITS}
        losses["wasserstein"] = lambda: wasserstein_d(real, fake, form)
        penalty = 0.5 * hp.penalty_weight * (form**2).sum()
        return hp.pick("loss", losses).mean() + penalty

    def outputs(
        self, nets: Mapping[str, nn.Module], inputs: Mapping[str, Tensor], hp: HP
    ) -> dict[str, Tensor]:
        (weight,) = nets["generator"].parameters()
        return {"weight": weight + 0}

    def evaluate(
        self, nets: Mapping[str, nn.Module], outputs: Mapping[str, Tensor], hp: HP
    ) -> Evaluation:
        weight = outputs["weight"].detach().cpu().double().numpy()
        if not np.isfinite(weight).all():
            return Evaluation({"excess": float("nan")})
        data = gaussian(hp.dimension, hp.spectrum)
        distance, least = squared_distance(weight, data.covariance), data.optimum(hp.rank)
        return Evaluation({"excess": distance / least - 1, "squared_distance": distance})


class Quadratic(nn.Module):
    """The critic's symmetric matrix, initially zero."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.zeros(d, d))

    def forward(self) -> Tensor:
        return self.matrix + self.matrix.T


def quadratic(y: Tensor, form: Tensor) -> Tensor:
    """yᵀ S y of each row of y [n, d]: [n]."""
    return ((y @ form) * y).sum(1)


def wasserstein_d(real: Tensor, fake: Tensor, form: Tensor) -> Tensor:
    """ψ(y) + ψ*(ŷ) for ψ(y) = ½ yᵀ A y with A = exp(S), whose conjugate is ½ ŷᵀ A⁻¹ ŷ.

    At its minimum over convex ψ, E|y|² + E|ŷ|² - 2 E[ψ(y) + ψ*(ŷ)] is the squared distance (Feizi
    et al. 2017, with quadratic ψ).
    """
    return 0.5 * (quadratic(real, exponential(form)) + quadratic(fake, exponential(-form)))


def wasserstein_g(fake: Tensor, form: Tensor) -> Tensor:
    """The part of the squared distance that depends on the generator: |ŷ|² - 2 ψ*(ŷ)."""
    return (fake**2).sum(1) - quadratic(fake, exponential(-form))


def exponential(form: Tensor) -> Tensor:
    return torch.linalg.matrix_exp(form)


@dataclass(frozen=True)
class Gaussian:
    """Normal data with mean 0, and a sample with exactly these moments.

    Attributes:
        eigenvalues: of the covariance, [d], descending.
        covariance: [d, d].
        sample: [DRAWN, d], float32, shifted and scaled to mean 0 and this covariance, so that the
            closed form has no sampling error.
    """

    eigenvalues: Array
    covariance: Array
    sample: Tensor

    def optimum(self, rank: int) -> float:
        """The least squared 2-Wasserstein distance from a normal distribution of this rank."""
        return float(self.eigenvalues[rank:].sum())


@functools.cache
def gaussian(d: int, spectrum: float) -> Gaussian:
    """Data in d dimensions with eigenvalues 1, r, r², ... for the ratio r, in random directions."""
    generator = np.random.default_rng(0)
    directions, _ = np.linalg.qr(generator.standard_normal((d, d)))
    eigenvalues = spectrum ** np.arange(d)
    drawn = generator.standard_normal((DRAWN, d))
    drawn -= drawn.mean(0)
    white = drawn @ np.linalg.inv(np.linalg.cholesky(drawn.T @ drawn / DRAWN)).T
    sample = white * np.sqrt(eigenvalues) @ directions.T
    covariance = directions * eigenvalues @ directions.T
    return Gaussian(eigenvalues, covariance, torch.tensor(sample, dtype=torch.float32))


def squared_distance(weight: Array, covariance: Array) -> float:
    """Squared 2-Wasserstein distance of weight @ z, z standard normal, from N(0, covariance)."""
    zero = np.zeros(len(covariance))
    return frechet_distance(zero, covariance, zero, weight @ weight.T)
