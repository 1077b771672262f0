"""Fréchet distance and coverage against closed forms, scipy, torchmetrics and counts by hand."""

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given
from hypothesis import strategies as st

from hpsearch_trainers.metrics.distances import coverage, frechet_distance, moments


def gaussian_features(seed: int, n: int = 60, d: int = 6) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.normal(size=(n, d)) @ generator.normal(size=(d, d)) + generator.normal(size=d)


@given(
    means=st.tuples(st.floats(-5, 5), st.floats(-5, 5)),
    scales=st.tuples(st.floats(0, 5), st.floats(0, 5)),
)
def test_the_distance_of_isotropic_gaussians_has_its_closed_form(means, scales):
    """|m - n|² + d (s - t)²."""
    covariances = [s**2 * np.eye(3) for s in scales]
    distance = frechet_distance(
        np.full(3, means[0]), covariances[0], np.full(3, means[1]), covariances[1]
    )
    expected = 3 * (means[0] - means[1]) ** 2 + 3 * (scales[0] - scales[1]) ** 2
    assert distance == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_the_distance_is_that_of_scipys_matrix_root(seed):
    (m, a), (n, b) = moments(gaussian_features(seed)), moments(gaussian_features(seed + 100))
    root = scipy.linalg.sqrtm(a @ b)
    expected = (m - n) @ (m - n) + np.trace(a + b - 2 * root.real)
    assert frechet_distance(m, a, n, b) == pytest.approx(expected, rel=1e-9)


def test_the_distance_is_that_of_torchmetrics():
    from torchmetrics.image.fid import FrechetInceptionDistance

    class Flat(torch.nn.Module):
        num_features = 12

        def forward(self, images):
            return images.flatten(1)

    real, fake = (
        torch.rand(80, 3, 2, 2, generator=torch.Generator().manual_seed(s)) for s in (0, 1)
    )
    fake = fake**2
    measure = FrechetInceptionDistance(Flat(), normalize=False, input_img_size=(3, 2, 2))
    measure.set_dtype(torch.float64)
    measure.update(real.double(), real=True)
    measure.update(fake.double(), real=False)
    ours = frechet_distance(
        *moments(real.flatten(1).double().numpy()), *moments(fake.flatten(1).double().numpy())
    )
    assert ours == pytest.approx(float(measure.compute()), rel=1e-6)


def test_the_distance_of_singular_covariances_is_finite_and_zero_to_itself():
    features = gaussian_features(0)
    features = np.concatenate([features, features], axis=1)
    mean, covariance = moments(features)
    assert frechet_distance(mean, covariance, mean, covariance) == pytest.approx(0, abs=1e-5)


def test_the_distance_is_symmetric():
    a, b = moments(gaussian_features(1)), moments(gaussian_features(2))
    assert frechet_distance(*a, *b) == pytest.approx(frechet_distance(*b, *a), rel=1e-9)


def test_coverage_counts_the_real_samples_with_a_fake_one_in_their_ball():
    """On a line at 0, 1, 3, 7 with k = 1 the radii are 1, 1, 2, 4."""
    real = np.array([[0.0], [1.0], [3.0], [7.0]])
    assert coverage(real, np.array([[11.0]]), k=1) == 0.25  # in the ball of 7, on its edge
    assert coverage(real, np.array([[11.1]]), k=1) == 0.0
    assert coverage(real, np.array([[-0.5]]), k=1) == 0.25  # 0's; 1's ends at 0
    assert coverage(real, np.array([[0.5], [5.0]]), k=1) == 1.0
    assert coverage(real, np.array([[9.5]]), k=2) == 0.25  # radii 3, 2, 3, 6


def test_the_real_samples_cover_themselves_even_with_copies_among_them():
    real = gaussian_features(0)
    assert coverage(np.concatenate([real, real]), real, k=1) == 1.0
