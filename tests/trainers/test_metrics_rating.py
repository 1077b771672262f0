"""Ratings: the table of a textbook, closed forms, and tournaments with a known outcome."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch_trainers.metrics.rating import MEAN, POINTS, ratings, tournament, win_rate


def test_the_strengths_are_those_of_the_textbook():
    """Baseball, American League East 1987: wins of Agresti 2002, table 10.10.

    Strengths as R's BradleyTerry2 gives them in its vignette, relative to Baltimore's.
    """
    wins = np.array(
        [
            [0, 7, 9, 7, 7, 9, 11],
            [6, 0, 7, 5, 11, 9, 9],
            [4, 6, 0, 7, 7, 8, 12],
            [6, 8, 6, 0, 6, 7, 10],
            [6, 2, 6, 7, 0, 7, 12],
            [4, 4, 5, 6, 6, 0, 6],
            [2, 4, 1, 3, 1, 7, 0],
        ]
    )
    found = ratings(wins, math.inf)
    relative = [(rating.points - found[-1].points) / POINTS for rating in found]
    assert relative == pytest.approx([1.5814, 1.4364, 1.2945, 1.2476, 1.1077, 0.6839, 0], abs=5e-5)
    assert np.mean([rating.points for rating in found]) == pytest.approx(MEAN)


@pytest.mark.parametrize(("won", "lost"), [(10, 1), (7, 3), (5, 5)])
def test_two_players_differ_by_the_logarithm_of_their_odds(won, lost):
    """400 log₁₀(won / lost), with the log-odds' standard error (1/won + 1/lost)^½."""
    a, b = ratings(np.array([[0, won], [lost, 0]]), math.inf)
    assert a.points - b.points == pytest.approx(400 * math.log10(won / lost), abs=1e-6)
    assert 2 * a.error == pytest.approx(POINTS * math.sqrt(1 / won + 1 / lost))


def test_a_player_of_whom_nothing_is_known_has_the_mean():
    assert [r.points for r in ratings(np.zeros((3, 3)))] == [MEAN] * 3


def test_one_who_wins_all_games_has_a_rating_only_with_a_prior():
    wins = np.array([[0, 10], [0, 0]])
    assert MEAN < ratings(wins)[0].points < MEAN + 800
    with pytest.raises(ValueError, match="has no maximum: some players won all games"):
        ratings(wins, math.inf)


@given(st.lists(st.integers(0, 20), min_size=12, max_size=12), st.permutations(range(4)))
def test_the_order_of_the_players_does_not_matter_and_the_slope_is_zero(games, order):
    wins = np.zeros((4, 4))
    wins[~np.eye(4, dtype=bool)] = games
    found = np.array([r.points for r in ratings(wins)])
    moved = np.array([r.points for r in ratings(wins[np.ix_(order, order)])])
    np.testing.assert_allclose(moved, found[list(order)], atol=1e-4)
    # At the maximum wins are what was expected, and the prior's pull.
    strength = (found - MEAN) / POINTS
    chance = 1 / (1 + np.exp(strength - strength[:, None]))
    pull = strength * (POINTS / 350) ** 2
    np.testing.assert_allclose(wins.sum(1), ((wins + wins.T) * chance).sum(1) + pull, atol=1e-5)


def test_the_win_rate_counts_pairs_and_ties_half():
    """Against 0, 1 and 2 a score of 1 wins 1 + ½ + 0, and 9 wins 3."""
    assert win_rate(np.array([0.0, 1.0, 2.0]), np.array([1.0, 9.0])) == pytest.approx(4.5 / 6)
    assert win_rate(np.array([3.0, 4.0]), np.array([1.0])) == 0
    assert win_rate(np.ones(4), np.ones(3)) == 0.5


def test_scores_that_are_not_numbers_are_refused():
    with pytest.raises(ValueError, match="a score is NaN"):
        win_rate(np.array([0.0]), np.array([math.nan]))


def test_a_tournament_finds_the_strengths_that_made_it():
    strengths = {"a": 0.8, "b": 0.0, "c": -0.8}
    wins = {
        (g, d): 1 / (1 + math.exp(y - x))
        for g, x in strengths.items()
        for d, y in strengths.items()
    }
    generators, discriminators = tournament(wins, games=100_000)
    assert list(generators) == list(discriminators) == ["a", "b", "c"]
    for found in (generators, discriminators):
        assert found["a"].points - found["b"].points == pytest.approx(0.8 * POINTS, abs=0.5)
        assert found["b"].points - found["c"].points == pytest.approx(0.8 * POINTS, abs=0.5)
