"""The GAN: its losses by hand, penalties by finite means, vmap, collapse, a short training."""

import itertools
import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from features import FEATURES, extractor, reference
from gan import GAN, LOSSES, gradient_penalty, r1_penalty, why_collapsed
from hpsearch.fusion import lone

SMALL = {"width": 8, "z_dim": 3, "batch_size": 12, "depth": 2}


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


@pytest.mark.parametrize(
    ("loss", "discriminator", "generator"),
    [
        ("non_saturating", (softplus(-2) + softplus(1)) / 2 + softplus(-0.5), softplus(0.5)),
        ("wgan", -0.5 - 0.5, 0.5),
        ("least_squares", (1 + 4) / 4 + 0.125, 0.5 * 1.5**2),
        ("hinge", (0 + 2) / 2 + 0.5, 0.5),
    ],
)
def test_a_loss_has_the_value_of_its_formula(loss, discriminator, generator):
    real, fake = torch.tensor([[2.0], [-1.0]]), torch.tensor([[-0.5], [-0.5]])
    of_discriminator, of_generator = LOSSES[loss]
    assert float(of_discriminator(real, fake)) == pytest.approx(discriminator)
    assert float(of_generator(fake)) == pytest.approx(generator)


def test_the_penalties_of_a_linear_critic_follow_from_its_weights():
    critic = nn.Linear(64, 1).requires_grad_(False)
    norm = float(critic.weight.norm())
    real, fake, mix = torch.randn(7, 64), torch.randn(7, 64), torch.rand(7, 1)
    assert float(r1_penalty(critic, real)) == pytest.approx(norm**2 / 2, rel=1e-5)
    penalty = gradient_penalty(critic, real, fake, mix)
    assert float(penalty) == pytest.approx((norm - 1) ** 2, rel=1e-4)


def test_a_penaltys_slope_in_the_weights_is_that_of_double_backward():
    critic = nn.Sequential(nn.Linear(64, 9), nn.Tanh(), nn.Linear(9, 1))
    real = torch.randn(7, 64)
    ours = torch.autograd.grad(r1_penalty(critic, real), list(critic.parameters())[:3])
    x = real.clone().requires_grad_()
    rows = [torch.autograd.grad(critic(x)[i, 0], x, create_graph=True)[0][i] for i in range(7)]
    theirs = torch.autograd.grad(
        sum(0.5 * (row**2).sum() for row in rows) / 7, list(critic.parameters())[:3]
    )
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(
    ("loss", "penalty", "phase"),
    list(itertools.product(LOSSES, ["none", "gradient", "r1"], GAN.phases)),
)
def test_a_loss_under_vmap_is_the_lone_one(hp, stacked, loss, penalty, phase):
    hps = [hp(GAN, loss=loss, penalty=penalty, penalty_weight=w, **SMALL) for w in (0.1, 1.0, 10.0)]
    fused, alone = stacked(GAN(), phase, hps, ("penalty_weight",))
    torch.testing.assert_close(fused, alone)


def test_a_generator_step_has_a_slope_in_the_generator_and_the_critic_may_be_frozen(hp):
    settings = hp(GAN, penalty="gradient", **SMALL)
    trainer = GAN()
    nets = trainer.build(settings)
    nets["discriminator"].requires_grad_(False)
    batch = {name: torch.randn(shape) for name, shape in trainer.noise(settings).items()}
    loss = trainer.loss("generator", nets, batch, settings)
    slopes = torch.autograd.grad(loss, list(nets["generator"].parameters()))
    assert all(slope.abs().sum() > 0 for slope in slopes)


def test_a_short_training_improves_the_distance_and_leaves_pictures_and_provenance(start):
    run = start("fid", budget=600, report_every=100, role="confirm", penalty="r1")
    lone.train(GAN(), run)
    reports = run.folder.read_reports()
    assert reports[-1].metrics["fid"] < 0.6 * reports[0].metrics["fid"]
    assert reports[-1].metrics["fid"] < 15
    assert set(reports[-1].metrics) == {"fid", "coverage", "test_fid", "test_coverage"}
    assert run.provenance == {"extractor": extractor().sha256, "samples": 1000}
    assert run.collapsed is None
    with Image.open(run.folder.artifacts / "samples-000600.png") as picture:
        assert picture.size == (288, 288) and np.asarray(picture).std() > 20


def test_a_generator_of_one_picture_is_collapsed_and_keeps_its_score(hp):
    settings = hp(GAN)
    nets = GAN().build(settings)
    with torch.no_grad():
        for parameter in nets["generator"].parameters():
            parameter.zero_()
        evaluation = GAN().evaluate(nets, {}, settings)
    assert evaluation.collapsed == "coverage 0.000, feature variance 0.000 of the real pictures'"
    assert evaluation.metrics["fid"] > 30


def test_a_generator_of_one_class_is_bad_but_not_collapsed():
    from data import digits
    from gan import _judge

    images, labels = digits("train")
    for label in range(10):
        fid, covered, spread = _judge(images[labels == label], "valid")
        assert fid > 10 and why_collapsed(covered, spread) is None


def test_real_pictures_are_close_to_real_pictures_in_features_of_unit_variance():
    from data import digits
    from gan import _judge

    fid, covered, spread = _judge(digits("test")[0], "valid")
    assert fid < 1 and covered > 0.95 and 0.9 < spread < 1.1
    assert np.trace(reference("train").covariance) == pytest.approx(FEATURES)
