"""The networks of the GANs: perceptrons and DCGANs, with the discriminator's normalisations.

Every layer is without effect where its weights are zero, so widths can be padded. Pictures are
[batch, channels, height, width], in [-1, 1].
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

NORMALIZATIONS = ("none", "batch", "layer", "spectral")
ITERATIONS = 10  # of the spectral norm's power iteration
Shape = tuple[int, int, int]


class LayerNorm(nn.Module):
    """Ba et al. 2016, sec. 3, over all but the batch; scale and shift for each unit or channel.

    Units by which a network is padded are left out of the mean.
    """

    def __init__(self, units: int, places: int = 1) -> None:
        """`places` is how many numbers a unit has: the pixels of a channel."""
        super().__init__()
        self.weight = nn.Parameter(torch.ones(units))
        self.bias = nn.Parameter(torch.zeros(units))
        self.register_buffer("own", torch.ones(units))  # zero in the units that are padding
        self.places = places

    def forward(self, x: Tensor) -> Tensor:
        around = (-1, *[1] * (x.dim() - 2))
        over = tuple(range(1, x.dim()))
        own = self.own.view(around)
        count = self.own.sum() * self.places
        centred = (x - (x * own).sum(over, keepdim=True) / count) * own
        variance = (centred**2).sum(over, keepdim=True) / count
        scaled = centred * (variance + 1e-5).rsqrt()
        return scaled * self.weight.view(around) + self.bias.view(around)


class BatchNorm(nn.Module):
    """Ioffe & Szegedy 2015, algorithm 1, by the batch's own statistics always.

    It keeps no running ones: nothing would read them, since a discriminator sees batches when it
    is watched or rated too. Spelled out: torch's kernel has a second derivative that depends on a
    trial's company.
    """

    def __init__(self, units: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(units))
        self.bias = nn.Parameter(torch.zeros(units))

    def forward(self, x: Tensor) -> Tensor:
        over = (0, *range(2, x.dim()))
        around = (-1, *[1] * (x.dim() - 2))
        centred = x - x.mean(over, keepdim=True)
        variance = (centred**2).mean(over, keepdim=True)
        scaled = centred * (variance + 1e-5).rsqrt()
        return scaled * self.weight.view(around) + self.bias.view(around)


def spectral(weight: Tensor) -> Tensor:
    """The weight divided by its largest singular value (Miyato et al. 2018, sec. 2.1, eq. 8).

    The power iteration of their algorithm 1, but from a start that is always the same: a step
    stays a function of the parameters alone. It takes `ITERATIONS`, as nothing is kept from step
    to step. Fresh layers, which have no gap between the singular values, come out 1.6 to 4 % low
    on average and 9 % at worst (`torch.linalg.svdvals`, sizes from 64x32 to 784x512); with 20
    iterations 0.6 to 2 %, with 60 at most 0.4 %. They are dear: a step of 25 perceptrons of width
    64 in one loop takes 5.9 ms without a norm, 12.4 with 10 iterations, 17 with 20, 26 with 40.

    Args:
        weight: [outputs, ...], a matrix of its first dimension and all others.
    """
    matrix = weight.flatten(1)
    with torch.no_grad():
        # Divided by what bounds its norm, no power of it overflows.
        scaled = matrix / (matrix.square().sum().sqrt() + 1e-12)
        v = torch.arange(1, matrix.shape[1] + 1, device=weight.device).to(weight.dtype).cos()
        for _ in range(ITERATIONS):
            u = scaled @ v
            v = scaled.T @ u
        u, v = F.normalize(scaled @ v, dim=0, eps=1e-30), F.normalize(v, dim=0, eps=1e-30)
    return weight / (u @ (matrix @ v) + 1e-12)


class SpectralLinear(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, spectral(self.weight), self.bias)


class SpectralConv2d(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, spectral(self.weight), self.bias, self.stride, self.padding)


class Flat(nn.Sequential):
    """Layers that take pictures as rows of pixels."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(1))


class ImageGenerator(nn.Sequential):
    """Layers whose output is shaped as pictures; a conditional generator takes labels before z.

    `generator(z)` or `generator(z, labels)`: [batch, z_dim] and one-hot [batch, classes] to
    [batch, *shape].
    """

    def __init__(self, shape: Shape, *layers: nn.Module) -> None:
        super().__init__(*layers)
        self.shape = shape

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        outputs = super().forward(z if labels is None else torch.cat([labels, z], 1))
        if outputs.dim() == 2:
            return outputs.unflatten(1, self.shape)
        _, height, width = self.shape
        return outputs[..., :height, :width]


class Projection(nn.Module):
    """A discriminator that is given the label (Miyato & Koyama 2018): yᵀVφ(x) + ψ(φ(x)).

    Pictures [batch, ...] and one-hot labels [batch, classes] to scores [batch, 1].
    """

    def __init__(self, body: nn.Module, score: nn.Module, embedding: nn.Module) -> None:
        super().__init__()
        self.body, self.score, self.of_kinds = body, score, embedding  # names in checkpoints

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        features = self.body(x)
        return self.score(features) + (self.of_kinds(features) * labels).sum(1, True)


def generator(
    architecture: str, shape: Shape, z_dim: int, width: int, depth: int, classes: int = 0
) -> nn.Module:
    """Latents, and one-hot labels if there are classes, to pictures.

    Args:
        architecture: "mlp", or "dcgan": `depth` transposed convolutions that double the size, with
            batch norm and ReLU (Radford et al. 2016, sec. 3).
        shape: channels, height and width of a picture.
        z_dim: of the latents.
        width: units of a layer, or channels of the last but one.
        depth: hidden layers, or doublings.
        classes: of the labels; 0 for none.

    Raises:
        ValueError: there is no such architecture.
    """
    if architecture == "mlp":
        return ImageGenerator(
            shape, _hidden_and_out(classes + z_dim, width, depth, math.prod(shape)), nn.Tanh()
        )
    if architecture != "dcgan":
        raise ValueError(f"no architecture {architecture!r} (has: mlp, dcgan)")
    channels, height, breadth = shape
    first = width * 2 ** (depth - 1)
    small = (first, -(-height // 2**depth), -(-breadth // 2**depth))
    sizes = [first // 2**i for i in range(depth)]
    layers: list[nn.Module] = [
        nn.Linear(classes + z_dim, math.prod(small), bias=False),
        nn.Unflatten(1, small),
        nn.BatchNorm2d(first),
        nn.ReLU(),
    ]
    for a, b in pairwise(sizes):
        layers += [
            nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False),
            nn.BatchNorm2d(b),
            nn.ReLU(),
        ]
    return ImageGenerator(
        shape, *layers, nn.ConvTranspose2d(sizes[-1], channels, 4, 2, 1), nn.Tanh()
    )


def discriminator(
    architecture: str,
    shape: Shape,
    width: int,
    depth: int,
    normalization: str = "none",
    outputs: int = 1,
    classes: int = 0,
) -> nn.Module:
    """Pictures to scores [batch, outputs]; with classes, a projection discriminator.

    Args:
        architecture: "mlp", or "dcgan": `depth` convolutions that halve the size (Radford et al.
            2016, sec. 3).
        shape: channels, height and width of a picture, or of a pack of them.
        width: units of a layer, or channels of the first.
        depth: hidden layers, or halvings.
        normalization: of `NORMALIZATIONS`; "batch" has the batch's own statistics always, "batch"
            and "layer" stand before the activations.
        outputs: scores for each picture.
        classes: of the labels that a projection discriminator is given; 0 for none.

    Raises:
        ValueError: there is no such architecture, or the pictures are too small for the depth.
    """
    inner, features = body(architecture, shape, width, depth, normalization)
    linear = SpectralLinear if normalization == "spectral" else nn.Linear
    if classes:
        embedding = linear(features, classes, bias=False)
        return Projection(
            Flat(*inner) if architecture == "mlp" else nn.Sequential(*inner),
            linear(features, 1),
            embedding,
        )
    last = linear(features, outputs)
    return (Flat if architecture == "mlp" else nn.Sequential)(*inner, last)


def body(
    architecture: str, shape: Shape, width: int, depth: int, normalization: str
) -> tuple[list[nn.Module], int]:
    """A discriminator's layers up to its features, and how many these are.

    Raises:
        ValueError: as `discriminator`.
    """
    if architecture == "mlp":
        return _dense(shape, width, depth, normalization), width
    if architecture == "dcgan":
        return _halvings(shape, width, depth, normalization)
    raise ValueError(f"no architecture {architecture!r} (has: mlp, dcgan)")


def _dense(shape: Shape, width: int, depth: int, normalization: str) -> list[nn.Module]:
    linear = SpectralLinear if normalization == "spectral" else nn.Linear
    layers: list[nn.Module] = []
    for a, b in pairwise([math.prod(shape)] + [width] * depth):
        has_norm = normalization in ("batch", "layer")
        layers.append(linear(a, b, bias=normalization != "batch"))
        if has_norm:
            layers.append(_norm(normalization, b, 1))
        layers.append(nn.LeakyReLU(0.2))
    return layers


def _halvings(
    shape: Shape, width: int, depth: int, normalization: str
) -> tuple[list[nn.Module], int]:
    channels, *size = shape
    layers: list[nn.Module] = []
    sizes = [channels] + [width * 2**i for i in range(depth)]
    for i, (a, b) in enumerate(pairwise(sizes)):
        size = [n // 2 for n in size]
        if min(size) < 1:
            raise ValueError(
                f"depth: a dcgan of {depth} halvings is too deep for pictures of "
                f"{shape[1]}x{shape[2]}; take {i} at most"
            )
        # As in the paper the first layer has no norm.
        has_norm = i > 0 and normalization in ("batch", "layer")
        convolution = SpectralConv2d if normalization == "spectral" else nn.Conv2d
        is_shifted = not (has_norm and normalization == "batch")
        layers.append(convolution(a, b, 4, 2, 1, bias=is_shifted))
        if has_norm:
            layers.append(_norm(normalization, b, math.prod(size)))
        layers.append(nn.LeakyReLU(0.2))
    return [*layers, nn.Flatten()], sizes[-1] * math.prod(size)


def _norm(normalization: str, units: int, places: int) -> nn.Module:
    return BatchNorm(units) if normalization == "batch" else LayerNorm(units, places)


def _hidden_and_out(inputs: int, width: int, depth: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b in pairwise([inputs] + [width] * depth):
        layers += [nn.Linear(a, b), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Linear(width if depth else inputs, outputs))
