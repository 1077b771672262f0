"""The classifier: loss by torch's own formulas, dropout, accuracy (for vmap see test_vmap.py)."""

import pytest
import torch
from torch.nn import functional as F

from classifier import Classifier, dropout_masks, smoothed_cross_entropy
from hpsearch.fusion import lone


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_label_smoothing_is_that_of_torch(smoothing):
    logits, labels = torch.randn(20, 10), torch.randint(10, (20,))
    ours = smoothed_cross_entropy(logits, labels, smoothing)
    torch.testing.assert_close(ours, F.cross_entropy(logits, labels, label_smoothing=smoothing))


def test_dropout_drops_the_asked_share_and_keeps_the_mean():
    """100,000 masks: the share is within 5 standard errors but once in two million."""
    masks = dropout_masks(torch.randn(100_000, generator=torch.Generator().manual_seed(0)), 0.3)
    assert abs(float((masks == 0).double().mean()) - 0.3) < 5 * (0.3 * 0.7 / 1e5) ** 0.5
    assert masks.unique().tolist() == [0.0, pytest.approx(1 / 0.7)]
    assert bool((dropout_masks(torch.randn(1000), 0.0) == 1).all())


def test_a_dropped_unit_that_is_not_finite_matters_as_it_does_in_torch():
    """It makes NaN of the layer in both, so a network that diverges is seen whatever is dropped."""
    units = torch.tensor([float("inf"), float("nan"), 1.0, 1.0])
    masks = dropout_masks(torch.tensor([-5.0, -5.0, -5.0, 5.0]), 0.5)
    assert masks.tolist() == [0, 0, 0, 2]
    assert (units * masks).isnan().tolist() == [True, True, False, False]
    torch.manual_seed(0)
    theirs = F.dropout(torch.full((1000,), float("inf")), 0.5, training=True)
    assert 400 < int(theirs.isnan().sum()) < 600


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop"])
def test_every_optimizer_learns_the_digits(start, optimizer):
    run = start("val_loss", budget=400, report_every=400, optimizer=optimizer, dropout=0.1)
    lone.train(Classifier(), run)
    assert run.last.metrics["val_accuracy"] > 0.9
    assert run.last.metrics["val_loss"] < 0.35


def test_a_confirmation_says_how_it_does_on_the_test_digits(start):
    run = start("val_loss", budget=400, role="confirm", width=128)
    lone.train(Classifier(), run)
    assert run.last.metrics["test_accuracy"] > 0.9 and run.last.metrics["test_loss"] < 0.4


def test_sgd_has_a_learning_rate_of_its_own(hp):
    settings = hp(Classifier, optimizer="sgd", lr=1.0, lr_sgd=0.25, momentum=0.5)
    chosen = Classifier().optimizer("net", settings)
    assert (chosen.kind, chosen.lr, chosen.momentum) == ("sgd", 0.25, 0.5)
