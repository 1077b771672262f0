"""Adversarial pictures: of a linear network the worst one is known."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from classifier import Classifier
from hpsearch.trainer import loop as lone
from hpsearch_trainers.classifier.adversarial import PIXEL_RANGE, fgsm, pgd, robustness

WEIGHT = torch.linspace(-2, 2.5, 6, dtype=torch.float64)
X = torch.linspace(-0.4, 0.4, 24, dtype=torch.float64).view(4, 6)


def criterion(x):
    """Of a linear classifier with the label 1 (Madry et al. 2018 call it L)."""
    return F.softplus(-(x @ WEIGHT)).sum()


def test_the_fast_gradient_sign_method_is_worst_for_a_linear_network():
    """The logit falls by epsilon |w|_1 (Goodfellow et al. 2015, sec. 5)."""
    far = fgsm(criterion, X, 0.1)
    fall = (X - far) @ WEIGHT
    torch.testing.assert_close(fall, (0.1 * PIXEL_RANGE * WEIGHT.abs().sum()).expand(4))


@pytest.mark.parametrize("start", [None, torch.full((4, 6), -1.0), torch.full((4, 6), 1.0)])
def test_projected_gradient_descent_comes_to_the_worst_corner_from_anywhere(start):
    far = pgd(criterion, X, epsilon=0.1, step_size=0.03, steps=8, start=start)
    torch.testing.assert_close(far, fgsm(criterion, X, 0.1))


def test_a_step_is_of_its_size_and_stays_in_the_ball_and_in_the_range_of_pixels():
    step = pgd(criterion, X, epsilon=0.1, step_size=0.01, steps=1)
    torch.testing.assert_close((step - X).abs(), torch.full_like(X, 0.01 * PIXEL_RANGE))
    edge = pgd(criterion, 0.95 * X.sign(), epsilon=0.1, step_size=0.3, steps=3)
    assert float(edge.abs().max()) == 1
    assert float((edge - 0.95 * X.sign()).abs().max()) <= 0.1 * PIXEL_RANGE + 1e-12


def test_where_it_starts_is_a_share_of_epsilon():
    start = torch.linspace(-1, 1, 24, dtype=torch.float64).view(4, 6)
    begun = pgd(criterion, X, epsilon=0.1, step_size=0.1, steps=0, start=start)
    torch.testing.assert_close(begun, X + 0.1 * PIXEL_RANGE * start)


def test_the_pictures_carry_no_gradients_into_the_networks():
    net = nn.Linear(6, 3).double()
    far = pgd(lambda x: net(x).logsumexp(1).sum(), X, epsilon=0.1, step_size=0.1, steps=2)
    assert not far.requires_grad


def test_robust_accuracy_of_a_linear_network_is_that_of_its_margins():
    torch.manual_seed(0)
    x = torch.rand(200, 6, dtype=torch.float64) - 0.5
    margins = x @ WEIGHT
    net = lambda x: torch.stack((torch.zeros(len(x), dtype=x.dtype), x @ WEIGHT), -1)  # noqa: E731
    fall = 0.05 * PIXEL_RANGE * WEIGHT.abs().sum()
    labels, start = torch.ones(200, dtype=torch.int64), torch.zeros_like(x)
    found = robustness(net, x, labels, start, 0.05, 5)
    expected = (margins > fall).double().mean()
    assert 0.1 < expected < (margins > 0).double().mean()
    assert found["fgsm_accuracy"] == found["pgd_accuracy"] == expected


def test_adversarial_training_makes_a_network_robust(start):
    """Two networks of one seed, 300 steps: one trained on attacked digits, one on plain ones."""
    of = {
        "width": 64,
        "robustness_rows": 200,
        "robustness_epsilon": 0.1,
        "robustness_steps": 5,
        "lr": 3e-3,
    }
    attack = {"epsilon": 0.1, "attack_steps": 2, "attack_step": 0.1}
    found = []
    for name, more in (("plain", {}), ("robust", attack)):
        run = start("val_loss", budget=300, report_every=300, name=name, **of, **more)
        lone.train_trial(Classifier(), run)
        found.append(run.last.metrics)
    plain, robust = found
    assert robust["val_pgd_accuracy"] > plain["val_pgd_accuracy"] + 0.1
    for metrics in found:
        assert metrics["val_pgd_accuracy"] <= metrics["val_fgsm_accuracy"] + 0.02
        assert metrics["val_fgsm_accuracy"] < metrics["val_accuracy"]
    assert run.provenance == {"attack": "linf 0.1, 5 steps, 200 pictures"}
