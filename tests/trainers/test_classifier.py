"""The classifier: loss by torch's own formulas, dropout, accuracy (for vmap see test_vmap.py)."""

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix
from torch.nn import functional as F

from classifier import Classifier, dropout_masks, schedule, smoothed_cross_entropy
from hpsearch.trainer import loop as lone
from hpsearch_trainers.classifier.scores import confusion, confusion_picture


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
    lone.train_trial(Classifier(), run)
    assert run.last.metrics["val_accuracy"] > 0.9
    assert run.last.metrics["val_loss"] < 0.35


def test_a_confirmation_says_how_it_does_on_the_test_digits(start):
    run = start("val_loss", budget=400, role="confirm", width=128)
    lone.train_trial(Classifier(), run)
    assert run.last.metrics["test_accuracy"] > 0.9 and run.last.metrics["test_loss"] < 0.4


def test_sgd_has_a_learning_rate_of_its_own(hp):
    settings = hp(Classifier, optimizer="sgd", lr=1.0, lr_sgd=0.25, momentum=0.5)
    chosen = Classifier().optimizer("net", settings)
    assert (chosen.kind, chosen.lr, chosen.momentum) == ("sgd", 0.25, 0.5)


def factors(hp, *updates, **settings):
    found = schedule(hp(Classifier, schedule_steps=100, lr_final=0.001, **settings))
    return [found.factor(n) for n in updates]


def test_a_constant_schedule_without_warm_up_is_none(hp):
    assert schedule(hp(Classifier)) is None
    assert factors(hp, 0, 9, 500, warmup=0.1) == [1 / 11, 10 / 11, 1]


def test_one_cycle_rises_over_three_tenths_and_falls_linearly(hp):
    found = factors(hp, 14, 30, 65, 100, schedule="one_cycle")
    assert found == pytest.approx([15 / 31, 1, 0.5 * 1.001, 0.001])
    assert factors(hp, 60, schedule="one_cycle", warmup=0.6) == [1]


def test_a_cosine_is_half_way_down_in_the_middle(hp):
    found = factors(hp, 20, 60, 100, schedule="cosine", warmup=0.2)
    assert found == pytest.approx([1, 0.5005, 0.001])


def test_steps_divide_the_rate_by_the_same_each_time(hp):
    found = factors(hp, 0, 33, 34, 67, 100, schedule="step")
    assert found == pytest.approx([1, 1, 0.1, 0.01, 0.001])
    assert factors(hp, 50, schedule="step", drops=2) == pytest.approx([0.001**0.5])


def test_another_schedule_is_refused(hp):
    with pytest.raises(ValueError, match="schedule must be constant, cosine, one_cycle or step"):
        schedule(hp(Classifier, schedule="triangle"))


def test_the_confusion_is_scikit_learns():
    logits, labels = torch.randn(200, 7), torch.randint(7, (200,))
    expected = confusion_matrix(labels, logits.argmax(1), labels=range(7))
    assert confusion(logits, labels).tolist() == expected.tolist()


def test_a_confusion_is_drawn_as_shares_of_the_true_class():
    picture = confusion_picture(torch.tensor([[3.0, 1.0], [0.0, 0.0]]))
    side = len(picture) // 2
    assert picture.shape == (2 * side, 2 * side) and side >= 8
    np.testing.assert_array_equal(picture[:side, :side], 0.25)
    np.testing.assert_array_equal(picture[:side, side:], 0.75)
    np.testing.assert_array_equal(picture[side:], 1)


def test_a_report_keeps_the_picture_of_the_confusion(start):
    run = start("val_loss", budget=2, report_every=2, width=4)
    lone.train_trial(Classifier(), run)
    assert [p.name for p in run.folder.artifacts.iterdir()] == ["confusion-000002.png"]
