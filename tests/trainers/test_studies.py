"""The shipped studies are read, and name only what their trainers know."""

from pathlib import Path

import numpy as np
import pytest

from classifier import Classifier
from gan import GAN
from hpsearch import study
from hpsearch.method.structure import structure_space_faults
from hpsearch.trainer.run import HP
from semi_supervised import SemiSupervised

STUDIES = Path(__file__).parents[2] / "studies"


@pytest.mark.parametrize("path", sorted(STUDIES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_study_is_read(path):
    assert study.load_study(path).space


TRAINERS = {
    "digits_gan": GAN,
    "mnist_gan": GAN,
    "fashion_gan": GAN,
    "acgan_digits": GAN,
    "gan_batch_size": GAN,
    "semi_supervised_digits": SemiSupervised,
    "digits_classifier": Classifier,
}


@pytest.mark.parametrize(("name", "trainer"), TRAINERS.items())
def test_a_study_names_only_hyperparameters_that_its_trainer_has(name, trainer):
    loaded = study.load_study(STUDIES / f"{name}.yaml")
    assert {*loaded.space.names, *loaded.fixed} <= set(trainer.defaults)
    assert not structure_space_faults(trainer.structure, loaded.space)


@pytest.mark.parametrize("name", ["acgan_digits", "gan_batch_size", "mnist_gan"])
def test_any_trial_of_a_gans_study_can_be_built(name):
    """Of what a space allows nothing is refused; 40 draws, on the digits."""
    loaded = study.load_study(STUDIES / f"{name}.yaml")
    generator = np.random.default_rng(0)
    for _ in range(40):
        drawn = loaded.space.decode(generator.random(len(loaded.space)).tolist())
        small = {"data": "digits", "width": min(4, drawn.get("width", 4))}
        hp = HP({**GAN.defaults, **loaded.fixed, **drawn, **small})
        trainer = GAN()
        trainer.build(hp)
        for phase in trainer.phases:
            assert trainer.optimizer(phase, hp).rate(0) > 0
