"""Pictures of convex polygons: a known manifold to measure generators against.

After Lucic et al. 2018 ("Are GANs created equal?"). Here the corners of a polygon lie on a circle,
as those of every triangle do. Such polygons are convex, so a polygon is its circle and the arcs
between its corners, and every choice of these numbers is valid.

Two parameters set the difficulty: `softness`, the width of the edges, because pictures of sharp
shapes form a manifold without tangents (Donoho & Grimes 2005); and `pieces`, the number of bands
with gaps between them in which the centres lie, which disconnects the manifold.
"""

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from hpsearch_trainers.known_optimum.projection import nearest

REACH = 0.14  # largest offset of a centre from the picture's middle, in sides of the picture
RADII = (0.22, 0.34)  # of the circles, in sides of the picture
STARTS = 4096  # known polygons; a projection starts at the nearest
STEPS = 12


@dataclass(frozen=True)
class Polygons:
    """A manifold of pictures, of dimension corners + 3.

    A polygon is a row of corners + 4 unbounded numbers: the centre's x and y, the radius, the first
    corner's angle, and the arcs, which pass through a softmax.

    Attributes:
        corners: at least 3.
        pixels: per side.
        softness: width of the edges in pixels, above 0.
        pieces: number of bands in which the centres lie, from left to right.
    """

    corners: int = 3
    pixels: int = 12
    softness: float = 0.4
    pieces: int = 1

    def draw(self, n: int, seed: int) -> tuple[Tensor, Tensor]:
        """Polygons [n, corners + 4] and their bands [n].

        Centre, radius and angle are uniform in their ranges, the arcs uniform among all that are
        long enough.
        """
        generator = torch.Generator().manual_seed(seed)
        # Away from 0 and 1, where the logit is infinite.
        place = torch.rand(n, 3, generator=generator) * 0.98 + 0.01
        angle = 2 * math.pi * torch.rand(n, 1, generator=generator)
        # Exponential variables over their sum are uniform on the simplex.
        arcs = (-torch.rand(n, self.corners, generator=generator).clamp(min=1e-3).log()).log()
        bands = torch.randint(self.pieces, (n,), generator=generator)
        return torch.cat([place.logit(), angle, arcs], dim=1), bands

    def corner_points(self, polygon: Tensor, band: Tensor) -> Tensor:
        """Corners [..., corners, 2], anticlockwise, in pixels from the lower left, y upwards."""
        share = polygon[..., :3].sigmoid()
        # Bands and gaps have equal width.
        across = (share[..., :1] + 2 * band[..., None]) / (2 * self.pieces - 1)
        place = torch.cat([across, share[..., 1:2]], dim=-1)
        centre = 0.5 + REACH * (2 * place - 1)
        radius = RADII[0] + (RADII[1] - RADII[0]) * share[..., 2:]
        # Each arc is at least half an equal share, so a triangle's angles are at least 30 degrees.
        least = math.pi / self.corners
        arcs = least + math.pi * F.softmax(polygon[..., 4:], dim=-1)
        angles = polygon[..., 3:4] + arcs.cumsum(-1)
        along = torch.stack([angles.cos(), angles.sin()], dim=-1)
        return self.pixels * (centre[..., None, :] + radius[..., None] * along)

    def render(self, polygon: Tensor, band: Tensor) -> Tensor:
        """Pictures [..., pixels²], rows from the top, 0 outside and 1 inside.

        A pixel is the product over the edges of the sigmoid of its distance from each.
        """
        corners = self.corner_points(polygon, band)
        edges = corners.roll(-1, dims=-2) - corners
        inward = torch.stack([-edges[..., 1], edges[..., 0]], dim=-1)
        inward = inward / (inward**2).sum(-1, keepdim=True).sqrt()
        offset = (inward * corners).sum(-1, keepdim=True)
        distances = inward @ _grid(self.pixels).to(inward.device, inward.dtype).T - offset
        return F.logsigmoid(distances / self.softness).sum(-2).exp()

    def pictures(self, n: int, seed: int) -> Tensor:
        """Random polygons, [n, pixels²], float32."""
        return self.render(*self.draw(n, seed))

    def squared_distances(self, pictures: Tensor) -> Tensor:
        """Distances [n] of pictures [n, pixels²] from the manifold, summed over the pixels.

        Descends from the nearest of STARTS polygons, within its band. The minimum may be local, so
        the result is an upper bound, as in the paper.
        """
        polygons, bands, known = _starts(self)
        closest = torch.cdist(pictures, known.to(pictures)).argmin(1).cpu()
        start, band = polygons[closest].to(pictures), bands[closest].to(pictures)
        squares, _ = nearest(lambda at: self.render(at, band), pictures, start, STEPS)
        return squares


@functools.cache
def _starts(of: Polygons) -> tuple[Tensor, Tensor, Tensor]:
    polygons, bands = of.draw(STARTS, seed=1)
    return polygons, bands, of.render(polygons, bands)


@functools.cache
def _grid(pixels: int) -> Tensor:
    """Centres of the pixels, [pixels², 2], float32, rows from the top."""
    line = torch.arange(pixels) + 0.5
    y, x = torch.meshgrid(line.flip(0), line, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], dim=1)
