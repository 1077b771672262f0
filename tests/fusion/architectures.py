"""Small networks of many kinds, in odd sizes, each with a loss: what a group may be asked to train.

A size that fills no vector register, and a batch that is no power of two, are where kernels take
other ways for the last few numbers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hpsearch.fusion import Data, Evaluation, Optimizer, Trainer
from hpsearch.groups import Shape

torch.set_num_threads(1)

ROWS, BATCH, WIDTH, CLASSES, WORDS, LENGTH = 29, 7, 5, 3, 11, 6
SHAPE = Shape({}, {"lr": None, "weight": None, "kind": ("sgd", "adam")})


@dataclass(frozen=True)
class Architecture:
    """A network, and what it is to minimise: gets the network, the batch and hp."""

    build: Callable[[], nn.Module]
    loss: Callable[[nn.Module, Mapping[str, Tensor], Any], Tensor]
    reads: str = "x"


def _fits(net, batch, hp):
    return F.cross_entropy(net(batch["x"]), batch["y"])


def _reads_words(net, batch, hp):
    return F.cross_entropy(net(batch["words"]), batch["y"])


def _sees(net, batch, hp):
    return F.cross_entropy(net(batch["picture"]), batch["y"])


def _mlp(*between: Callable[[], nn.Module], width: int = 13, bias: bool = True) -> nn.Module:
    inner = [make() for make in between]
    return nn.Sequential(
        nn.Linear(WIDTH, width, bias=bias), *inner, nn.Linear(width, CLASSES, bias=bias)
    )


class Attention(nn.Module):
    """Words, two heads of attention of odd sizes, a mean over the words."""

    def __init__(self, heads: int = 2, size: int = 5, masked: bool = False) -> None:
        super().__init__()
        self.heads, self.masked = heads, masked
        self.embed = nn.Embedding(WORDS, heads * size)
        self.norm = nn.LayerNorm(heads * size)
        self.mix = nn.Linear(heads * size, 3 * heads * size)
        self.out = nn.Linear(heads * size, CLASSES)

    def forward(self, words):
        x = self.norm(self.embed(words))
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(-2, -3)
            for part in self.mix(x).chunk(3, -1)
        )
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=self.masked)
        return self.out((x + seen.transpose(-2, -3).flatten(-2)).mean(-2))


class Tied(nn.Module):
    """The embedding's matrix is also the last layer's."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(WORDS, 7)
        self.last = nn.Linear(7, WORDS, bias=False)
        self.last.weight = self.embed.weight

    def forward(self, words):
        return self.last(torch.tanh(self.embed(words).mean(-2)))


class Residual(nn.Module):
    """Branches that meet again, and a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.gate = nn.Linear(WIDTH, 9), nn.Linear(WIDTH, 9)
        self.second, self.last = nn.Linear(9, 9), nn.Linear(9, CLASSES)

    def forward(self, x):
        h = F.silu(self.first(x)) * torch.sigmoid(self.gate(x))
        return self.last(h + F.gelu(self.second(h)))


def _penalised(net, batch, hp):
    """A gradient penalty (second order), where noise and data are mixed."""
    x = batch["x"] + 0.1 * batch["noise"]
    slopes = torch.func.grad(lambda x: net(x).logsumexp(-1).sum())(x)
    lengths = (slopes.square().sum(-1) + 1e-12).sqrt()
    return _fits(net, batch, hp) + hp.weight * (lengths - 1).square().mean()


def _noised(net, batch, hp):
    """Dropout and label smoothing by noise and tensors, as docs/trainers.md has them."""
    kept = torch.special.ndtr(batch["noise"]) > 0.1 * hp.weight
    x = torch.where(kept, batch["x"], 0.0) / (1 - 0.1 * hp.weight)
    logs = F.log_softmax(net(x), -1)
    of_truth = logs.gather(-1, batch["y"][:, None])[:, 0]
    smooth = 0.1 * hp.weight
    return -((1 - smooth) * of_truth + smooth * logs.mean(-1)).mean()


def _ranked(net, batch, hp):
    y = net(batch["x"])
    return (
        F.smooth_l1_loss(y, batch["x"][:, :CLASSES])
        + F.huber_loss(y, batch["x"][:, 1 : 1 + CLASSES], delta=0.3)
        + hp.weight * y.abs().pow(1.5).mean()
        + F.binary_cross_entropy_with_logits(y[:, 0], (batch["y"] == 0).to(y.dtype))
        + F.kl_div(F.log_softmax(y, -1), F.softmax(batch["x"][:, :CLASSES], -1))
    )


def _cosine(net, batch, hp):
    y = F.normalize(net(batch["x"]), dim=-1)
    return (y @ y.T).exp().mean() + y.std() + y.var(0).sum() + y.prod(-1).mean()


def _linear_algebra(net, batch, hp):
    y = net(batch["x"])
    square = y.T @ y + torch.eye(CLASSES, dtype=y.dtype)
    return (
        torch.logdet(square)
        + torch.linalg.solve(square, y.T).square().mean()
        + torch.linalg.cholesky(square).diagonal().log().sum()
        + torch.linalg.matrix_norm(y)
    )


class Multihead(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.seen, self.out = (
            nn.Embedding(WORDS, 6),
            nn.MultiheadAttention(6, 2, batch_first=True),
            nn.Linear(6, CLASSES),
        )

    def forward(self, words):
        x = self.embed(words)
        return self.out(self.seen(x, x, x, need_weights=False)[0].mean(-2))


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.layer, self.out = (
            nn.Embedding(WORDS, 6),
            nn.TransformerEncoderLayer(6, 2, 9, dropout=0.0, batch_first=True),
            nn.Linear(6, CLASSES),
        )

    def forward(self, words):
        return self.out(self.layer(self.embed(words)).mean(-2))


def _sorted(net, batch, hp):
    y = net(batch["x"])
    return y.sort(0).values.diff(dim=0).square().sum() + y.amax(-1).mean() + y.cumsum(0).mean()


ARCHITECTURES = {
    "linear": Architecture(lambda: nn.Linear(WIDTH, CLASSES), _fits),
    "relu": Architecture(lambda: _mlp(nn.ReLU), _fits),
    "relu inplace": Architecture(lambda: _mlp(lambda: nn.ReLU(inplace=True)), _fits),
    "tanh": Architecture(lambda: _mlp(nn.Tanh), _fits),
    "gelu": Architecture(lambda: _mlp(nn.GELU), _fits),
    "gelu tanh": Architecture(lambda: _mlp(lambda: nn.GELU("tanh")), _fits),
    "softplus": Architecture(lambda: _mlp(nn.Softplus), _fits),
    "sigmoid": Architecture(lambda: _mlp(nn.Sigmoid), _fits),
    "silu": Architecture(lambda: _mlp(nn.SiLU), _fits),
    "elu": Architecture(lambda: _mlp(nn.ELU), _fits),
    "selu": Architecture(lambda: _mlp(nn.SELU), _fits),
    "celu": Architecture(lambda: _mlp(nn.CELU), _fits),
    "mish": Architecture(lambda: _mlp(nn.Mish), _fits),
    "hardswish": Architecture(lambda: _mlp(nn.Hardswish), _fits),
    "hardsigmoid": Architecture(lambda: _mlp(nn.Hardsigmoid), _fits),
    "hardtanh": Architecture(lambda: _mlp(nn.Hardtanh), _fits),
    "relu6": Architecture(lambda: _mlp(nn.ReLU6), _fits),
    "softsign": Architecture(lambda: _mlp(nn.Softsign), _fits),
    "logsigmoid": Architecture(lambda: _mlp(nn.LogSigmoid), _fits),
    "tanhshrink": Architecture(lambda: _mlp(nn.Tanhshrink), _fits),
    "softshrink": Architecture(lambda: _mlp(nn.Softshrink), _fits),
    "silu inplace": Architecture(lambda: _mlp(lambda: nn.SiLU(inplace=True)), _fits),
    "elu inplace": Architecture(lambda: _mlp(lambda: nn.ELU(inplace=True)), _fits),
    "mish inplace": Architecture(lambda: _mlp(lambda: nn.Mish(inplace=True)), _fits),
    "hardswish inplace": Architecture(lambda: _mlp(lambda: nn.Hardswish(inplace=True)), _fits),
    "leaky": Architecture(lambda: _mlp(lambda: nn.LeakyReLU(0.2)), _fits),
    "prelu": Architecture(lambda: _mlp(nn.PReLU), _fits),
    "glu": Architecture(
        lambda: nn.Sequential(nn.Linear(WIDTH, 14), nn.GLU(), nn.Linear(7, CLASSES)), _fits
    ),
    "softmax": Architecture(lambda: _mlp(lambda: nn.Softmax(-1)), _fits),
    "no bias": Architecture(lambda: _mlp(nn.ReLU, bias=False), _fits),
    "wide": Architecture(
        lambda: _mlp(nn.ReLU, nn.Dropout, width=67) if False else _mlp(nn.ReLU, width=67), _fits
    ),
    "batch norm": Architecture(lambda: _mlp(lambda: nn.BatchNorm1d(13), nn.ReLU), _fits),
    "batch norm, no track": Architecture(
        lambda: _mlp(lambda: nn.BatchNorm1d(13, track_running_stats=False), nn.Tanh), _fits
    ),
    "batch norm, plain": Architecture(
        lambda: _mlp(lambda: nn.BatchNorm1d(13, affine=False), nn.Softplus), _fits
    ),
    "batch norm, average": Architecture(
        lambda: _mlp(lambda: nn.BatchNorm1d(13, momentum=None), nn.Softplus), _fits
    ),
    "layer norm": Architecture(lambda: _mlp(lambda: nn.LayerNorm(13), nn.GELU), _fits),
    "group norm": Architecture(lambda: _mlp(lambda: nn.GroupNorm(3, 15), nn.ELU, width=15), _fits),
    "rms norm": Architecture(lambda: _mlp(lambda: nn.RMSNorm(13), nn.SiLU), _fits),
    "embedding": Architecture(
        lambda: nn.Sequential(nn.Embedding(WORDS, 3), nn.Flatten(), nn.Linear(3 * LENGTH, CLASSES)),
        _reads_words,
        "words",
    ),
    "embedding, padding": Architecture(
        lambda: nn.Sequential(
            nn.Embedding(WORDS, 3, padding_idx=0), nn.Flatten(), nn.Linear(3 * LENGTH, CLASSES)
        ),
        _reads_words,
        "words",
    ),
    "attention": Architecture(Attention, _reads_words, "words"),
    "attention, causal": Architecture(lambda: Attention(masked=True), _reads_words, "words"),
    "tied": Architecture(
        Tied,
        lambda net, batch, hp: F.cross_entropy(net(batch["words"]), batch["words"][:, 0]),
        "words",
    ),
    "residual": Architecture(Residual, _fits),
    "bilinear": Architecture(lambda: Bilinear(), _fits),
    "weight norm": Architecture(
        lambda: nn.Sequential(
            nn.utils.parametrizations.weight_norm(nn.Linear(WIDTH, 9)),
            nn.Tanh(),
            nn.Linear(9, CLASSES),
        ),
        _fits,
    ),
    "penalty": Architecture(lambda: _mlp(nn.Tanh), _penalised),
    "penalty, softplus": Architecture(lambda: _mlp(nn.Softplus), _penalised),
    "penalty, silu": Architecture(lambda: _mlp(nn.SiLU, lambda: nn.LayerNorm(13)), _penalised),
    "penalty, leaky": Architecture(lambda: _mlp(lambda: nn.LeakyReLU(0.2)), _penalised),
    "penalty, gelu": Architecture(lambda: _mlp(nn.GELU), _penalised),
    "noised": Architecture(lambda: _mlp(nn.ReLU), _noised),
    "ranked": Architecture(lambda: _mlp(nn.ReLU), _ranked),
    "cosine": Architecture(lambda: _mlp(nn.Tanh), _cosine),
    "sorted": Architecture(lambda: _mlp(nn.Tanh), _sorted),
    "penalty, batch norm": Architecture(
        lambda: _mlp(lambda: nn.BatchNorm1d(13), nn.Softplus), _penalised
    ),
    "instance norm": Architecture(
        lambda: nn.Sequential(
            nn.Linear(5, 5),
            nn.InstanceNorm2d(1, affine=True, track_running_stats=True),
            nn.Flatten(),
            nn.Linear(25, CLASSES),
        ),
        _sees,
        "picture",
    ),
    "batch norm 2d": Architecture(
        lambda: nn.Sequential(
            nn.Linear(5, 5),
            nn.BatchNorm2d(1),
            nn.Flatten(),
            nn.Linear(25, 11),
            nn.BatchNorm1d(11),
            nn.Linear(11, CLASSES),
        ),
        _sees,
        "picture",
    ),
    "batch norm twice": Architecture(
        lambda: _mlp(lambda: nn.BatchNorm1d(13), nn.Softplus),
        lambda net, batch, hp: _fits(net, batch, hp) + hp.weight * net(batch["x"]).square().mean(),
    ),
    "multihead": Architecture(lambda: Multihead(), _reads_words, "words"),
    "transformer": Architecture(lambda: Transformer(), _reads_words, "words"),
    "fft": Architecture(
        lambda: _mlp(nn.Tanh),
        lambda net, batch, hp: (
            torch.fft.rfft(net(batch["x"]), dim=0).abs().mean() + _fits(net, batch, hp)
        ),
    ),
    "cdist": Architecture(
        lambda: _mlp(nn.Tanh),
        lambda net, batch, hp: (
            torch.cdist(net(batch["x"]), batch["x"][:, :CLASSES]).mean() + _fits(net, batch, hp)
        ),
    ),
    "linalg": Architecture(lambda: _mlp(nn.Tanh), _linear_algebra),
    "einsum": Architecture(
        lambda: _mlp(nn.Tanh),
        lambda net, batch, hp: (
            torch.einsum("ni,nj,ij->n", net(batch["x"]), batch["x"], net[2].weight @ net[0].weight)
            .square()
            .mean()
        ),
    ),
    "soft labels": Architecture(
        lambda: _mlp(nn.ReLU),
        lambda net, batch, hp: F.cross_entropy(
            net(batch["x"]), F.softmax(batch["x"][:, :CLASSES], 0), label_smoothing=0.1
        ),
    ),
    "weighted classes": Architecture(
        lambda: _mlp(nn.ReLU),
        lambda net, batch, hp: F.cross_entropy(
            net(batch["x"]),
            batch["y"],
            weight=torch.tensor([1.0, 2.0, 0.5], dtype=batch["x"].dtype),
        ),
    ),
    "functions": Architecture(
        lambda: _mlp(nn.Tanh),
        lambda net, batch, hp: (
            sum(
                f(net(batch["x"]).abs() + 0.1).mean()
                for f in (
                    torch.lgamma,
                    torch.digamma,
                    torch.erfinv,
                    torch.sinh,
                    torch.cosh,
                    torch.atan,
                    torch.exp2,
                    torch.log2,
                    torch.asinh,
                    torch.special.i0,
                    torch.logit,
                )
            )
            if False
            else sum(
                f(net(batch["x"]).sigmoid() * 0.8 + 0.1).mean()
                for f in (
                    torch.lgamma,
                    torch.digamma,
                    torch.erfinv,
                    torch.sinh,
                    torch.cosh,
                    torch.atan,
                    torch.exp2,
                    torch.log2,
                    torch.asinh,
                    torch.logit,
                    torch.tan,
                    torch.acos,
                )
            )
        ),
    ),
    "large": Architecture(
        lambda: _mlp(
            nn.ReLU,
            lambda: nn.Linear(131, 67),
            nn.Tanh,
            lambda: nn.Linear(67, 131),
            nn.GELU,
            width=131,
        ),
        _fits,
    ),
    "rows": Architecture(
        lambda: nn.Sequential(nn.Linear(1, 5), nn.Tanh(), nn.Linear(5, 1)),
        lambda net, batch, hp: (net(batch["x"][..., None])[..., 0] - 1).square().mean(),
        "column",
    ),
    "conv": Architecture(
        lambda: nn.Sequential(
            nn.Conv2d(1, 3, 3, padding=1),
            nn.BatchNorm2d(3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(12, CLASSES),
        ),
        _sees,
        "picture",
    ),
    "conv1d": Architecture(
        lambda: nn.Sequential(
            nn.Conv1d(5, 3, 3, padding=1, stride=2), nn.GELU(), nn.Flatten(), nn.Linear(9, CLASSES)
        ),
        lambda net, batch, hp: F.cross_entropy(net(batch["picture"][:, 0]), batch["y"]),
        "plane",
    ),
    "pools": Architecture(
        lambda: nn.Sequential(
            nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, CLASSES)
        ),
        _sees,
        "picture",
    ),
    "max pool": Architecture(
        lambda: nn.Sequential(
            nn.Flatten(2), nn.Linear(25, 14), nn.MaxPool1d(2), nn.Flatten(), nn.Linear(7, CLASSES)
        ),
        _sees,
        "picture",
    ),
}


class Bilinear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.both, self.out = nn.Bilinear(WIDTH, WIDTH, 7), nn.Linear(7, CLASSES)

    def forward(self, x):
        return self.out(self.both(x, x))


class Trains(Trainer):
    """Of an architecture; a class of its own for each."""

    defaults = {"lr": 0.01, "weight": 1.0, "kind": "adam"}
    of: Architecture

    def data(self, hp):
        generator = torch.Generator().manual_seed(3)
        x = torch.randn(ROWS, WIDTH, generator=generator)
        return Data(
            {
                "x": x,
                "y": (x[:, 0] > 0).long() + (x[:, 1] > 0).long(),
                "words": torch.randint(WORDS, (ROWS, LENGTH), generator=generator),
                "picture": torch.randn(ROWS, 1, 5, 5, generator=generator),
            },
            BATCH,
        )

    def build(self, hp):
        return {"net": self.of.build()}

    def noise(self, hp):
        return {"noise": (BATCH, WIDTH)}

    def optimizer(self, phase, hp):
        return Optimizer(hp.kind, lr=hp.lr)

    def loss(self, phase, nets, batch, hp):
        return self.of.loss(nets["net"], batch, hp)

    def inputs(self, hp):
        data = self.data(hp).train
        tensors = {**data, "column": data["x"][..., None], "plane": data["picture"][:, 0]}
        return {"all": tensors[self.of.reads]}

    def outputs(self, nets, inputs, hp):
        return {"of_all": nets["net"](inputs["all"])}

    def evaluate(self, nets, outputs, hp):
        return Evaluation(
            {f"output_{i}": float(v) for i, v in enumerate(outputs["of_all"].flatten()[::3])}
        )


def trainer_of(name: str) -> type[Trainer]:
    return type("Trains", (Trains,), {"of": ARCHITECTURES[name]})


def company(size: int) -> Sequence[dict[str, Any]]:
    """Settings of trials that have nothing in common but their shape."""
    return [
        {"lr": 0.002 * (k + 2), "weight": 0.3 * (k % 5) + 0.1, "kind": ("adam", "sgd")[k % 2]}
        for k in range(size)
    ]
