"""The GAN: labels, packs, rates, what is said of a training; a short training."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from gan import GAN, fidelity, why_collapsed
from hpsearch.errors import TrainerError
from hpsearch.testing import fused
from hpsearch.trainer import loop as lone
from hpsearch_trainers import metrics as metrics
from hpsearch_trainers.data.datasets import dataset, digits
from hpsearch_trainers.gan.reports import latents, one_hot, why_saturated
from hpsearch_trainers.metrics.features import FEATURES, extractor, reference

SMALL = {"width": 8, "z_dim": 3, "batch_size": 12, "depth": 2}


def test_a_generator_step_has_a_slope_in_the_generator_and_the_critic_may_be_frozen(hp):
    settings = hp(GAN, penalty="gradient", **SMALL)
    trainer = GAN()
    nets = trainer.build(settings)
    nets["discriminator"].requires_grad_(False)
    batch = {name: torch.randn(shape) for name, shape in trainer.noise(settings).items()}
    batch["image"] = trainer.data(settings).train["image"][:12]
    loss = trainer.loss("generator", nets, batch, settings)
    slopes = torch.autograd.grad(loss, list(nets["generator"].parameters()))
    assert all(slope.abs().sum() > 0 for slope in slopes)


def test_a_short_training_improves_the_distance_and_leaves_pictures_and_provenance(start):
    run = start("fid", budget=600, report_every=100, role="confirm", penalty="r1")
    lone.train_trial(GAN(), run)
    reports = run.folder.read_reports()
    assert reports[-1].metrics["fid"] < 0.6 * reports[0].metrics["fid"]
    assert reports[-1].metrics["fid"] < 15
    watched = {"d_real", "d_fake", "loss_d", "loss_g", "gradient_d", "gradient_g"}
    evaluated = {"fid", "coverage", "test_fid", "test_coverage"}
    assert set(reports[-1].metrics) == evaluated | watched
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
        fid, covered, spread = fidelity(extractor()(images[labels == label]), "valid")
        assert fid > 10 and why_collapsed(covered, spread) is None


def test_real_pictures_are_close_to_real_pictures_in_features_of_unit_variance():
    fid, covered, spread = fidelity(extractor()(digits("test")[0]), "valid")
    assert fid < 1 and covered > 0.95 and 0.9 < spread < 1.1
    assert np.trace(reference("train").covariance) == pytest.approx(FEATURES)


def watched(critic_scale: float, loss: str, hp):
    """What is seen of a generator of black pictures, of which a critic says they are black."""
    settings = hp(GAN, loss=loss, depth=1, width=4)
    nets = GAN().build(settings)
    for net in nets.values():
        for parameter in net.parameters():
            parameter.data.zero_()
    nets["generator"][0][-1].bias.data.fill_(-3)
    nets["discriminator"][0].weight.data[0] = 1 / 64  # the mean, -0.995 of a black picture
    nets["discriminator"][0].bias.data[0] = 0.9
    nets["discriminator"][2].weight.data[0, 0] = critic_scale
    nets["discriminator"][2].bias.data.fill_(-0.1 * critic_scale)
    return nets, settings, evaluated(nets, settings)


def test_a_discriminator_that_is_sure_is_saturated_in_the_minimax_game_alone(hp):
    assert watched(600, "minimax", hp)[2].saturated.startswith("scores ")
    assert watched(600, "non_saturating", hp)[2].saturated is None
    assert watched(6, "minimax", hp)[2].saturated is None


def test_what_is_watched_is_what_autograd_gives(hp):
    nets, settings, evaluation = watched(6, "hinge", hp)
    real, z = digits("train")[0][:128], latents(settings.z_dim)[:128]
    on_real = nets["discriminator"](real)
    on_fake = nets["discriminator"](nets["generator"](z))
    loss = F.relu(1 - on_real).mean() + F.relu(1 + on_fake).mean()
    gradients = torch.autograd.grad(loss, list(nets["discriminator"].parameters()))
    theirs = float(torch.cat([g.flatten() for g in gradients]).norm())
    assert evaluation.metrics["gradient_d"] == pytest.approx(theirs, rel=1e-4)
    assert evaluation.metrics["loss_d"] == pytest.approx(loss.item(), rel=1e-4)
    assert evaluation.metrics["d_real"] == pytest.approx(on_real.mean().item(), rel=1e-4)
    assert evaluation.metrics["d_fake"] == pytest.approx(on_fake.mean().item(), rel=1e-4)


def test_a_discriminator_is_saturated_only_if_it_tells_all_pictures_apart():
    assert why_saturated(0.5, 1e-9) == "scores 0.5 apart, the generator's gradient is 1e-09"
    assert why_saturated(-0.5, 1e-9) is None and why_saturated(0.5, 1e-3) is None


def test_one_hot_rows_are_those_of_torch():
    labels = torch.tensor([2, 0, 1, 2])
    assert torch.equal(one_hot(labels, 3, torch.float32), F.one_hot(labels, 3).float())


@pytest.mark.parametrize("conditional", ["acgan", "projection"])
def test_a_conditional_generator_and_its_critic_heed_the_kind(hp, conditional):
    settings = hp(GAN, conditional=conditional, **SMALL)
    nets = GAN().build(settings)
    labels = torch.eye(10)[:2]
    images = nets["generator"](torch.zeros(2, 3), labels)
    assert images.shape == (2, 1, 8, 8) and not torch.equal(images[0], images[1])
    same = images[:1].expand(2, -1, -1, -1)
    if conditional == "acgan":
        assert nets["discriminator"](same).shape == (2, 11)
    else:
        scores = nets["discriminator"](same, labels)
        assert scores.shape == (2, 1) and scores[0] != scores[1]


def test_a_packed_critic_of_linear_scores_has_the_loss_of_its_packs(hp):
    settings = hp(GAN, pack=3, loss="wgan", **SMALL | {"batch_size": 8, "width": 2, "depth": 1})
    trainer = GAN()
    nets = trainer.build(settings)
    first, _, last = nets["discriminator"]
    image, z = digits("train")[0][:8].view(-1, 1, 8, 8), torch.randn(8, 3)
    loss = trainer.loss("discriminator", nets, {"image": image, "z": z}, settings)
    fake = nets["generator"](z)
    scores = [
        last(F.leaky_relu(first(torch.cat([x[i].flatten() for i in pack])), 0.2))
        for x in (fake, image)
        for pack in ((0, 1, 2), (3, 4, 5))  # two pictures are left over
    ]
    theirs = (sum(scores[:2]) - sum(scores[2:])) / 2
    assert loss.item() == pytest.approx(theirs.item(), rel=1e-5, abs=1e-7)


def test_packs_of_different_classes_are_refused(hp):
    with pytest.raises(TrainerError, match="pack must be 1 with conditional acgan, got 2"):
        GAN().build(hp(GAN, pack=2, conditional="acgan"))


def test_rates_are_zero_after_as_many_pictures_whatever_the_batch(hp):
    for batch in (32, 256):
        settings = hp(GAN, samples=51200, batch_size=batch, n_critic=2, lr_d=0.5, lr_g=0.25)
        critic, generator = (GAN().optimizer(phase, settings) for phase in GAN.phases)
        assert critic.rate(25600 // batch) == 0.25 and critic.rate(51200 // batch) == 0
        assert generator.rate(12800 // batch) == 0.125 and generator.rate(25600 // batch) == 0


def test_the_critic_is_clipped_and_an_average_without_memory_is_the_generator(start):
    run = start("fid", budget=4, report_every=4, clip=0.02, average=0.0, role="confirm", **SMALL)
    lone.train_trial(GAN(), run)
    weights = run.load()["nets"]["discriminator"].values()
    assert max(float(weight.abs().max()) for weight in weights) == pytest.approx(0.02)
    metrics = run.folder.read_reports()[-1].metrics
    assert metrics["fid_average"] == metrics["fid"]
    assert metrics["test_fid_average"] == metrics["test_fid"]


UNLIKE = [
    {"normalization": "spectral", "pack": 2, "penalty": "gradient", "clip": 0.5, "depth": 1},
    {"normalization": "batch", "conditional": "projection", "penalty": "dragan"},
    {"architecture": "dcgan", "width": 3, "normalization": "layer", "penalty": "gradient"},
    {"architecture": "dcgan", "width": 3, "normalization": "spectral", "conditional": "acgan"},
]


@pytest.mark.slow
@pytest.mark.parametrize("settings", UNLIKE, ids=lambda settings: "-".join(map(str, settings)))
def test_a_fused_gan_of_any_kind_is_the_lone_one_whoever_is_there(settings, tmp_path):
    tries = [{**SMALL, **settings}]
    fused.a_trials_bits_do_not_depend_on_its_group(GAN, tries, tmp_path / "bits")
    fused.a_fused_trial_has_the_numbers_of_a_lone_one(GAN, tries, tmp_path / "lone")


@pytest.fixture
def tinted(tmp_path):
    """The digits in colour, 12 x 12, in a NumPy file: a hyperparameter's `data`."""
    images, labels = digits("train")
    grey = F.pad(images.view(-1, 1, 8, 8), (2, 2, 2, 2), value=-1)
    colours = torch.eye(3)[labels % 3][:, :, None, None]
    pixels = ((grey + 1) / 2 * colours * 255).to(torch.uint8).permute(0, 2, 3, 1)
    np.savez(tmp_path / "tinted.npz", x_train=pixels.numpy(), y_train=labels.numpy())
    return f"npz:{tmp_path / 'tinted.npz'}"


def test_pictures_of_another_data_set_are_judged_by_an_extractor_of_their_own(tinted, start):
    small = {"architecture": "dcgan", "width": 4, "z_dim": 4, "conditional": "projection"}
    run = start("fid", budget=120, report_every=60, role="confirm", data=tinted, lr_g=4e-3, **small)
    lone.train_trial(GAN(), run)
    first, last = run.folder.read_reports()
    assert last.metrics["fid"] < first.metrics["fid"]
    assert {"test_fid", "test_coverage"} <= set(last.metrics)
    assert run.provenance["extractor"] == extractor(tinted).sha256 != extractor().sha256
    with Image.open(run.folder.artifacts / "samples-000120.png") as picture:
        assert picture.mode == "RGB" and picture.size == (8 * (2 * 12 + 4), 8 * (2 * 12 + 4))
    real, labels = dataset(tinted).part("test")
    fid, covered, _ = fidelity(extractor(tinted)(real), "valid", tinted)
    assert fid < 2 and covered > 0.9 and len(labels.unique()) == 10


def test_further_metrics_are_reported_with_their_provenance(hp):
    names = ["kernel", "recall", "density"]
    plain, asked = hp(GAN, **SMALL), hp(GAN, metrics=" ".join(names), **SMALL)
    nets = GAN().build(plain)
    before, after = evaluated(nets, plain), evaluated(nets, asked)
    extract = extractor()
    with torch.no_grad():
        features = extract(nets["generator"](latents(3)))
    found = metrics.measure(names, dataset("digits").part("valid")[0], features, extract)
    said = {name: measurement.value for name, measurement in found.items()}
    assert after.metrics == pytest.approx(before.metrics | said)
    assert after.provenance == before.provenance | metrics.provenance(found.values())
