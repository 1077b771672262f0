"""A GAN of polygons, measured by precision and recall against the manifold that they lie on.

Lucic et al. 2018. Precision is the share of generated pictures that are near the manifold,
recall the share of unseen polygons that are near something that the generator can make, which is
looked for by inverting it. The objective `f1` is their harmonic mean.
"""

import functools
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from hpsearch import HP, Evaluation
from hpsearch_trainers.known_optimum.polygons import Polygons
from hpsearch_trainers.known_optimum.projection import nearest
from hpsearch_trainers.known_optimum.vector_gan import VectorGAN, evaluated, latents

DRAWN = 8192  # polygons to train on
TRIED = 1024  # generated pictures, the nearest of which is where an inversion begins
STEPS = 10  # of an inversion
SEEDS = {"train": 0, "valid": 2, "test": 3}  # the projection's own polygons have 1
GRID = 6  # rows and columns of the sample sheet


class PolygonsGAN(VectorGAN):
    defaults = {
        **VectorGAN.defaults,
        "z_dim": 8,
        "corners": 3,
        "pixels": 12,  # of a side
        "softness": 0.4,  # width of the edges in pixels; the less, the less smooth the manifold
        "pieces": 1,  # of the manifold, between which there is no path
        "evaluated": 64,  # real, and as many generated, pictures of a report
        "near": 0.2,  # the squared distance, summed over pixels, up to which a picture counts
    }
    structure = (*VectorGAN.structure, "corners", "pixels", "softness", "pieces")

    def samples(self, hp: HP) -> Tensor:
        return drawn(manifold(hp), "train", DRAWN)

    def last_layer(self) -> nn.Module:
        return nn.Sigmoid()

    def inputs(self, hp: HP) -> dict[str, Tensor]:
        return {"z": latents(TRIED, hp.z_dim)}

    def outputs(
        self, nets: Mapping[str, nn.Module], inputs: Mapping[str, Tensor], hp: HP
    ) -> dict[str, Tensor]:
        return {"pictures": evaluated(nets)(inputs["z"])}

    def evaluate(
        self, nets: Mapping[str, nn.Module], outputs: Mapping[str, Tensor], hp: HP
    ) -> Evaluation:
        pictures = outputs["pictures"].detach()
        if not torch.isfinite(pictures).all():
            return Evaluation({"f1": float("nan")})
        of = manifold(hp)
        found = fidelity(evaluated(nets), pictures, of, "valid", hp)
        return Evaluation(
            metrics=found,
            images={"samples": sheet(pictures[: GRID * GRID], of.pixels)},
            provenance={"polygons": repr(of), "near": str(hp.near), "samples": hp.evaluated},
        )

    def test(self, nets: Mapping[str, nn.Module], hp: HP) -> dict[str, float]:
        generator = evaluated(nets)
        z = latents(TRIED, hp.z_dim).to(next(generator.parameters()))
        found = fidelity(generator, generator(z), manifold(hp), "test", hp)
        return {f"test_{name}": value for name, value in found.items()}


def manifold(hp: HP) -> Polygons:
    return Polygons(hp.corners, hp.pixels, hp.softness, hp.pieces)


@functools.cache
def drawn(of: Polygons, part: str, n: int) -> Tensor:
    """[n, pixels²], float32; the same object at each call, not to be written to."""
    return of.pictures(n, SEEDS[part])


def fidelity(
    generator: nn.Module, pictures: Tensor, of: Polygons, part: str, hp: HP
) -> dict[str, float]:
    """Precision, recall, f1, and the median squared distance of a picture from the manifold.

    Args:
        generator: of pictures [n, pixels²] from latents [n, z_dim].
        pictures: what it makes of `latents(TRIED, hp.z_dim)`.
        of: the manifold.
        part: whose polygons are to be recalled, "valid" or "test".
        hp: of it `near`, `evaluated` and `z_dim`.
    """
    away = of.squared_distances(pictures[: hp.evaluated])
    wanted = drawn(of, part, hp.evaluated).to(pictures)
    missed = squared_misses(generator, wanted, latents(TRIED, hp.z_dim).to(pictures), pictures)
    precision = float((away <= hp.near).double().mean())
    recall = float((missed <= hp.near).double().mean())
    f1 = harmonic_mean(precision, recall)
    return {"f1": f1, "precision": precision, "recall": recall, "distance": float(away.median())}


def squared_misses(generator: nn.Module, wanted: Tensor, z: Tensor, pictures: Tensor) -> Tensor:
    """Squared distances [n] of pictures [n, p] from what the generator can make.

    Args:
        generator: is left as it is.
        wanted: [n, p].
        z: latents to begin at, [m, z_dim].
        pictures: what the generator makes of them, [m, p].
    """
    weights = {name: p.detach() for name, p in generator.named_parameters()}

    def made(latent: Tensor) -> Tensor:
        return functional_call(generator, weights, (latent,))

    start = z[torch.cdist(wanted, pictures).argmin(1)]
    squares, _ = nearest(made, wanted, start, STEPS)
    return squares


def harmonic_mean(a: float, b: float) -> float:
    """Of numbers of at least 0; 0 if one is."""
    return 2 * a * b / (a + b) if a > 0 and b > 0 else 0.0


def sheet(pictures: Tensor, pixels: int) -> np.ndarray:
    """Pictures [GRID², pixels²] side by side, pixels 4x4, framed, in [0, 1]."""
    images = pictures.cpu().reshape(GRID, GRID, pixels, pixels)
    large = F.pad(images.repeat_interleave(4, 2).repeat_interleave(4, 3), (2, 2, 2, 2))
    side = GRID * large.shape[2]
    return large.permute(0, 2, 1, 3).reshape(side, side).float().numpy()
