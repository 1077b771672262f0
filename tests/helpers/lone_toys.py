"""A small trainer with everything that a trial's state can hold, and its trials."""

import json
from pathlib import Path

import torch
from torch import nn

from hpsearch.trainer.run import Run
from hpsearch.trainer.trainer import Data, Evaluation, Optimizer, Trainer
from hpsearch.trial import Folder, Spec

torch.set_num_threads(1)

TENSORS = tuple[list[torch.Tensor], list[dict[str, float]]]


class Toy(Trainer):
    """Two networks, batch norm's buffers, noise, and an optimizer with state."""

    defaults = {"lr": 0.01, "kind": "adam", "n_critic": 2, "rows": 37}
    phases = ("critic", "actor")

    def data(self, hp):
        generator = torch.Generator().manual_seed(3)
        return Data({"x": torch.randn(hp.rows, 4, generator=generator)}, batch_size=8)

    def build(self, hp):
        actor = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 4))
        return {"critic": nn.Linear(4, 1), "actor": actor}

    def noise(self, hp):
        return {"z": (8, 3)}

    def optimizer(self, phase, hp):
        return Optimizer(kind=hp.kind, lr=hp.lr, momentum=0.5 if hp.kind != "adamw" else 0.0)

    def repeats(self, phase, hp):
        return hp.n_critic if phase == "critic" else 1

    def loss(self, phase, nets, batch, hp):
        fake = nets["critic"](nets["actor"](batch["z"]))
        if phase == "actor":
            return nn.functional.softplus(-fake).mean()
        real = nets["critic"](batch["x"])
        return nn.functional.softplus(fake).mean() + nn.functional.softplus(-real).mean()

    def evaluate(self, nets, outputs, hp):
        size = sum(float(p.abs().sum()) for net in nets.values() for p in net.parameters())
        pixels = torch.zeros(4, 4).numpy()
        return Evaluation({"size": size}, {"dots": pixels}, provenance={"judge": "sum"})

    def test(self, nets, hp):
        return {"test_size": 1.0}


def start(path: Path, *, budget: int, report_every: int = 5, role="draw", seed: int = 7, **hp):
    spec = Spec(0, 0, 0, role, {}, (), seed, budget)
    path.mkdir(parents=True, exist_ok=True)
    return Run(spec, Folder(path), hp=hp, objective="size", report_every=report_every)


def result(path: Path) -> TENSORS:
    """Every tensor of the checkpoint, and what was reported."""
    state = torch.load(path / "checkpoint.pt", weights_only=True)
    tensors: list[torch.Tensor] = []

    def visit(node):
        if isinstance(node, torch.Tensor):
            tensors.append(node)
        elif isinstance(node, dict):
            for key in node:
                visit(node[key])

    visit(state)
    lines = [json.loads(line) for line in (path / "reports.jsonl").read_text().splitlines()]
    return tensors, [{"step": line["step"], **line["metrics"]} for line in lines]


def assert_same(a: TENSORS, b: TENSORS) -> None:
    assert a[1] == b[1]
    assert len(a[0]) == len(b[0]) > 10
    assert all(torch.equal(x, y) for x, y in zip(a[0], b[0], strict=True))
