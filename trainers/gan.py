"""A GAN of multi-layer perceptrons on the digits; what the choices of loss and penalty are worth.

Discriminators put out one logit (a critic's score) a picture. The objective is `fid`, with the
features of `features.py` in place of Inception's.
"""

import functools
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data import PIXELS, digits
from features import extractor, raw_features, reference
from hpsearch.fusion import Alike, Data, Evaluation, Optimizer, Padded, Trainer
from hpsearch.run import HP
from metrics import Array, frechet_distance, moments, share_covered

SAMPLES = 1000  # generated pictures that a report judges, from latents that are always the same
GRID = 8  # rows and columns of the sample sheet
PENALTIES = ("gradient", "r1", "dragan")


class GAN(Trainer):
    defaults = {
        "loss": "non_saturating",  # wgan, least_squares, hinge
        "penalty": "none",  # gradient, r1, dragan; wgan with none is bad: nothing clips
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
    structure = (
        "depth",
        "batch_size",
        "n_critic",
        Padded("width", sizes=4),
        Padded("z_dim", sizes=1),
        Alike("penalty", PENALTIES),  # "none" is apart: it takes no gradient
    )
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
        elif hp.penalty == "dragan":
            shapes["away"] = (hp.batch_size, PIXELS)
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
        if phase == "generator":
            of = {
                name: functools.partial(g, discriminator(fake)) for name, (_, g) in LOSSES.items()
            }
            return hp.pick("loss", of).mean()
        # One pass for both: no layer mixes the pictures of a batch.
        on_real, on_fake = discriminator(torch.cat([batch["image"], fake])).chunk(2)
        of = {name: functools.partial(d, on_real, on_fake) for name, (d, _) in LOSSES.items()}
        loss = hp.pick("loss", of).mean()
        if hp.among("penalty", *PENALTIES):
            loss = loss + hp.penalty_weight * slope_penalty(discriminator, fake, batch, hp)
        return loss

    def inputs(self, hp: HP) -> dict[str, Tensor]:
        return {"z": _latents(hp.z_dim), **extractor().weights}

    def outputs(
        self, nets: Mapping[str, nn.Module], inputs: Mapping[str, Tensor], hp: HP
    ) -> dict[str, Tensor]:
        images = nets["generator"](inputs["z"])
        return {"features": raw_features(images, inputs), "first": images[: GRID * GRID]}

    def evaluate(
        self, nets: Mapping[str, nn.Module], outputs: Mapping[str, Tensor], hp: HP
    ) -> Evaluation:
        fid, covered, spread = judge(extractor().scaled(outputs["features"]), "valid")
        return Evaluation(
            metrics={"fid": fid, "coverage": covered},
            images={"samples": _sheet(outputs["first"])},
            collapsed=why_collapsed(covered, spread),
            provenance={"extractor": extractor().sha256, "samples": SAMPLES},
        )

    def test(self, nets: Mapping[str, nn.Module], hp: HP) -> dict[str, float]:
        generator = nets["generator"]
        images = generator(_latents(hp.z_dim).to(next(generator.parameters())))
        fid, covered, _ = judge(extractor()(images.float()), "test")
        return {"test_fid": fid, "test_coverage": covered}


def non_saturating_d(real: Tensor, fake: Tensor) -> Tensor:
    """-log σ(D(x)) - log(1 - σ(D(G(z)))), Goodfellow et al. 2014, eq. 1; logits [batch], nats.

    As all losses here, a term for each pair; the loss is their mean.
    """
    return F.softplus(-real) + F.softplus(fake)


def non_saturating_g(fake: Tensor) -> Tensor:
    """-log σ(D(G(z))), Goodfellow et al. 2014, sec. 3."""
    return F.softplus(-fake)


def wgan_d(real: Tensor, fake: Tensor) -> Tensor:
    """Arjovsky et al. 2017, eq. 3; the Lipschitz bound is left to the penalty."""
    return fake - real


def wgan_g(fake: Tensor) -> Tensor:
    return -fake


def least_squares_d(real: Tensor, fake: Tensor) -> Tensor:
    """Mao et al. 2017, eq. 9: targets 1 for real and 0 for fake."""
    return 0.5 * ((real - 1) ** 2 + fake**2)


def least_squares_g(fake: Tensor) -> Tensor:
    return 0.5 * (fake - 1) ** 2


def hinge_d(real: Tensor, fake: Tensor) -> Tensor:
    """Lim & Ye 2017, eq. 5; Miyato et al. 2018, eq. 16."""
    return F.relu(1 - real) + F.relu(1 + fake)


def hinge_g(fake: Tensor) -> Tensor:
    """Miyato et al. 2018, eq. 17."""
    return -fake


LOSSES: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "non_saturating": (non_saturating_d, non_saturating_g),
    "wgan": (wgan_d, wgan_g),
    "least_squares": (least_squares_d, least_squares_g),
    "hinge": (hinge_d, hinge_g),
}


def slope_penalty(
    discriminator: Callable[[Tensor], Tensor], fake: Tensor, batch: Mapping[str, Tensor], hp: HP
) -> Tensor:
    """One formula for the penalties on the slope |∇D(x)|; they differ in x and in its target.

    "gradient": 1, between fake and real pictures (Gulrajani et al. 2017, eq. 3).
    "dragan": 1, around the real pictures (Kodali et al. 2017, sec. 3), at half their deviation.
    "r1": 0, at the real pictures, and ½ |∇D(x)|² (Mescheder et al. 2018, eq. 9).

    Args:
        discriminator: [batch, 64] to [batch, 1].
        fake: [batch, 64].
        batch: "image" [batch, 64], and the normal noise "mix" [batch, 1] and "away" [batch, 64].
        hp: of it just `penalty`.

    Returns:
        Mean over the batch.
    """
    at = penalised_place(fake, batch, hp)
    square = (_input_gradient(discriminator, at) ** 2).sum(1)

    def off_one() -> Tensor:
        return ((square + 1e-12).sqrt() - 1) ** 2  # the root has no slope at 0

    penalties = {"gradient": off_one, "dragan": off_one, "r1": lambda: 0.5 * square}
    return hp.pick("penalty", penalties).mean()


def penalised_place(fake: Tensor, batch: Mapping[str, Tensor], hp: HP) -> Tensor:
    """The x of `slope_penalty`, [batch, 64]."""
    real = batch["image"]

    def between() -> Tensor:
        share = torch.special.ndtr(batch["mix"])
        return share * real + (1 - share) * fake

    return hp.pick(
        "penalty",
        {
            "gradient": between,
            "dragan": lambda: real + 0.5 * real.std() * batch["away"],
            "r1": lambda: real,
        },
    )


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


def judge(features: Array, part: str) -> tuple[float, float, float]:
    """Fréchet distance, coverage, and total variance relative to real pictures of `part`.

    Args:
        features: of generated pictures, [n, 32], as `Extractor` gives them.
        part: "valid" or "test".
    """
    if not np.isfinite(features).all():
        return float("nan"), 0.0, float("nan")
    real = reference(part)
    mean, covariance = moments(features)
    fid = frechet_distance(real.mean, real.covariance, mean, covariance)
    spread = np.trace(covariance) / np.trace(real.covariance)
    return fid, share_covered(real.features, real.radii, features), float(spread)


@functools.cache
def _latents(z_dim: int) -> Tensor:
    """Normal, [SAMPLES, z_dim], the same at every report of every trial."""
    return torch.randn(SAMPLES, z_dim, generator=torch.Generator().manual_seed(0))


def _sheet(images: Tensor) -> np.ndarray:
    """Pictures [GRID * GRID, 64] side by side, pixels 4x4: [GRID * 36, GRID * 36], in [0, 1]."""
    pixels = images.detach().cpu().reshape(GRID, GRID, 8, 8) / 2 + 0.5
    large = pixels.repeat_interleave(4, 2).repeat_interleave(4, 3)
    framed = F.pad(large, (2, 2, 2, 2))
    return framed.permute(0, 2, 1, 3).reshape(GRID * 36, GRID * 36).numpy()


def _mlp(inputs: int, width: int, depth: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [nn.Linear(inputs, width), nn.LeakyReLU(0.2)]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))
