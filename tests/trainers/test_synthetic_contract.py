"""The trainers of known answers under the contract of all trainers, and their studies."""

from pathlib import Path

import pytest

import polygons_gan
from hpsearch import study
from hpsearch.method.structure import structure_space_faults
from hpsearch.testing.trainers import check_trainer
from hpsearch_trainers.known_optimum import polygons
from lqg import LQG
from points_gan import PointsGAN
from polygons_gan import PolygonsGAN

STUDIES = Path(__file__).parents[2] / "studies"
SMALL = {"width": 12, "batch_size": 16}


@pytest.mark.slow
def test_the_gan_of_points_keeps_the_contract():
    settings = [
        {**SMALL, "loss": "relativistic", "penalty": "r1_r2", "packing": 2, "octaves": 2},
        {**SMALL, "loss": "wgan", "penalty": "gradient", "decay": 60, "n_critic": 2, "width": 16},
    ]
    check_trainer(PointsGAN, settings)


@pytest.mark.slow
def test_the_gan_of_polygons_keeps_the_contract(monkeypatch):
    monkeypatch.setattr(polygons, "STEPS", 1)  # nearly all the time goes into the descents
    monkeypatch.setattr(polygons_gan, "STEPS", 1)
    shape = {"corners": 4, "pieces": 2, "softness": 0.6, "pixels": 8, "evaluated": 4, "z_dim": 6}
    check_trainer(PolygonsGAN, [{**SMALL, "loss": "hinge", "penalty": "r1", **shape}])


@pytest.mark.slow
def test_the_linear_quadratic_gan_keeps_the_contract():
    settings = [
        {"loss": "wgan", "lr_g": 3e-3, "n_critic": 2, "dimension": 5, "rank": 2},
        {"loss": "wasserstein", "penalty_weight": 1.0, "decay": 50, "batch_size": 32},
    ]
    check_trainer(LQG, settings)


@pytest.mark.parametrize(
    ("name", "trainer"),
    [("grid25_modes", PointsGAN), ("triangles_f1", PolygonsGAN), ("lqg_gan", LQG)],
)
def test_a_study_of_theirs_suits_its_trainer(name, trainer):
    loaded = study.load_study(STUDIES / f"{name}.yaml")
    assert set(loaded.space.names) | set(loaded.fixed) <= set(trainer.defaults)
    assert structure_space_faults(trainer.structure, loaded.space) == {}
