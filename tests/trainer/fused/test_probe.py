"""Whether a trainer can be fused, and why not."""

import pytest
import torch
from lone_toys import Toy
from torch import nn
from torch.nn import functional as F

from classifier import Classifier
from gan import GAN
from hpsearch.method.structure import Shape, entry_name
from hpsearch.trainer.fused.probe import fusion_obstacle

SHAPE = Shape({}, {"lr": None, "n_critic": None})
PARAMS = [{"lr": 0.01, "n_critic": 2}, {"lr": 0.02, "n_critic": 1}]


@pytest.mark.parametrize("trainer", [GAN, Classifier])
def test_the_shipped_trainers_can_be_fused(trainer):
    values = {entry_name(entry): trainer.defaults[entry_name(entry)] for entry in trainer.structure}
    assert fusion_obstacle(trainer(), [{}, {}], {}, Shape(values, {})) is None


def test_one_trial_is_enough_to_see_it():
    assert fusion_obstacle(Toy(), PARAMS[:1], {}, SHAPE) is None


class Asks(Toy):
    def loss(self, phase, nets, batch, hp):
        return super().loss(phase, nets, batch, hp) * batch["x"].sum().item()


class Compares(Toy):
    def loss(self, phase, nets, batch, hp):
        loss = super().loss(phase, nets, batch, hp)
        return loss * 2 if hp.lr > 0.015 else loss


class Drops(Toy):
    def loss(self, phase, nets, batch, hp):
        return super().loss(phase, nets, {**batch, "z": F.dropout(batch["z"], 0.2)}, hp)


class Penalises(Toy):
    def loss(self, phase, nets, batch, hp):
        x = batch["x"].detach().requires_grad_()
        [slopes] = torch.autograd.grad(nets["critic"](x).sum(), [x], create_graph=True)
        return super().loss(phase, nets, batch, hp) + slopes.square().mean()


class Averages(Toy):
    """A batch norm that divides by the number of batches, as a Python number."""

    def build(self, hp):
        nets = super().build(hp)
        nets["actor"][1].momentum = None
        return nets


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.out = nn.GRU(3, 5, batch_first=True), nn.Linear(5, 4)

    def forward(self, z):
        return self.out(self.cell(z[:, None])[0][:, 0])


class Remembers(Toy):
    def build(self, hp):
        return {**super().build(hp), "actor": Recurrent()}


class ConvolvesAndLooks(Toy):
    """Its step is recorded without vmap, which would have refused."""

    def build(self, hp):
        critic = nn.Sequential(nn.Unflatten(1, (1, 4)), nn.Conv1d(1, 1, 4), nn.Flatten())
        return {**super().build(hp), "critic": critic}

    def loss(self, phase, nets, batch, hp):
        return super().loss(phase, nets, batch, hp) * float(batch["x"].numpy().mean())


@pytest.mark.parametrize(
    ("trainer", "operation"),
    [
        (Asks, "aten::_local_scalar_dense makes control flow depend"),
        (Compares, "aten::_local_scalar_dense makes control flow depend"),
        (Averages, "aten::_local_scalar_dense makes control flow depend"),
        (Drops, "aten::bernoulli_"),
        (Penalises, "Tensor.requires_grad_()"),
        (Remembers, "gru"),
        (ConvolvesAndLooks, "Tensor.numpy exports a tensor's values"),
    ],
)
def test_a_trainer_that_cannot_be_fused_is_told_which_operation_is_the_reason(trainer, operation):
    reason = fusion_obstacle(trainer(), PARAMS, {}, SHAPE)
    assert operation in str(reason)


def test_a_probe_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    generator = torch.get_rng_state()
    assert fusion_obstacle(Toy(), PARAMS, {}, SHAPE) is None
    assert list(tmp_path.iterdir()) == []
    assert torch.equal(generator, torch.get_rng_state())
