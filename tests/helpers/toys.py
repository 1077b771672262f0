"""A study that runs in a second."""

FUNCTION = """
def train(run):
    x, y = run.hp.x, run.hp.get("y", 1.0)
    for step in range(1, run.budget + 1):
        run.report(step, loss=(x - 0.3) ** 2 + y / step, accuracy=1 - x)
"""
STUDY = """
study: toy
trainer: trainer.py:train
objective: {minimize: loss}
search: {rounds: 2, trials: 6, survivors: 2}
budget: {steps: 4, growth: 2}
confirm: {top: 2, seeds: 2}
space:
  x: {uniform: [0, 1]}
  kind: [a, b]
  y: {loguniform: [0.1, 10], when: {kind: b}}
"""
# A class that describes one trial, with a structure.
CLASS = """
import torch
from torch import nn
from hpsearch import Data, Evaluation, Padded, Trainer

class Net(Trainer):
    defaults = {"depth": 1, "width": 8, "lr": 0.1}
    structure = ("depth", Padded("width", 2))

    def data(self, hp):
        return Data({"x": torch.ones(8, 2)}, 4)

    def build(self, hp):
        layers = [nn.Linear(2, hp.width), *(nn.Linear(hp.width, hp.width) for _ in range(hp.depth))]
        return {"net": nn.Sequential(*layers, nn.Linear(hp.width, 1))}

    def loss(self, phase, nets, batch, hp):
        return (nets["net"](batch["x"]) ** 2).mean()

    def evaluate(self, nets, outputs, hp):
        return Evaluation({"loss": float(nets["net"](torch.ones(1, 2)) ** 2)})
"""
