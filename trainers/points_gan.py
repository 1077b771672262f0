"""A GAN on a mixture of Gaussians in the plane: does it find all modes, and nothing between them?

Its objective is `jsd`, of which both a lost mode and a sample between modes are part.
"""

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from hpsearch import HP, Evaluation
from hpsearch_trainers.known_optimum.mixtures import Array, Mixture, census, mixture, training_set
from hpsearch_trainers.known_optimum.vector_gan import VectorGAN, evaluated, latents

SAMPLES = 2500  # of a report, as in PacGAN
SIDE = 192  # pixels of the map of samples


class PointsGAN(VectorGAN):
    defaults = {
        **VectorGAN.defaults,
        "data": "grid25",  # ring8
        "deviation": None,  # of each mode; None for 0.05 of the grid's and 0.01 of the ring's
        "octaves": 0,  # of sines and cosines that the discriminator sees of a point
    }
    structure = (*VectorGAN.structure, "data", "deviation", "octaves")

    def samples(self, hp: HP) -> Tensor:
        return training_set(hp.data, hp.deviation)

    def seen(self, hp: HP, d: int) -> tuple[nn.Module, int]:
        return (Octaves(hp.octaves) if hp.octaves else nn.Identity()), d * (1 + 2 * hp.octaves)

    def inputs(self, hp: HP) -> dict[str, Tensor]:
        return {"z": latents(SAMPLES, hp.z_dim)}

    def outputs(
        self, nets: Mapping[str, nn.Module], inputs: Mapping[str, Tensor], hp: HP
    ) -> dict[str, Tensor]:
        return {"points": evaluated(nets)(inputs["z"])}

    def evaluate(
        self, nets: Mapping[str, nn.Module], outputs: Mapping[str, Tensor], hp: HP
    ) -> Evaluation:
        of = mixture(hp.data, hp.deviation)
        points = outputs["points"].detach().cpu().double().numpy() * of.scale
        if not np.isfinite(points).all():
            return Evaluation({"jsd": float("nan")})
        found = census(points, of)
        return Evaluation(
            metrics={
                "jsd": found.jsd,
                "modes": found.modes,
                "quality": found.quality,
                "reverse_kl": found.reverse_kl,
            },
            images={"samples": scatter(points, of)},
            collapsed=why_collapsed(found.modes, of),
            provenance={"data": f"{of.name} {of.deviation:g}", "samples": SAMPLES},
        )


class Octaves(nn.Module):
    """Points [n, d] to [n, d (1 + 2 octaves)]: themselves, and sines and cosines of them.

    The first octave's period is 4, and each other's half of the one before (Mildenhall et al. 2020,
    eq. 4). They let a small network see what is fine beside the range of x (Tancik et al. 2020).
    """

    def __init__(self, octaves: int) -> None:
        super().__init__()
        self.octaves = octaves

    def forward(self, x: Tensor) -> Tensor:
        angles = torch.cat([x * (math.pi / 2 * 2**i) for i in range(self.octaves)], dim=1)
        return torch.cat([x, angles.sin(), angles.cos()], dim=1)


def why_collapsed(modes: int, of: Mixture) -> str | None:
    """Says so if no more than a tenth of the modes, or one, has a sample of high quality."""
    few = max(1, len(of.modes) // 10)
    return f"{modes} of {len(of.modes)} modes" if 1 <= modes <= few else None


def scatter(points: Array, of: Mixture) -> Array:
    """A map of the plane, white where there are points: [SIDE, SIDE] in [0, 1]."""
    reach = np.abs(of.modes).max() * 1.25
    counts, _, _ = np.histogram2d(
        -points[:, 1], points[:, 0], bins=SIDE, range=[[-reach, reach], [-reach, reach]]
    )
    return np.minimum(counts / 3, 1.0)
