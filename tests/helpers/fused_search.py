"""A search whose trials train in groups, and a file that makes some of them misbehave.

The file `guilty.json` beside the trainer maps a trial's learning rate, as written, to what the
trial does at its first evaluation. While there is a file `slow`, every evaluation takes as many
seconds as it says; while there is a file `hold`, a trial's second evaluation does not end.
"""

import json
from pathlib import Path

from searches import Search

from hpsearch.storage import view
from hpsearch.trial import Outcome, Spec

TRAINER = """\
import contextlib
import ctypes
import json
import os
import signal
import time
from pathlib import Path

import torch
from torch import nn

from hpsearch import Data, Evaluation, Optimizer, Trainer

HERE = Path(__file__).parent


def memory():
    ballast = [bytearray(b"x" * (1 << 20)) for _ in range(6000)]
    time.sleep(1000)


ACTS = {
    "exit": lambda: os._exit(3),
    "segfault": lambda: ctypes.string_at(0),
    "raise": lambda: 1 / 0,
    "hang": lambda: time.sleep(1000),
    "memory": memory,
}


class Tiny(Trainer):
    defaults = {"lr": 0.1, "depth": 1, "momentum": 0.0}
    structure = ("depth",)

    def data(self, hp):
        generator = torch.Generator().manual_seed(3)
        x = torch.randn(32, 3, generator=generator)
        return Data({"x": x, "y": x.sum(1, keepdim=True)}, batch_size=8)

    def build(self, hp):
        hidden = [layer for _ in range(hp.depth) for layer in (nn.Linear(3, 3), nn.Tanh())]
        return {"net": nn.Sequential(*hidden, nn.Linear(3, 1))}

    def optimizer(self, phase, hp):
        return Optimizer("sgd", lr=hp.lr, momentum=hp.momentum)

    def loss(self, phase, nets, batch, hp):
        return nn.functional.mse_loss(nets["net"](batch["x"]), batch["y"])

    def inputs(self, hp):
        return self.data(hp).train

    def outputs(self, nets, inputs, hp):
        return {"error": nets["net"](inputs["x"]) - inputs["y"]}

    def evaluate(self, nets, outputs, hp):
        with (HERE / "evaluations").open("a") as file:
            file.write(f"{hp.lr!r}\\n")
        guilty = HERE / "guilty.json"
        act = json.loads(guilty.read_text()).get(repr(hp.lr)) if guilty.exists() else None
        loss = float((outputs["error"] ** 2).mean())
        if act == "nan":
            loss = float("nan")
        elif act is not None:
            ACTS[act]()
        with contextlib.suppress(FileNotFoundError):
            time.sleep(float((HERE / "slow").read_text() or 0))
        evaluated = (HERE / "evaluations").read_text().split().count(repr(hp.lr))
        while evaluated == 2 and (HERE / "hold").exists():
            time.sleep(0.01)
        return Evaluation({"loss": loss})
"""

STUDY = """\
study: s
trainer: trainer.py:Tiny
objective: {minimize: loss}
search: {rounds: 2, trials: 6, survivors: 2}
budget: {steps: 40, growth: 2, report_every: 4}
confirm: {top: 1, seeds: 2}
resources: {parallel: 1}
space:
  lr: {loguniform: [1e-3, 1e-1]}
  momentum: {uniform: [0, 0.9]}
"""
ONE_ROUND = STUDY.replace("rounds: 2", "rounds: 1").replace("top: 1", "top: 0")


class FusedSearch(Search):
    """The search, whose trials do what they are told."""

    def __init__(self, folder: Path, study: str = STUDY, trainer: str = TRAINER) -> None:
        super().__init__(folder, study, trainer)

    def slow(self, seconds: float = 0.02) -> None:
        (self.folder / "slow").write_text(str(seconds))

    def fast(self) -> None:
        (self.folder / "slow").unlink()

    def hold(self) -> None:
        (self.folder / "hold").touch()

    def release(self) -> None:
        (self.folder / "hold").unlink()

    def tell(self, acts: dict[float, str]) -> None:
        """What trials do, by their learning rate."""
        text = json.dumps({repr(lr): act for lr, act in acts.items()})
        (self.folder / "guilty.json").write_text(text)

    def evaluations(self) -> int:
        path = self.folder / "evaluations"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def has_evaluated(self, lr: float) -> bool:
        path = self.folder / "evaluations"
        return path.exists() and repr(lr) in path.read_text().split()

    def spec(self, number: int) -> Spec:
        return self.trial(number).read_spec()

    def outcome(self, number: int) -> Outcome:
        outcome = self.trial(number).read_outcome()
        assert outcome is not None
        return outcome

    def landed(self) -> set[int]:
        """Trials that the database calls finished."""
        records = view.read_snapshot(self.run.path).result.records
        return {trial.spec.number for trial in records if trial.outcome is not None}

    def lines(self) -> list[str]:
        return self.stdout().splitlines()
