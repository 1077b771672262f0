"""A GAN of multi-layer perceptrons on the digits; what the choices of loss and penalty are worth.

Discriminators put out one logit (a critic's score) a picture. The objective is `fid`, with the
features of `features.py` in place of Inception's.
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data import PIXELS, digits
from features import extractor, reference
from hpsearch.fusion import Data, Evaluation, Optimizer, Trainer
from hpsearch.run import HP
from metrics import coverage, frechet_distance, moments

SAMPLES = 1000  # generated pictures that a report judges, from latents that are always the same
GRID = 8  # rows and columns of the sample sheet


class GAN(Trainer):
    defaults = {
        "loss": "non_saturating",  # wgan, least_squares, hinge
        "penalty": "none",  # gradient, r1; wgan with none is allowed, and bad: nothing clips
        "penalty_weight": 1.0,
        "lr_g": 1e-3,
        "lr_d": 1e-3,
        "beta1": 0.5,
        "beta2": 0.99,
        "n_critic": 1,  # updates of the discriminator for one of the generator
        "depth": 2,
        "width": 128,
        "z_dim": 16,
        "batch_size": 64,
    }
    structure = ("loss", "penalty", "n_critic", "depth", "width", "z_dim", "batch_size")
    phases = ("discriminator", "generator")

    def data(self, hp: HP) -> Data:
        return Data({"image": digits("train")[0]}, hp.batch_size)

    def build(self, hp: HP) -> dict[str, nn.Module]:
        return {
            "discriminator": _mlp(PIXELS, hp.width, hp.depth, 1),
            "generator": nn.Sequential(_mlp(hp.z_dim, hp.width, hp.depth, PIXELS), nn.Tanh()),
        }

    def noise(self, hp: HP) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {"z": (hp.batch_size, hp.z_dim)}
        if hp.penalty == "gradient":
            shapes["mix"] = (hp.batch_size, 1)
        return shapes

    def optimizer(self, phase: str, hp: HP) -> Optimizer:
        lr = hp.lr_d if phase == "discriminator" else hp.lr_g
        return Optimizer("adam", lr=lr, betas=(hp.beta1, hp.beta2))

    def repeats(self, phase: str, hp: HP) -> int:
        return hp.n_critic if phase == "discriminator" else 1

    def loss(
        self, phase: str, nets: Mapping[str, nn.Module], batch: Mapping[str, Tensor], hp: HP
    ) -> Tensor:
        discriminator = nets["discriminator"]
        fake = nets["generator"](batch["z"])
        of_discriminator, of_generator = LOSSES[hp.loss]
        if phase == "generator":
            return of_generator(discriminator(fake))
        real = batch["image"]
        loss = of_discriminator(discriminator(real), discriminator(fake))
        if hp.penalty == "gradient":
            mix = torch.special.ndtr(batch["mix"])
            loss = loss + hp.penalty_weight * gradient_penalty(discriminator, real, fake, mix)
        elif hp.penalty == "r1":
            loss = loss + hp.penalty_weight * r1_penalty(discriminator, real)
        return loss

    def evaluate(
        self, nets: Mapping[str, nn.Module], outputs: Mapping[str, Tensor], hp: HP
    ) -> Evaluation:
        images = _generate(nets["generator"], hp.z_dim)
        fid, covered, spread = _judge(images, "valid")
        return Evaluation(
            metrics={"fid": fid, "coverage": covered},
            images={"samples": _sheet(images)},
            collapsed=why_collapsed(covered, spread),
            provenance={"extractor": extractor().sha256, "samples": SAMPLES},
        )

    def test(self, nets: Mapping[str, nn.Module], hp: HP) -> dict[str, float]:
        fid, covered, _ = _judge(_generate(nets["generator"], hp.z_dim), "test")
        return {"test_fid": fid, "test_coverage": covered}


def non_saturating_d(real: Tensor, fake: Tensor) -> Tensor:
    """-log σ(D(x)) - log(1 - σ(D(G(z)))), Goodfellow et al. 2014, eq. 1; logits [batch], nats."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def non_saturating_g(fake: Tensor) -> Tensor:
    """-log σ(D(G(z))), Goodfellow et al. 2014, sec. 3."""
    return F.softplus(-fake).mean()


def wgan_d(real: Tensor, fake: Tensor) -> Tensor:
    """Arjovsky et al. 2017, eq. 3; the Lipschitz bound is left to the penalty."""
    return fake.mean() - real.mean()


def wgan_g(fake: Tensor) -> Tensor:
    return -fake.mean()


def least_squares_d(real: Tensor, fake: Tensor) -> Tensor:
    """Mao et al. 2017, eq. 9: targets 1 for real and 0 for fake."""
    return 0.5 * ((real - 1) ** 2).mean() + 0.5 * (fake**2).mean()


def least_squares_g(fake: Tensor) -> Tensor:
    return 0.5 * ((fake - 1) ** 2).mean()


def hinge_d(real: Tensor, fake: Tensor) -> Tensor:
    """Lim & Ye 2017, eq. 5; Miyato et al. 2018, eq. 16."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def hinge_g(fake: Tensor) -> Tensor:
    """Miyato et al. 2018, eq. 17."""
    return -fake.mean()


LOSSES: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "non_saturating": (non_saturating_d, non_saturating_g),
    "wgan": (wgan_d, wgan_g),
    "least_squares": (least_squares_d, least_squares_g),
    "hinge": (hinge_d, hinge_g),
}


def gradient_penalty(
    discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor
) -> Tensor:
    """Mean of (|∇D(x)| - 1)² on lines from fake to real pictures (Gulrajani et al. 2017, eq. 3).

    Args:
        discriminator: [batch, 64] to [batch, 1].
        real: [batch, 64].
        fake: [batch, 64].
        mix: share of the real picture, uniform in (0, 1), [batch, 1].
    """
    gradient = _input_gradient(discriminator, mix * real + (1 - mix) * fake)
    # The root has no slope at 0.
    norm = ((gradient**2).sum(1) + 1e-12).sqrt()
    return ((norm - 1) ** 2).mean()


def r1_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """½ E |∇D(x)|² on real pictures [batch, 64] (Mescheder et al. 2018, eq. 9)."""
    return 0.5 * (_input_gradient(discriminator, real) ** 2).sum(1).mean()


def _input_gradient(discriminator: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Each picture's own gradient, [batch, 64].

    No layer mixes the pictures of a batch, so the gradient of the sum holds them all. Unlike
    `autograd.grad(create_graph=True)` this passes through `torch.func.vmap`.
    """
    return torch.func.grad(lambda images: discriminator(images).sum())(x)


def why_collapsed(covered: float, spread: float) -> str | None:
    """Says so if the pictures are all but one and the same, near next to no real ones.

    Args:
        covered: coverage.
        spread: the features' total variance, real pictures' being 1.
    """
    if covered < 0.05 and spread < 0.1:
        return f"coverage {covered:.3f}, feature variance {spread:.3f} of the real pictures'"
    return None


def _judge(images: Tensor, part: str) -> tuple[float, float, float]:
    """Fréchet distance, coverage, and total variance relative to real pictures of `part`."""
    real, features = reference(part), extractor()(images)
    mean, covariance = moments(features)
    fid = frechet_distance(real.mean, real.covariance, mean, covariance)
    spread = np.trace(covariance) / np.trace(real.covariance)
    return fid, coverage(real.features, features), float(spread)


def _generate(generator: nn.Module, z_dim: int) -> Tensor:
    """Pictures [SAMPLES, 64] in [-1, 1], from the same latents at every report of every trial."""
    latents = torch.randn(SAMPLES, z_dim, generator=torch.Generator().manual_seed(0))
    return generator(latents.to(next(generator.parameters()).device))


def _sheet(images: Tensor) -> np.ndarray:
    """The first pictures side by side, each pixel 4x4, [GRID * 36, GRID * 36], in [0, 1]."""
    pixels = images[: GRID * GRID].detach().cpu().reshape(GRID, GRID, 8, 8) / 2 + 0.5
    large = pixels.repeat_interleave(4, 2).repeat_interleave(4, 3)
    framed = F.pad(large, (2, 2, 2, 2))
    return framed.permute(0, 2, 1, 3).reshape(GRID * 36, GRID * 36).numpy()


def _mlp(inputs: int, width: int, depth: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [nn.Linear(inputs, width), nn.LeakyReLU(0.2)]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))
