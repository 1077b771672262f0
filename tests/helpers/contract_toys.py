"""A trainer that keeps the contract of `hpsearch.testing`, for others to break it in one thing."""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from hpsearch.method.structure import Alike, Padded
from hpsearch.trainer.trainer import Data, Evaluation, Optimizer, Trainer

torch.set_num_threads(1)

SETTINGS = [
    {"lr": 0.05, "width": 5, "shape": "square", "kind": "sgd", "critics": 2},
    {"lr": 0.01, "width": 7, "shape": "even", "kind": "adam", "blur": 0.3},
    {"lr": 0.02, "width": 4, "shape": "square", "kind": "rmsprop", "decay": 0.01},
    {"lr": 0.02, "width": 4, "shape": "plain", "depth": 2},
]
PENALISED = ("square", "even")


class Tidy(Trainer):
    """Regression by a small network, and a second network that guesses its errors."""

    defaults = {
        "lr": 0.01,
        "width": 6,
        "depth": 1,
        "shape": "plain",  # of a penalty
        "kind": "adam",
        "critics": 1,
        "blur": 0.1,
        "decay": 0.0,
    }
    structure = ("depth", Padded("width"), Alike("shape", PENALISED))
    phases = ("guesser", "net")

    def data(self, hp):
        generator = torch.Generator().manual_seed(3)
        x = torch.randn(43, 4, generator=generator)
        return Data({"x": x, "y": x.prod(1, keepdim=True)}, 8)

    def build(self, hp):
        sizes = [4] + [hp.width] * hp.depth
        layers = [m for a, b in pairwise(sizes) for m in (nn.Linear(a, b), nn.Tanh())]
        return {"net": nn.Sequential(*layers, nn.Linear(hp.width, 1)), "guesser": nn.Linear(4, 1)}

    def noise(self, hp):
        return {"blur": (8, 4)}

    def optimizer(self, phase, hp):
        return Optimizer(hp.kind, lr=hp.lr, weight_decay=hp.decay)

    def repeats(self, phase, hp):
        return hp.critics if phase == "guesser" else 1

    def loss(self, phase, nets, batch, hp):
        x = batch["x"] + hp.blur * batch["blur"]
        error = (nets["net"](x) - batch["y"]) ** 2
        if phase == "guesser":
            return F.mse_loss(nets["guesser"](x), error)
        loss = (error + 0.1 * nets["guesser"](x)).mean()
        if hp.among("shape", *PENALISED):
            put_out = nets["net"](batch["x"])
            loss = loss + hp.pick(
                "shape",
                {"square": lambda: (put_out**2).mean(), "even": lambda: put_out.mean() ** 2},
            )
        return loss

    def inputs(self, hp):
        return dict(self.data(hp).train)

    def outputs(self, nets, inputs, hp):
        return {"mse": F.mse_loss(nets["net"](inputs["x"]), inputs["y"])}

    def evaluate(self, nets, outputs, hp):
        return Evaluation({"mse": float(outputs["mse"])})

    def test(self, nets, hp):
        return {"test_size": float(sum(p.abs().sum() for p in nets["net"].parameters()))}


class Convolves(Tidy):
    """Its step is recorded one member at a time, without vmap."""

    def build(self, hp):
        nets = super().build(hp)
        nets["net"].insert(0, torch.nn.Conv1d(1, 1, 1))
        nets["net"].insert(0, torch.nn.Unflatten(1, (1, 4)))
        nets["net"].insert(2, torch.nn.Flatten())
        return nets
