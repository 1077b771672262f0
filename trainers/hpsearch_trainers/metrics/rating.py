"""Ratings of players that met in pairs: a Bradley-Terry fit on Elo's scale.

A fit, unlike Elo's and Glicko's updates, does not depend on the order of the games.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hpsearch_trainers.metrics.extractors import Array

POINTS = 400 / math.log(10)  # of Elo's scale for one unit of log-odds
MEAN, DEVIATION = 1500.0, 350.0  # of a player of whom nothing is known (Glickman 1995)


@dataclass(frozen=True)
class Rating:
    """How strong a player is; 400 points more mean odds of 10 to 1."""

    points: float
    error: float  # standard deviation of the distance from the mean of those it is rated beside

    def __str__(self) -> str:
        return f"{self.points:.0f} ± {self.error:.0f}"


def ratings(
    wins: Array, deviation: float = DEVIATION, kinds: Sequence[int] | None = None
) -> list[Rating]:
    """The most probable strengths: P(i beats j) = σ(s_i - s_j) (Bradley & Terry 1952).

    The prior of each strength is Normal(MEAN, deviation²), without which a player that won all its
    games would be infinitely strong. Newton's method; the posterior has one maximum.

    Args:
        wins: of player i over player j, [n, n], at least 0; shares of games are allowed.
        deviation: of the prior in points; `math.inf` for the maximum likelihood, whose mean is MEAN
            and which must exist.
        kinds: of the players [n]; errors are relative to the mean of a kind. All alike if None.

    Raises:
        ValueError: `wins` is of another form; or the maximum does not exist.
    """
    wins = np.asarray(wins, dtype=np.float64)
    if wins.ndim != 2 or wins.shape[0] != wins.shape[1] or not (wins >= 0).all():
        raise ValueError(f"wins: expected a square of numbers of at least 0, got {wins.shape}")
    wins = wins * (1 - np.eye(len(wins)))
    strengths, information = _fit(wins, (POINTS / deviation) ** 2)
    alike = np.equal.outer(kinds, kinds) if kinds is not None else np.ones(wins.shape)
    centre = np.eye(len(wins)) - alike / alike.sum(1)
    errors = np.sqrt(np.diag(centre @ np.linalg.inv(information) @ centre))
    return [
        Rating(float(MEAN + POINTS * s), float(POINTS * e))
        for s, e in zip(strengths, errors, strict=True)
    ]


def _fit(wins: Array, weight: float) -> tuple[Array, Array]:
    """Strengths [n] in log-odds and their information [n, n]; the prior's precision is `weight`."""
    count, games, won = len(wins), wins + wins.T, wins.sum(1)
    # Equal shifts of all change no probability; where no prior does, this holds their sum at 0.
    hold = 0.0 if weight > 0 else 1.0 / count

    def negative_log_posterior(s: Array) -> float:
        misses = wins * np.logaddexp(0, s - s[:, None])  # -log σ(s_i - s_j)
        return float(misses.sum() + 0.5 * weight * (s**2).sum() + 0.5 * hold * s.sum() ** 2)

    strengths = np.zeros(count)
    for _ in range(100):
        chance = 1 / (1 + np.exp(strengths - strengths[:, None]))
        gradient = won - (games * chance).sum(1) - weight * strengths - hold * strengths.sum()
        information = -games * chance * (1 - chance)
        np.fill_diagonal(information, weight - information.sum(1))
        information += hold
        if np.linalg.cond(information) > 1e12:
            break
        step = np.linalg.solve(information, gradient)
        if np.abs(step).max() < 1e-9:
            return strengths + step, information
        now = negative_log_posterior(strengths)
        while negative_log_posterior(strengths + step) > now and np.abs(step).max() > 1e-9:
            step /= 2
        strengths = strengths + step
    raise ValueError(
        "ratings: the likelihood has no maximum: some players won all games against the others, "
        "or never met them; give a finite deviation"
    )


def win_rate(on_real: Array, on_fake: Array) -> float:
    """Share of pairs of a real and a generated picture in which the generated one scores higher.

    Ties count half, so ½ is a discriminator that cannot tell them apart. Olsson et al. 2018 count
    decisions that are wrong against a threshold of ½; a Wasserstein critic has no threshold, so
    pairs are compared here.

    Args:
        on_real: the discriminator's scores of real pictures, [n].
        on_fake: of a generator's, [m].

    Raises:
        ValueError: a score is NaN.
    """
    if np.isnan(on_real).any() or np.isnan(on_fake).any():
        raise ValueError("win_rate: a score is NaN; leave that player out")
    ordered = np.sort(on_real)
    below = np.searchsorted(ordered, on_fake, side="left")
    not_above = np.searchsorted(ordered, on_fake, side="right")
    return float((below + not_above).mean() / (2 * len(ordered)))


def tournament(
    generator_wins: Mapping[tuple[str, str], float], games: int
) -> tuple[dict[str, Rating], dict[str, Rating]]:
    """Ratings of generators and of discriminators, each of which met the other kind only.

    Args:
        generator_wins: win rate by (generator, discriminator).
        games: that a match counts for.

    Returns:
        Generators and discriminators, the strongest first.
    """
    generators = list(dict.fromkeys(g for g, _ in generator_wins))
    discriminators = list(dict.fromkeys(d for _, d in generator_wins))
    count = len(generators)
    wins = np.zeros((count + len(discriminators),) * 2)
    for (g, d), rate in generator_wins.items():
        i, j = generators.index(g), count + discriminators.index(d)
        wins[i, j], wins[j, i] = games * rate, games * (1 - rate)
    found = ratings(wins, kinds=[0] * count + [1] * len(discriminators))
    return (
        _strongest_first(dict(zip(generators, found[:count], strict=True))),
        _strongest_first(dict(zip(discriminators, found[count:], strict=True))),
    )


def _strongest_first(rated: Mapping[str, Rating]) -> dict[str, Rating]:
    return dict(sorted(rated.items(), key=lambda item: (-item[1].points, item[0])))
