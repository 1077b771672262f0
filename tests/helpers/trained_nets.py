"""A trainer for any small network, and the company that its trials have."""

from typing import Any

import torch
from architectures import ARCHITECTURES, BATCH, LENGTH, ROWS, WIDTH, WORDS

from hpsearch.method.structure import Shape
from hpsearch.trainer.trainer import Data, Evaluation, Optimizer, Trainer

torch.set_num_threads(1)

SHAPE = Shape({}, {"lr": None, "weight": None, "kind": ("sgd", "adam")})
MINE = {"lr": 0.013, "weight": 0.7, "kind": "adam"}


class Trains(Trainer):
    """An architecture; a class of its own for each."""

    defaults = {"lr": 0.01, "weight": 1.0, "kind": "adam"}
    of = ARCHITECTURES["relu"]

    def data(self, hp):
        generator = torch.Generator().manual_seed(3)
        x = torch.randn(ROWS, WIDTH, generator=generator)
        tensors = {
            "x": x,
            "words": torch.randint(WORDS, (ROWS, LENGTH), generator=generator),
            "picture": torch.randn(ROWS, 1, 5, 5, generator=generator),
        }
        y = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()
        return Data({"x": x, "y": y, "read": tensors[self.of[2]]}, BATCH)

    def build(self, hp):
        return {"net": self.of[0]()}

    def noise(self, hp):
        return {"noise": (BATCH, WIDTH)}

    def optimizer(self, phase, hp):
        return Optimizer(hp.kind, lr=hp.lr)

    def loss(self, phase, nets, batch, hp):
        return self.of[1](nets["net"], batch, hp)

    def inputs(self, hp):
        return {"all": self.data(hp).train["read"]}

    def outputs(self, nets, inputs, hp):
        return {"of_all": nets["net"](inputs["all"])}

    def evaluate(self, nets, outputs, hp):
        some = outputs["of_all"].flatten()[::5].tolist()
        return Evaluation({f"output_{i}": number for i, number in enumerate(some)})


def trainer_of(name: str) -> type[Trainer]:
    return type("Trains", (Trains,), {"of": ARCHITECTURES[name]})


def others(count: int) -> list[dict[str, Any]]:
    """Settings of trials that have nothing in common but their shape."""
    return [
        {"lr": 0.002 * (k % 9 + 2), "weight": 0.3 * (k % 5) + 0.1, "kind": ("adam", "sgd")[k % 2]}
        for k in range(count)
    ]
