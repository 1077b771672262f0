"""The classifier's studies: a trial of each is built, takes a step and is judged, as in a group.

The data sets that do not ship are a few pictures of noise, in files of the real format.
"""

from pathlib import Path

import pytest
from written_sets import write_cifar10, write_mnist, write_svhn

from classifier import Classifier
from hpsearch import study
from hpsearch.method.structure import shape_of
from hpsearch.trainer.fused.probe import fusion_obstacle

STUDIES = Path(__file__).parents[2] / "studies"
OUTSIDE = {
    "mnist_classifier": write_mnist,
    "mnist_madry": write_mnist,
    "svhn_classifier": write_svhn,
    "cifar10_resnet": write_cifar10,
}
FEW = {"batch_size": 4, "robustness_rows": 3, "attack_steps": 2, "robustness_steps": 2, "dense": 16}


def first_draw(space):
    return space.decode([0.3] * len(space))


@pytest.mark.parametrize(
    "name", [*OUTSIDE, "digits_classifier", "architecture_search", "augmentation_search"]
)
def test_a_trial_of_a_study_takes_a_step_and_is_judged(name, tmp_path):
    loaded = study.load_study(STUDIES / f"{name}.yaml")
    fixed = dict(loaded.fixed)
    if name in OUTSIDE:
        OUTSIDE[name](tmp_path / "files")
        fixed |= {"data_dir": str(tmp_path / "files"), "batch_size": FEW["batch_size"]}
        fixed |= {k: v for k, v in FEW.items() if k in fixed}
    assert {*loaded.space.names, *fixed} <= {*Classifier.defaults}
    params = first_draw(loaded.space)
    shape = shape_of(params, fixed, Classifier.defaults, Classifier.structure, loaded.space)
    assert fusion_obstacle(Classifier(), [params], {**Classifier.defaults, **fixed}, shape) is None
