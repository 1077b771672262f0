"""The shipped studies are read, and name only what their trainers know."""

from pathlib import Path

import pytest

from classifier import Classifier
from gan import GAN
from hpsearch import study

STUDIES = Path(__file__).parents[2] / "studies"


@pytest.mark.parametrize("path", sorted(STUDIES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_study_is_read(path):
    assert study.load(path).space


@pytest.mark.parametrize(
    ("name", "trainer"), [("digits_gan", GAN), ("digits_classifier", Classifier)]
)
def test_a_study_names_only_hyperparameters_that_its_trainer_has(name, trainer):
    loaded = study.load(STUDIES / f"{name}.yaml")
    assert set(loaded.space.names) <= set(trainer.defaults)
