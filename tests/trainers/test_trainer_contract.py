"""The shipped trainers under the contract of all trainers."""

import pytest

from classifier import Classifier
from gan import GAN
from hpsearch.testing import ALL_TRAINER_CHECKS

GANS = [
    {"loss": "hinge", "penalty": "r1", "width": 24, "z_dim": 4, "n_critic": 2, "depth": 1},
    {"loss": "wgan", "penalty": "gradient", "penalty_weight": 10.0, "width": 16, "z_dim": 6},
    {"loss": "least_squares", "penalty": "dragan", "width": 32, "lr_d": 2e-3, "n_critic": 3},
    {"loss": "non_saturating", "penalty": "none", "width": 20, "beta1": 0.0, "batch_size": 32},
]
CLASSIFIERS = [
    {"optimizer": "sgd", "lr_sgd": 0.05, "width": 24, "dropout": 0.3, "depth": 2},
    {"optimizer": "adam", "activation": "tanh", "width": 16, "label_smoothing": 0.1},
    {"optimizer": "adamw", "activation": "gelu", "width": 9, "weight_decay": 0.1, "dropout": 0.1},
    {"optimizer": "rmsprop", "activation": "silu", "width": 32, "batch_size": 16, "dropout": 0.5},
]


@pytest.mark.parametrize("check", ALL_TRAINER_CHECKS)
@pytest.mark.parametrize(("trainer", "settings"), [(GAN, GANS), (Classifier, CLASSIFIERS)])
def test_the_shipped_trainers_keep_the_contract(check, trainer, settings, tmp_path):
    check(trainer, settings, tmp_path)
