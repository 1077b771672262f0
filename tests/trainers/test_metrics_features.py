"""Judges of features against closed forms, counts by hand, torchmetrics and scikit-learn."""

import math

import numpy as np
import pytest
import torch
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from hpsearch_trainers.metrics.distances import coverage
from hpsearch_trainers.metrics.inception import inception_score
from hpsearch_trainers.metrics.kernel import kernel_distance, standardised
from hpsearch_trainers.metrics.neighbours import Neighbours, Sample
from hpsearch_trainers.metrics.two_sample import network_accuracy, p_value


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)[:, None]


def neighbours(real: np.ndarray, fake: np.ndarray) -> Neighbours:
    return Neighbours(Sample(real), Sample(fake))


def waves(count: int, phase: float) -> np.ndarray:
    """[count, 3], without a generator whose numbers a release may change."""
    place = np.arange(1, 4)
    return np.sin(phase + np.arange(count)[:, None] * np.sqrt(place + 1.0)) + 0.1 * phase * place


def test_the_kernel_distance_by_hand():
    """k(0, 2) = 1, k(1, 1) = 8, k(0, 1) = 1, k(2, 1) = 27: 1 + 8 - 2 · 14."""
    assert kernel_distance(column(0, 2), column(1, 1)) == pytest.approx(-19)
    assert kernel_distance(column(0, 2), column(1, 1), degree=1) == pytest.approx(1 + 2 - 2 * 2)


def test_the_kernel_distance_of_numbers_has_the_closed_form_of_their_moments():
    """3 (Δm₁)² + 3 (Δm₂)² + (Δm₃)², here of N(0, 1) and N(½, 1).

    The mean of 200 unbiased estimates from 2 × 200 numbers; their standard error is about 0.08.
    """
    generator = np.random.default_rng(0)
    found = [
        kernel_distance(generator.normal(size=(200, 1)), generator.normal(0.5, size=(200, 1)))
        for _ in range(200)
    ]
    expected = 3 * 0.5**2 + 3 * 0.25**2 + (0.5**3 + 3 * 0.5) ** 2
    assert np.mean(found) == pytest.approx(expected, abs=4 * np.std(found) / math.sqrt(200))


@pytest.mark.filterwarnings("ignore:Metric .* will save all extracted features")
def test_the_kernel_distance_is_that_of_torchmetrics():
    from torchmetrics.image.kid import KernelInceptionDistance

    class Flat(torch.nn.Module):
        num_features = 12

        def forward(self, images):
            return images.flatten(1)

    generator = torch.Generator().manual_seed(0)
    real, fake = torch.rand(2, 40, 3, 2, 2, generator=generator).double()
    theirs = KernelInceptionDistance(Flat(), subsets=1, subset_size=40)
    theirs.update(real, real=True)
    theirs.update(fake**2, real=False)
    ours = kernel_distance(real.flatten(1).numpy(), (fake**2).flatten(1).numpy())
    assert ours == pytest.approx(float(theirs.compute()[0]), rel=1e-4)


def test_standardised_features_have_the_real_ones_unit_and_constant_ones_stay_finite():
    real = np.array([[1.0, 5.0], [3.0, 5.0]])
    scaled = standardised(np.array([[2.0, 6.0], [4.0, 5.0]]), real.mean(0), real.std(0))
    np.testing.assert_allclose(scaled, [[0, 1], [2, 0]])


@pytest.mark.parametrize(
    ("logits", "expected"),
    [
        (np.zeros((8, 4)), 1.0),  # no picture is clear
        (np.tile([9e9, 0.0, 0.0], (5, 1)), 1.0),  # all are of one class
        (np.repeat(np.eye(5) * 9e9, 3, axis=0), 5.0),  # all clear, all classes
        # p = (¾, ¼) and (¼, ¾), marginal (½, ½): exp(¾ ln 1½ + ¼ ln ½)
        (np.log([[3.0, 1.0], [1.0, 3.0]]), 1.5**0.75 * 0.5**0.25),
    ],
)
def test_the_inception_score_has_its_closed_form(logits, expected):
    assert inception_score(logits) == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore:Metric .* will save all extracted features")
@pytest.mark.filterwarnings("ignore:.*degrees of freedom")
def test_the_inception_score_is_that_of_torchmetrics():
    from torchmetrics.image.inception import InceptionScore

    class Logits(torch.nn.Module):
        num_features = 12

        def forward(self, images):
            return images.flatten(1)

    images = 5 * torch.randn(30, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    theirs = InceptionScore(Logits(), splits=1)
    theirs.update(images)
    expected = float(theirs.compute()[0])
    assert inception_score(images.flatten(1).double().numpy()) == pytest.approx(expected, rel=1e-5)


def test_balls_are_counted_as_by_hand():
    """Real 0, 1, 3, 7 with k = 1 have radii 1, 1, 2, 4; generated 2, 2.5, 20 ½, ½, 17½."""
    seen = neighbours(column(0, 1, 3, 7), column(2, 2.5, 20))
    assert seen.precision(k=1) == pytest.approx(2 / 3)  # 2 and 2.5
    assert seen.recall(k=1) == pytest.approx(2 / 4)  # 3 near 2.5, and 7 near 20
    # 2 is in the balls of 1 and 3, 2.5 in that of 3; 20 in none. 7's ball ends at 3.
    assert seen.density(k=1) == pytest.approx(3 / 3)
    assert seen.coverage(k=1) == pytest.approx(2 / 4)


@pytest.mark.parametrize(
    ("k", "precision", "recall", "density", "coverage"),
    [(3, 0.58, 0.8, 0.39333333, 0.46666667), (5, 0.98, 0.9, 0.732, 0.86666667)],
)
def test_balls_are_counted_as_by_the_authors_package(k, precision, recall, density, coverage):
    """Values of prdc 0.2, of Naeem et al., for the same samples."""
    seen = neighbours(waves(60, 0.0), waves(50, 2.0))
    found = [seen.precision(k), seen.recall(k), seen.density(k), seen.coverage(k)]
    assert found == pytest.approx([precision, recall, density, coverage])


def test_the_gans_own_coverage_is_the_same():
    real, fake = waves(60, 0.0), waves(50, 2.0)
    assert coverage(real, fake) == neighbours(real, fake).coverage()


def test_samples_of_one_distribution_have_the_expected_density_and_coverage():
    """Density 1 and coverage 1 - Π (n - i) / (n + m - i), i = 1..k (Naeem et al. 2020, lemma 2).

    Means of 60 draws; the tolerance is four of their standard errors.
    """
    generator = np.random.default_rng(0)
    found = []
    for _ in range(60):
        seen = neighbours(generator.normal(size=(50, 2)), generator.normal(size=(70, 2)))
        found.append((seen.density(3), seen.coverage(3)))
    share = (49 * 48 * 47) / (119 * 118 * 117)
    errors = 4 * np.std(found, axis=0) / math.sqrt(60)
    assert np.abs(np.mean(found, axis=0) - (1.0, 1 - share)).max() < errors.max()
    assert np.all(np.abs(np.mean(found, axis=0) - (1.0, 1 - share)) < errors)


def test_the_nearest_neighbour_classifier_is_that_of_scikit_learn():
    real, fake = waves(30, 0.0), waves(30, 1.5)
    x, y = np.concatenate([real, fake]), np.repeat([1, 0], 30)
    theirs = cross_val_score(KNeighborsClassifier(1), x, y, cv=LeaveOneOut()).mean()
    assert 0.5 < theirs < 1
    assert neighbours(real, fake).accuracy() == pytest.approx(theirs)


def test_the_nearest_neighbour_classifier_by_hand():
    assert neighbours(column(0, 1, 2), column(10, 11)).accuracy() == 1.0
    # Each copy's nearest is its original, and the reverse.
    assert neighbours(column(0, 10, 20), column(0.1, 10.1, 20.1)).accuracy() == 0.0
    # 0 has a real and a generated neighbour at distance 1: a tie. The others are right.
    assert neighbours(column(0, 1), column(-1, -1.5)).accuracy() == pytest.approx((1.5 / 2 + 1) / 2)


@pytest.mark.parametrize(("shift", "tolerance"), [(0.0, 0.04), (2.0, 0.03), (6.0, 0.01)])
def test_the_networks_accuracy_is_that_of_the_best_rule_for_two_normals(shift, tolerance):
    """Φ(shift / 2), tested on 2 × 1000 samples: a standard error of 0.011 at most."""
    generator = np.random.default_rng(1)
    real = generator.normal(size=(2000, 3))
    fake = generator.normal(size=(2000, 3)) + np.array([shift, 0, 0])
    best = 0.5 * math.erfc(-shift / 2 / math.sqrt(2))
    assert network_accuracy(real, fake) == pytest.approx(best, abs=tolerance)


def test_the_networks_accuracy_repeats():
    a, b = waves(50, 0.0), waves(40, 1.0)
    assert network_accuracy(a, b) == network_accuracy(a, b)


@pytest.mark.parametrize(("z", "chance"), [(0.0, 0.5), (1.959964, 0.025), (-1.281552, 0.9)])
def test_the_chance_of_an_accuracy_is_that_of_the_normal_table(z, chance):
    assert p_value(0.5 + z / (2 * math.sqrt(400)), 400) == pytest.approx(chance, abs=1e-6)
