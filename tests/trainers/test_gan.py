"""The GAN: its losses by hand, penalties by finite means, collapse, a short training."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from data import digits
from features import FEATURES, extractor, reference
from gan import GAN, LOSSES, PENALTIES, judge, penalised_place, slope_penalty, why_collapsed
from hpsearch.fusion import lone
from hpsearch.run import HP

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
    assert float(of_discriminator(real, fake).mean()) == pytest.approx(discriminator)
    assert float(of_generator(fake).mean()) == pytest.approx(generator)


def pictures_and_noise(rows: int = 7) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    generator = torch.Generator().manual_seed(3)
    image, away, fake = torch.randn(3, rows, 64, generator=generator)
    return fake, {"image": image, "away": away, "mix": torch.randn(rows, 1, generator=generator)}


def penalty_of(penalty: str, critic: nn.Module) -> torch.Tensor:
    return slope_penalty(critic, *pictures_and_noise(), HP({"penalty": penalty}))


def test_the_penalties_of_a_linear_critic_follow_from_its_weights():
    critic = nn.Linear(64, 1).requires_grad_(False)
    norm = float(critic.weight.norm())
    assert float(penalty_of("r1", critic)) == pytest.approx(norm**2 / 2, rel=1e-5)
    for penalty in ("gradient", "dragan"):
        assert float(penalty_of(penalty, critic)) == pytest.approx((norm - 1) ** 2, rel=1e-4)


def test_each_penalty_looks_at_its_own_place():
    """128,000 unit normals a place: the standard error of a variance is 0.004."""
    fake, batch = pictures_and_noise(2000)
    between, real, around = (
        penalised_place(fake, batch, HP({"penalty": penalty})) for penalty in PENALTIES
    )
    # u real + (1 - u) fake with u uniform in (0, 1), the same for all pixels of a picture.
    assert float(between.var()) == pytest.approx(2 / 3, abs=0.03)
    share = (between - fake)[:, 0] / (batch["image"] - fake)[:, 0]
    assert 0 < float(share.min()) < 0.02 and 0.98 < float(share.max()) < 1
    assert torch.equal(real, batch["image"])
    assert float((around - real).std()) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_a_penaltys_slope_in_the_weights_is_that_of_double_backward(penalty):
    critic = nn.Sequential(nn.Linear(64, 9), nn.Tanh(), nn.Linear(9, 1))
    ours = torch.autograd.grad(penalty_of(penalty, critic), list(critic.parameters())[:3])
    x = penalised_place(*pictures_and_noise(), HP({"penalty": penalty})).requires_grad_()
    rows = [torch.autograd.grad(critic(x)[i, 0], x, create_graph=True)[0][i] for i in range(7)]
    each = [0.5 * row.norm() ** 2 if penalty == "r1" else (row.norm() - 1) ** 2 for row in rows]
    theirs = torch.autograd.grad(sum(each) / 7, list(critic.parameters())[:3])
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


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


def evaluated(nets, settings):
    with torch.no_grad():
        outputs = GAN().outputs(nets, GAN().inputs(settings), settings)
        return GAN().evaluate(nets, outputs, settings)


def test_a_generator_of_one_picture_is_collapsed_and_keeps_its_score(hp):
    settings = hp(GAN)
    nets = GAN().build(settings)
    for parameter in nets["generator"].parameters():
        parameter.data.zero_()
    evaluation = evaluated(nets, settings)
    assert evaluation.collapsed == "coverage 0.000, feature variance 0.000 of the real pictures'"
    assert evaluation.metrics["fid"] > 30


def test_a_generator_that_is_not_finite_has_no_distance_and_no_error(hp):
    settings = hp(GAN)
    nets = GAN().build(settings)
    next(nets["generator"].parameters()).data.fill_(float("nan"))
    evaluation = evaluated(nets, settings)
    assert math.isnan(evaluation.metrics["fid"]) and evaluation.collapsed is None


def test_a_generator_of_one_class_is_bad_but_not_collapsed():
    images, labels = digits("train")
    for label in range(10):
        fid, covered, spread = judge(extractor()(images[labels == label]), "valid")
        assert fid > 10 and why_collapsed(covered, spread) is None


def test_real_pictures_are_close_to_real_pictures_in_features_of_unit_variance():
    fid, covered, spread = judge(extractor()(digits("test")[0]), "valid")
    assert fid < 1 and covered > 0.95 and 0.9 < spread < 1.1
    assert np.trace(reference("train").covariance) == pytest.approx(FEATURES)
