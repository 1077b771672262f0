"""The shipped trainers under the contract of all trainers."""

import itertools

import pytest

from classifier import ACTIVATIONS, Classifier
from gan import GAN, LOSSES, PENALTIES
from hpsearch.testing.cases import Case
from hpsearch.testing.fused import a_group_has_the_lone_numbers
from hpsearch.testing.trainers import ALL_TRAINER_CHECKS, every_hyperparameter_is_read
from hpsearch.testing.trials import Member

GANS = [
    {"loss": "hinge", "penalty": "r1", "width": 24, "z_dim": 4, "n_critic": 2, "depth": 1},
    {"loss": "wgan", "penalty": "gradient", "penalty_weight": 10.0, "width": 16, "z_dim": 6},
    {"loss": "least_squares", "penalty": "dragan", "width": 32, "lr_d": 2e-3, "n_critic": 3},
    {"loss": "non_saturating", "penalty": "none", "width": 20, "beta1": 0.0, "batch_size": 32},
    {
        "loss": "loss_sensitive",
        "generator_penalty": "gradient_norm",
        "conditional": "acgan",
        "normalization": "layer",
        "width": 8,
        "batch_size": 16,
    },
]
CLASSIFIERS = [
    {"optimizer": "sgd", "lr_sgd": 0.05, "width": 24, "dropout": 0.3, "depth": 2},
    {"optimizer": "adam", "activation": "tanh", "width": 16, "label_smoothing": 0.1},
    {"optimizer": "adamw", "activation": "gelu", "width": 9, "weight_decay": 0.1, "dropout": 0.1},
    {"optimizer": "rmsprop", "activation": "silu", "width": 32, "batch_size": 16, "dropout": 0.5},
]

# What the checks of groups need not try again: tests/trainers/test_classifier_fused.py does.
REST = {
    Classifier: [
        {
            "net": "cnn", "depth": 6, "norm": "batch", "dense": 8, "width": 4, "batch_size": 8,
            "mix": "mixup", "subpolicies": 3, "operations": 2, "schedule": "step",
            "attack_steps": 1, "robustness_rows": 5, "robustness_steps": 2,
        },
        {"net": "resnet", "stages": 2, "width": 4, "batch_size": 8},
    ],
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("check", ALL_TRAINER_CHECKS)
@pytest.mark.parametrize(("trainer", "settings"), [(GAN, GANS), (Classifier, CLASSIFIERS)])
def test_the_shipped_trainers_keep_the_contract(check, trainer, settings, tmp_path):
    if check is every_hyperparameter_is_read:
        settings = settings + REST.get(trainer, [])
    check(trainer, settings, tmp_path)


def assert_one_group_has_the_lone_numbers(trainer, settings, folder):
    """After 100 steps.

    The group has the shape of the last, whose padded sizes must be the largest.
    """
    members = [Member(each, seed, 100) for seed, each in enumerate(settings)]
    shape = Case.of(trainer, settings).shape(settings[-1])
    a_group_has_the_lone_numbers(trainer, members, shape, folder)


@pytest.mark.slow
@pytest.mark.parametrize("penalties", [("none",), PENALTIES])
def test_a_group_of_every_loss_and_penalty_has_the_lone_numbers(penalties, tmp_path):
    settings = [
        {
            "loss": loss,
            "penalty": penalty,
            "penalty_weight": 0.3 * (i + 1),
            "width": 12 + i,
            "z_dim": 3 + i,
            "n_critic": 1 + i % 3,
            # At 0.017, with r1, the loss-sensitive one lets rounding grow some 10^8-fold.
            "lr_d": 1e-3 * (i + 1),
        }
        for i, (loss, penalty) in enumerate(itertools.product(LOSSES, penalties))
    ]
    assert_one_group_has_the_lone_numbers(GAN, settings, tmp_path)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_group_of_every_optimizer_has_the_lone_numbers(activation, tmp_path):
    settings = [
        {
            "optimizer": optimizer,
            "activation": activation,
            "dropout": 0.1 * i,
            "label_smoothing": 0.1 * i,
            "weight_decay": 0.01 * i,
            "width": 16 + i,
            "depth": 2,
        }
        for i, optimizer in enumerate(("sgd", "adam", "adamw", "rmsprop"))
    ]
    assert_one_group_has_the_lone_numbers(Classifier, settings, tmp_path)
