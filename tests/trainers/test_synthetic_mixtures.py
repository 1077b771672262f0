"""Mixtures of Gaussians: counted against probabilities in closed form and scipy's divergences."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2

from hpsearch_trainers.known_optimum.mixtures import (
    GRID25,
    MIXTURES,
    RING8,
    Mixture,
    census,
    mixture,
    training_set,
)
from hpsearch_trainers.known_optimum.vector_gan import Packed
from points_gan import Octaves, PointsGAN, scatter, why_collapsed


@pytest.mark.parametrize("of", MIXTURES.values(), ids=MIXTURES)
def test_a_mixtures_own_samples_are_found_to_be_its_own(of):
    """50,000 samples: the standard error of the quality is 0.0005."""
    found = census(of.sample(50_000, seed=4), of)
    assert found.modes == len(of.modes)
    assert found.quality == pytest.approx(chi2.cdf(9, df=2), abs=0.003)
    assert found.reverse_kl == pytest.approx(0, abs=1e-12) and found.jsd < 1e-4


def test_the_modes_are_those_of_the_papers():
    assert GRID25.modes.shape == (25, 2) and set(np.unique(GRID25.modes)) == {-4, -2, 0, 2, 4}
    assert GRID25.deviation**2 == pytest.approx(0.0025)
    assert np.hypot(*RING8.modes.T) == pytest.approx(np.ones(8))
    neighbours = np.hypot(*(RING8.modes - np.roll(RING8.modes, 1, axis=0)).T)
    assert neighbours == pytest.approx(np.full(8, 2 * math.sin(math.pi / 8)))
    assert RING8.deviation**2 == pytest.approx(1e-4)


def test_the_scale_is_that_of_the_variance_in_closed_form():
    """Of -4, -2, 0, 2, 4 it is 8, of a unit circle's coordinates 1/2; the modes' own is added."""
    assert GRID25.scale**2 == pytest.approx(8.0025)
    assert RING8.scale**2 == pytest.approx(0.5001)
    for name in MIXTURES:
        assert float(training_set(name).var(0).mean()) == pytest.approx(1, abs=0.02)


def at_modes(of: Mixture, counts: list[int], between: int = 0) -> np.ndarray:
    """So many samples at each of the first modes, and some where no mode is near."""
    return np.concatenate(
        [np.repeat(of.modes[: len(counts)], counts, axis=0), np.full((between, 2), 0.4)]
    )


@pytest.mark.parametrize("covered", [1, 5, 24, 25])
def test_equal_shares_of_some_modes_have_the_reverse_divergence_log_k_over_j(covered):
    found = census(at_modes(GRID25, [7] * covered), GRID25)
    assert found.modes == covered and found.quality == 1
    assert found.reverse_kl == pytest.approx(math.log(25 / covered), abs=1e-12)


@pytest.mark.parametrize(
    ("counts", "between"), [([10, 20, 30], 0), ([5] * 8, 60), ([1, 0, 0, 99], 7), ([], 40)]
)
def test_the_jensen_shannon_divergence_is_scipys(counts, between):
    found = census(at_modes(RING8, counts, between), RING8)
    total = sum(counts) + between
    generated = [*counts, *[0] * (8 - len(counts)), between]
    near = chi2.cdf(9, df=2)
    expected = jensenshannon(np.array(generated) / total, [near / 8] * 8 + [1 - near]) ** 2
    assert found.jsd == pytest.approx(expected, rel=1e-9)
    assert found.quality == pytest.approx(1 - between / total)


def test_a_sample_is_of_high_quality_up_to_three_deviations_from_its_mode():
    for of in MIXTURES.values():
        for deviations, near in [(2.99, True), (3.01, False)]:
            away = of.modes + deviations * of.deviation * np.array([0.6, 0.8])
            assert census(away, of).modes == (len(of.modes) if near else 0)


def test_an_unknown_mixture_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"no data set 'grid' \(has: grid25, ring8\)"):
        mixture("grid")


def test_a_deviation_may_be_another_as_long_as_the_discs_are_apart():
    wide = mixture("grid25", 0.3)
    assert wide.deviation == 0.3 and wide.scale**2 == pytest.approx(8.09)
    assert census(wide.sample(50_000, seed=4), wide).quality == pytest.approx(0.98889, abs=0.003)
    with pytest.raises(ValueError, match=r"above 0 and below 0\.333, got 0\.4"):
        mixture("grid25", 0.4)


def test_a_generator_of_one_mode_is_collapsed_and_one_of_none_is_just_bad():
    assert why_collapsed(1, RING8) == "1 of 8 modes"
    assert why_collapsed(2, GRID25) == "2 of 25 modes"
    assert why_collapsed(3, GRID25) is None and why_collapsed(0, GRID25) is None


def test_the_map_shows_a_point_where_it_is():
    picture = scatter(np.full((9, 2), [4.0, 2.0]), GRID25)
    [[row, column]] = np.argwhere(picture == 1)
    side = picture.shape[0]
    assert row == pytest.approx(side * (1 - 2 / 5) / 2, abs=1)  # above the middle
    assert column == pytest.approx(side * (1 + 4 / 5) / 2, abs=1)


def test_the_octaves_are_sines_and_cosines_of_periods_4_2_and_1():
    x = torch.tensor([[0.3, -0.7]])
    seen = Octaves(3)(x)[0].tolist()
    angles = [2 * math.pi * c / period for period in (4, 2, 1) for c in (0.3, -0.7)]
    expected = [0.3, -0.7, *map(math.sin, angles), *map(math.cos, angles)]
    assert seen == pytest.approx(expected, abs=1e-6)


def test_a_packed_discriminator_judges_neighbours_as_one_and_reads_all_of_them(hp):
    settings = hp(PointsGAN, packing=3, width=8)
    critic = Packed(torch.nn.Identity(), 2, settings)
    samples = torch.randn(12, 2, generator=torch.Generator().manual_seed(0))
    logits = critic(samples)
    assert logits.shape == (4, 1)
    for i in range(12):
        changed = samples.clone()
        changed[i] += 1
        moved = (critic(changed) != logits).flatten().nonzero().flatten().tolist()
        assert moved == [i // 3]
