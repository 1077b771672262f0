"""Small networks of many kinds, in odd sizes, each with a loss: what a group may be asked to train.

A size that fills no vector register, and a batch that is no power of two, are where kernels take
other ways for the last few numbers.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

ROWS, BATCH, WIDTH, CLASSES, WORDS, LENGTH = 29, 7, 5, 3, 11, 6


def mlp(*between: Callable[[], nn.Module], width: int = 13, bias: bool = True) -> nn.Sequential:
    first, last = nn.Linear(WIDTH, width, bias=bias), nn.Linear(width, CLASSES, bias=bias)
    return nn.Sequential(first, *(make() for make in between), last)


def chain(*layers: nn.Module, size: int) -> nn.Sequential:
    return nn.Sequential(*layers, nn.Linear(size, CLASSES))


class Attention(nn.Module):
    """Two heads of odd sizes, then a mean over the words."""

    def __init__(self, masked: bool = False) -> None:
        super().__init__()
        self.embed, self.norm = nn.Embedding(WORDS, 10), nn.LayerNorm(10)
        self.mix, self.out, self.masked = nn.Linear(10, 30), nn.Linear(10, CLASSES), masked

    def forward(self, words):
        x = self.norm(self.embed(words))
        heads = (part.unflatten(-1, (2, 5)).transpose(-2, -3) for part in self.mix(x).chunk(3, -1))
        seen = F.scaled_dot_product_attention(*heads, is_causal=self.masked)
        return self.out((x + seen.transpose(-2, -3).flatten(-2)).mean(-2))


class Transformer(nn.Module):
    """Torch's own layer."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.out = nn.Embedding(WORDS, 6, padding_idx=2), nn.Linear(6, CLASSES)
        self.layer = nn.TransformerEncoderLayer(6, 2, 9, dropout=0.0, batch_first=True)

    def forward(self, words):
        return self.out(self.layer(self.embed(words)).mean(-2))


class Tied(nn.Module):
    """The embedding's matrix is also the last layer's."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.last = nn.Embedding(WORDS, 7), nn.Linear(7, CLASSES)
        self.again = nn.Linear(7, WORDS, bias=False)
        self.again.weight = self.embed.weight

    def forward(self, words):
        seen = torch.tanh(self.embed(words).mean(-2))
        return self.last(seen) + self.again(seen)[..., :CLASSES]


class Residual(nn.Module):
    """Branches that meet again, and a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.gate = nn.Linear(WIDTH, 9), nn.Linear(WIDTH, 9)
        self.second, self.last = nn.Linear(9, 9), nn.Linear(9, CLASSES)

    def forward(self, x):
        h = F.silu(self.first(x)) * torch.sigmoid(self.gate(x))
        return self.last(h + F.gelu(self.second(h)))


# Between two linear layers.
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "relu in place": partial(nn.ReLU, inplace=True),
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "gelu by tanh": partial(nn.GELU, "tanh"),
    "softplus": nn.Softplus,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "silu in place": partial(nn.SiLU, inplace=True),
    "elu": nn.ELU,
    "elu in place": partial(nn.ELU, inplace=True),
    "selu": nn.SELU,
    "mish": nn.Mish,
    "mish in place": partial(nn.Mish, inplace=True),
    "hardswish": nn.Hardswish,
    "hardsigmoid": nn.Hardsigmoid,
    "log sigmoid": nn.LogSigmoid,
    "leaky relu": partial(nn.LeakyReLU, 0.2),
    "prelu": nn.PReLU,
    "softmax": partial(nn.Softmax, -1),
    "batch norm": partial(nn.BatchNorm1d, 13),
    "batch norm that keeps nothing": partial(nn.BatchNorm1d, 13, track_running_stats=False),
    "batch norm without weights": partial(nn.BatchNorm1d, 13, affine=False),
    "batch norm and relu": lambda: nn.Sequential(nn.BatchNorm1d(13), nn.ReLU()),
    "layer norm": partial(nn.LayerNorm, 13),
    "group norm": partial(nn.GroupNorm, 1, 13),
    "rms norm": partial(nn.RMSNorm, 13),
}
WIDER = partial(nn.Linear, 67, 131)
# The network, and the part of the data that it reads.
NETWORKS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "one layer": (lambda: nn.Linear(WIDTH, CLASSES), "x"),
    "no bias": (lambda: mlp(nn.Tanh, bias=False), "x"),
    "large": (partial(mlp, nn.ReLU, partial(nn.Linear, 131, 67), nn.GELU, WIDER, width=131), "x"),
    "residual": (Residual, "x"),
    "gated": (lambda: chain(nn.Linear(WIDTH, 14), nn.GLU(), size=7), "x"),
    "weight norm": (lambda: chain(weight_norm(nn.Linear(WIDTH, 9)), nn.Tanh(), size=9), "x"),
    "embedding": (lambda: chain(nn.Embedding(WORDS, 3), nn.Flatten(), size=18), "words"),
    "embedding with padding": (
        lambda: chain(nn.Embedding(WORDS, 3, padding_idx=4), nn.Flatten(), size=18),
        "words",
    ),
    "attention": (Attention, "words"),
    "masked attention": (partial(Attention, masked=True), "words"),
    "transformer": (Transformer, "words"),
    "tied": (Tied, "words"),
    "normalised pictures": (
        lambda: chain(nn.Linear(5, 5), nn.BatchNorm2d(1), nn.Flatten(), size=25),
        "picture",
    ),
    "pools": (
        lambda: chain(
            nn.AvgPool2d(2), nn.Flatten(2), nn.Linear(4, 14), nn.MaxPool1d(2), nn.Flatten(), size=7
        ),
        "picture",
    ),
    "convolutions": (
        lambda: chain(
            nn.Conv2d(1, 3, 3, padding=1, bias=False),
            nn.BatchNorm2d(3),
            nn.SiLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            size=12,
        ),
        "picture",
    ),
    "transposed convolution": (
        lambda: chain(nn.ConvTranspose2d(1, 2, 3, stride=2), nn.GELU(), nn.Flatten(), size=242),
        "picture",
    ),
}


def fits(net, batch, hp):
    return F.cross_entropy(net(batch["read"]), batch["y"])


def penalty(net, batch, hp):
    """A gradient penalty (second order) where noise and data are mixed."""
    slopes = torch.func.grad(lambda x: net(x).logsumexp(-1).sum())(
        batch["x"] + 0.1 * batch["noise"]
    )
    lengths = (slopes.square().sum(-1) + 1e-12).sqrt()
    return fits(net, batch, hp) + hp.weight * (lengths - 1).square().mean()


def dropped_and_smoothed(net, batch, hp):
    """Dropout and label smoothing from noise and tensors."""
    kept = torch.special.ndtr(batch["noise"]) > 0.1 * hp.weight
    logs = F.log_softmax(net(torch.where(kept, batch["x"], 0.0) / (1 - 0.1 * hp.weight)), -1)
    of_truth = logs.gather(-1, batch["y"][:, None])[:, 0]
    return -((1 - 0.1 * hp.weight) * of_truth + 0.1 * hp.weight * logs.mean(-1)).mean()


def robust(net, batch, hp):
    y, x = net(batch["x"]), batch["x"]
    near = F.smooth_l1_loss(y, x[:, :CLASSES]) + F.huber_loss(y, x[:, 1:4], delta=0.3)
    is_first = (batch["y"] == 0).to(y.dtype)
    return (
        near
        + hp.weight * y.abs().pow(1.5).mean()
        + F.binary_cross_entropy_with_logits(y[:, 0], is_first)
        + F.binary_cross_entropy(y[:, 1].sigmoid(), is_first)
        + F.softplus(-y).mean()
    )


def spread(net, batch, hp):
    y = F.normalize(net(batch["x"]), dim=-1)
    distances = torch.cdist(y, batch["x"][:, :CLASSES])
    return (y @ y.T).exp().mean() + y.std() + y.var(0).sum() + y.prod(-1).mean() + distances.mean()


def ordered(net, batch, hp):
    y = net(batch["x"])
    return y.sort(0).values.diff(dim=0).square().sum() + y.amax(-1).mean() + y.cumsum(0).mean()


def twice(net, batch, hp):
    return fits(net, batch, hp) + hp.weight * net(batch["x"]).square().mean()


def waves(net, batch, hp):
    return fits(net, batch, hp) + torch.fft.rfft(net(batch["x"]), dim=0).abs().mean()


def matrices(net, batch, hp):
    y = net(batch["x"])
    square = y.T @ y + torch.eye(CLASSES, dtype=y.dtype)
    solved = torch.linalg.solve(square, y.T).square().mean()
    return torch.logdet(square) + solved + torch.einsum("ni,nj,ji->n", y, y, square).tanh().mean()


def rare(net, batch, hp):
    y = 0.8 * net(batch["x"]).sigmoid() + 0.1
    functions = (torch.lgamma, torch.erfinv, torch.sinh, torch.atan, torch.exp2, torch.asinh)
    return sum(function(y).mean() for function in (*functions, torch.logit, torch.tan, torch.acos))


def one_matrix(net, batch, hp):
    """Products with a table that all members share."""
    table = torch.linspace(-1, 1, 9 * CLASSES, dtype=batch["x"].dtype).view(9, CLASSES)
    return (net(batch["x"]) @ table.T - 1).square().mean() + (
        table @ net(batch["x"]).T
    ).exp().mean()


LOSSES = {
    "penalty": (nn.Tanh, penalty),
    "penalty of softplus": (nn.Softplus, penalty),
    "penalty of silu": (nn.SiLU, penalty),
    "penalty of gelu": (nn.GELU, penalty),
    "penalty of a layer norm": (partial(nn.LayerNorm, 13), penalty),
    "dropped and smoothed": (nn.ReLU, dropped_and_smoothed),
    "robust": (nn.ReLU, robust),
    "spread": (nn.Tanh, spread),
    "ordered": (nn.Tanh, ordered),
    "batch norm twice": (partial(nn.BatchNorm1d, 13), twice),
    "waves": (nn.Tanh, waves),
    "matrices": (nn.Tanh, matrices),
    "rare": (nn.Tanh, rare),
    "one matrix": (nn.Tanh, one_matrix),
}
Architecture = tuple[Callable[[], nn.Module], Callable, str]
ARCHITECTURES: dict[str, Architecture] = {
    **{
        name: (partial(mlp, make, bias="batch norm" not in name), fits, "x")
        for name, make in ACTIVATIONS.items()
    },
    **{name: (make, fits, reads) for name, (make, reads) in NETWORKS.items()},
    **{
        name: (partial(mlp, make, bias="batch norm" not in name), loss, "x")
        for name, (make, loss) in LOSSES.items()
    },
}
