"""Classifiers of every kind in groups: the lone trial's numbers, and its bits in any company."""

import pytest

from classifier import Classifier
from hpsearch.testing.cases import Case
from hpsearch.testing.trials import (
    Member,
    difference,
    distance,
    in_doubles,
    train_alone,
    train_together,
)

STEPS = 6
SMALL = {"batch_size": 8, "lr": 3e-3}
POLICY = {
    **SMALL,
    "width": 16,
    "subpolicies": 2,
    "operations": 2,
    "probability_1": 0.9,
    "mix": "mixup",
}
ATTACK = {**SMALL, "attack_steps": 2, "robustness_rows": 12, "robustness_steps": 2}
CNN = {
    **SMALL, "net": "cnn", "depth": 4, "layer_2": "max_pool", "layer_3": "residual",
    "layer_4": "separable", "norm": "batch",
}  # fmt: skip
RESNET = {**SMALL, "net": "resnet", "stages": 2, "head": "flatten", "dense": 6, "order": "pre"}
GROUPS = {
    "policies": [
        {**POLICY, "op_1": "rotate", "op_2": "cutout", "op_3": "equalize", "op_4": "sharpness"},
        {**POLICY, "op_1": "shear_x", "op_2": "contrast", "magnitude_1": 0.9, "mixup_alpha": 1.0},
        {**POLICY, "op_1": "solarize", "op_2": "posterize", "op_3": "mirror", "width": 20},
    ],
    "attacked perceptrons": [
        {**ATTACK, "depth": 2, "skip": True, "width": 12, "epsilon": 0.05, "attack_start": 0.0},
        {**ATTACK, "depth": 2, "skip": True, "width": 16, "attack_step": 0.2, "dropout": 0.2},
    ],
    "attacked convolutions": [
        {**CNN, "attack_steps": 1, "width": 5, "epsilon": 0.1, "attack_step": 0.1},
        {**CNN, "attack_steps": 1, "width": 6, "dropout": 0.3, "schedule": "one_cycle"},
    ],
    "resnets": [
        {**RESNET, "norm": "batch", "skip": True, "width": 3},
        {**RESNET, "norm": "batch", "skip": True, "width": 4, "optimizer": "sgd"},
    ],
}


@pytest.mark.parametrize("settings", GROUPS.values(), ids=GROUPS)
def test_a_trial_has_the_lone_numbers_in_a_group_and_its_bits_in_any(settings, tmp_path):
    case, exact = Case.of(Classifier, settings), in_doubles(Classifier)
    shape = case.shape(settings[-1])
    members = [Member(each, seed, STEPS) for seed, each in enumerate(settings)]
    fused = train_together(exact, tmp_path / "fused", members, shape, STEPS)
    for each, ours in zip(members, fused, strict=True):
        place = tmp_path / f"alone-{each.seed}"
        alone = train_alone(
            exact, place, each.settings, budget=STEPS, seed=each.seed, report_every=STEPS
        )
        assert distance(ours.state, alone.state)[0] < 1e-9, each.settings
        assert distance(ours.metrics, alone.metrics)[0] < 1e-9, each.settings
    several = train_together(Classifier, tmp_path / "several", members, shape, STEPS)
    [one] = train_together(Classifier, tmp_path / "one", members[-1:], shape, STEPS)
    assert difference(one, several[-1]) is None
