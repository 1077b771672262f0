"""Holes of witness complexes: by hand, against GUDHI, and of a circle and a disc."""

import numpy as np
import pytest
import torch

from hpsearch_trainers.metrics import Pixels, measure
from hpsearch_trainers.metrics.geometry import (
    HOLES,
    geometry_score,
    hole_intervals,
    mean_relative_living_times,
    relative_living_times,
)


def distances(witnesses: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    return np.linalg.norm(witnesses[:, None] - landmarks, axis=2)


def circle(count: int, radius: float = 1.0) -> np.ndarray:
    angle = np.arange(count) * 2 * np.pi / count
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def test_a_square_has_one_hole_until_its_diagonals_enter():
    """Corners ±1, ±1 see the farthest at 2√2 and the others at 2: relaxation 2√2 - 2."""
    corners = np.array([[1.0, 1], [-1, 1], [-1, -1], [1, -1]])
    middles = np.array([[0.0, 1], [0, -1], [1, 0], [-1, 0]])
    found = hole_intervals(distances(np.concatenate([corners, middles]), corners), limit=2.0)
    np.testing.assert_allclose(found, [[0, 2 * np.sqrt(2) - 2]], atol=1e-12)


@pytest.mark.parametrize(
    ("landmarks", "limit", "expected"),
    [
        (12, 0.05, [(0, 0.014769), (0, 0.031939), (0, 0.05), (0, 0.05)]),
        (
            20,
            0.2,
            [
                (0, 0.021257),
                (0, 0.030353),
                (0, 0.127023),
                (0, 0.143332),
                (0, 0.183524),
                (0.032443, 0.2),
                (0.049523, 0.153723),
                (0.102797, 0.2),
            ],
        ),
    ],
)
def test_the_holes_are_those_of_gudhi(landmarks, limit, expected):
    """Intervals of GUDHI 3.13's WitnessComplex and simplex tree, of the same distances."""
    samples = np.sin(np.arange(80)[:, None] * np.sqrt([2.0, 3.0, 5.0]))
    found = hole_intervals(distances(samples, samples[:landmarks]), limit)
    np.testing.assert_allclose(sorted(map(tuple, found)), expected, atol=1e-6)


def test_living_times_are_shares_of_the_time_with_so_many_holes():
    """[0, 4] and [1, 2] of 8: none for half the time, one for 3/8, two for 1/8."""
    found = relative_living_times(np.array([[0.0, 4.0], [1.0, 2.0]]), 8.0)
    np.testing.assert_allclose(found[:4], [4 / 8, 3 / 8, 1 / 8, 0])
    assert found.shape == (HOLES,) and found.sum() == pytest.approx(1)


def test_samples_without_holes_and_samples_in_one_place_have_none():
    none = np.eye(HOLES)[0]
    np.testing.assert_allclose(relative_living_times(np.empty((0, 2)), 3.0), none)
    point = np.zeros((40, 3))
    np.testing.assert_allclose(mean_relative_living_times(point, 10, repeats=2), none)


def test_a_circle_has_one_hole_all_the_time_and_two_circles_two():
    one = mean_relative_living_times(circle(200), 16, gamma=1 / 16, repeats=5)
    assert one[1] > 0.95
    pair = np.concatenate([circle(200), circle(200) + np.array([3, 0])])
    two = mean_relative_living_times(pair, 40, gamma=1 / 64, repeats=5)
    assert two[2] > 0.9
    assert geometry_score(one, two) > 1.6 and geometry_score(one, one) == 0


def test_the_metric_tells_a_ring_from_a_disc_of_the_same_covariance():
    generator = np.random.default_rng(0)
    angle = generator.uniform(0, 2 * np.pi, (3, 200))
    radius = np.stack([np.ones(200), np.ones(200), np.sqrt(2 * generator.uniform(size=200))])
    images = torch.from_numpy(np.stack([np.cos(angle), np.sin(angle)], axis=2) * radius[..., None])
    settings = {"geometry": {"landmarks": 16, "gamma": 1 / 16, "repeats": 5}}
    ring, disc = (
        measure(["geometry"], images[0], fake, Pixels(), settings=settings)["geometry"]
        for fake in images[1:]
    )
    assert ring.better_than(disc) and ring.value < 0.1 < disc.value


def test_fewer_samples_than_landmarks_are_refused():
    with pytest.raises(
        ValueError, match="64 landmarks must be at least 4 and at most the 20 samples"
    ):
        mean_relative_living_times(circle(20))
