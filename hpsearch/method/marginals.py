"""The distribution that a round draws each parameter from, in closed form.

It is that of `draws.draw_point`: the donor of a value, the probability that it moves, how far, and
whether the parameter is active once the parameters that it depends on have moved too. The plots of
a study show it; the search itself never needs it.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from hpsearch.method import draws
from hpsearch.method.bins import Interval as Source
from hpsearch.method.bins import Intervals, bin_edges, bucket, overlaps
from hpsearch.method.tightening import WIDTH, Tightening
from hpsearch.space import Choice, Int, Logint, Space

_CONFIGURATIONS = 1024  # limit, of the parameters that others depend on

Array = NDArray[np.float64]
# A source is where a value comes from: a survivor's coordinate, as both ends, or the prior.


@dataclass(frozen=True)
class Marginal:
    """The distribution of one parameter in a round, among the draws in which it is active.

    Attributes:
        active: the probability that the parameter is active in a draw.
        edges: the bins' edges, over the unit interval and as far beyond as the parameter's limits;
            each option, and each int of few values, has a bin of its own.
        spread: the probability of each bin for values that moved, or come from the prior.
        unmoved: survivors' coordinates that were not moved, each with its probability.
    """

    active: float
    edges: tuple[float, ...]
    spread: tuple[float, ...]
    unmoved: tuple[tuple[float, float], ...]

    @property
    def mass(self) -> tuple[float, ...]:
        """The probability of each bin; they sum to 1."""
        total = np.array(self.spread)
        for u, probability in self.unmoved:
            total[_bin(self.edges, u)] += probability
        return tuple(total.tolist())

    @property
    def density(self) -> tuple[float, ...]:
        """The density in each bin; the prior's is 1 in the unit interval."""
        return tuple((np.array(self.mass) / np.diff(self.edges)).tolist())


@lru_cache(maxsize=128)
def round_marginals(
    space: Space, tightening: Tightening, which: tuple[int, ...] | None = None
) -> tuple[Marginal, ...]:
    """The distribution of each parameter in the draws of a round.

    Args:
        tightening: the round's; without survivors it is the prior.
        which: indices of the parameters; all unless given.
    """
    all_draws = _Draws(space, tightening)
    return tuple(all_draws.marginal(j) for j in (range(len(space)) if which is None else which))


def requirements(space: Space, j: int) -> dict[int, Intervals]:
    """The intervals in which each ancestor of `j` must lie for `j` to be active, by its index."""
    required: dict[int, Intervals] = {}
    for condition in space.parameters[j].when:
        k = space.names.index(condition.parent)
        domain = space.parameters[k].domain
        buckets = tuple(bucket(domain, value) for value in condition.values)
        for ancestor, intervals in ({k: buckets} | requirements(space, k)).items():
            known = required.get(ancestor)
            both = (b for b in intervals if known is None or _covers(known, b))
            required[ancestor] = tuple(dict.fromkeys(both))
    return required


def _covers(intervals: Intervals, part: Source) -> bool:
    centre = (part[0] + part[1]) / 2
    return any(low <= centre <= high for low, high in intervals)


def _bin(edges: Sequence[float], u: float) -> int:
    return min(int(np.searchsorted(edges, u, side="right")) - 1, len(edges) - 2)


def _legendre(count: int, low: float, high: float) -> tuple[Array, Array]:
    """Nodes and weights of the mean over [low, high]."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return low + (nodes + 1) / 2 * (high - low), weights / 2


# The chance to move enters as a polynomial, of which 10 nodes integrate up to degree 19 exactly.
_SHARES, _SHARE_WEIGHTS = _legendre(10, draws.MOVE_FLOOR, 1.0)
_NORMAL, _NORMAL_WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
_MULTIPLIERS = 2.0 ** (draws.WIDTH_SPREAD * _NORMAL)
_MULTIPLIER_WEIGHTS = _NORMAL_WEIGHTS / math.sqrt(2 * math.pi)
_PRIOR: Source = (0.0, 1.0)
_product = partial(math.prod, start=np.ones((1, 1, 1)))


class _Draws:
    """All draws of a round; arrays are over (configuration, share that moves, multiplier)."""

    def __init__(self, space: Space, tightening: Tightening) -> None:
        self._space = space
        self._tightening = tightening
        self._survivors = [row.unit for row in tightening.survivors]
        self._active = [space.active(unit) for unit in self._survivors]
        self._needs = [requirements(space, j) for j in range(len(space))]
        self._deciding = sorted({k for needs in self._needs for k in needs})
        parents = range(len(self._survivors))
        self._configurations = [self._configure(parent) for parent in parents]

    def marginal(self, j: int) -> Marginal:
        edges = bin_edges(self._space.parameters[j].domain)
        bins = tuple(itertools.pairwise(edges))
        prior = math.prod(
            float(overlaps(_PRIOR, needed).sum()) for needed in self._needs[j].values()
        )
        share = draws.PRIOR_SHARE if self._survivors else 1.0
        spread = share * prior * overlaps(_PRIOR, bins)
        unmoved: dict[float, float] = {}
        for source, (stays, moves) in self._sources_of(j).items():
            stays, moves = (1 - share) * stays, (1 - share) * moves
            spread = spread + moves @ self._moved(j, source, bins)
            if source[0] == source[1]:
                unmoved[source[0]] = float(stays.sum())
            else:
                spread = spread + float(stays.sum()) * overlaps(source, bins)
        active = float(spread.sum()) + sum(unmoved.values())
        if active <= 0:
            return Marginal(0.0, edges, tuple(overlaps(_PRIOR, bins).tolist()), ())
        shares = tuple((u, p / active) for u, p in sorted(unmoved.items()) if p > 0)
        return Marginal(active, edges, tuple((spread / active).tolist()), shares)

    def _sources_of(self, j: int) -> dict[Source, tuple[Array, Array]]:
        """By source, the probabilities by multiplier that `j` is active and stays, or moves."""
        sources: dict[Source, tuple[Array, Array]] = {}
        for parent, (weights, chosen, active) in enumerate(self._configurations):
            chances = [chance * weights[:, None] for chance in self._chances(j, chosen, active)]
            if j in self._deciding:
                column = chosen[self._deciding.index(j)]
                given = [
                    (source, np.array([s == source for s in column])) for source in set(column)
                ]
            else:
                given = [(s, np.full(len(weights), w)) for s, w in self._donors(parent, j).items()]
            for source, mask in given:
                stays, moves = (mask @ chance for chance in chances)
                before = sources.get(source, (0.0, 0.0))
                share = 1 / len(self._survivors)
                sources[source] = (before[0] + share * stays, before[1] + share * moves)
        return sources

    def _donors(self, parent: int, j: int) -> dict[Source, float]:
        """The probability of each source of parameter `j` in a child of survivor `parent`."""
        others = [i for i in range(len(self._survivors)) if i != parent and self._active[i][j]]
        donors: dict[Source, float] = {}
        for i in others:
            u = self._survivors[i][j]
            donors[u, u] = donors.get((u, u), 0.0) + draws.MIX / len(others)
        own = self._survivors[parent][j]
        source = (own, own) if self._active[parent][j] else _PRIOR
        donors[source] = donors.get(source, 0.0) + (1 - draws.MIX if others else 1.0)
        return donors

    def _configure(self, parent: int) -> tuple[Array, list[list[Source]], Array]:
        """The combinations of sources of the deciding parameters before they move.

        Returns:
            The configurations' probabilities; the source of each deciding parameter in each; which
            parameters are then active, by parameter and configuration.
        """
        options = [self._cells(k, self._donors(parent, k)) for k in self._deciding]
        if math.prod(map(len, options)) <= _CONFIGURATIONS:
            combined = list(itertools.product(*(cells.items() for cells in options)))
            weights = np.array([math.prod(w for _, w in choice) for choice in combined])
            chosen = [[choice[i][0] for choice in combined] for i in range(len(options))]
        else:  # a fixed random sample of them
            generator = np.random.default_rng(0)
            weights = np.full(_CONFIGURATIONS, 1 / _CONFIGURATIONS)
            chosen = []
            for cells in options:
                p = np.array(list(cells.values()))
                picks = generator.choice(len(cells), _CONFIGURATIONS, p=p / p.sum())
                chosen.append([list(cells)[pick] for pick in picks])
        active = np.ones((len(self._space), len(weights)))
        for n in range(len(weights) if self._deciding else 0):
            point = [0.5] * len(self._space)
            for k, sources in zip(self._deciding, chosen, strict=True):
                point[k] = (sources[n][0] + sources[n][1]) / 2
            active[:, n] = self._space.active(point)
        return weights, chosen, active

    def _cells(self, k: int, donors: Mapping[Source, float]) -> dict[Source, float]:
        """The donors, with the prior cut into pieces on which the same parameters are active."""
        cells = {source: weight for source, weight in donors.items() if source != _PRIOR}
        ends = {end for needs in self._needs for piece in needs.get(k, ()) for end in piece}
        ends = {min(max(end, 0.0), 1.0) for end in ends}
        if _PRIOR in donors:
            for low, high in itertools.pairwise(sorted(ends | {0.0, 1.0})):
                if high - low > 1e-12:
                    cells[low, high] = donors[_PRIOR] * (high - low)
        return cells

    def _chances(self, j: int, chosen: list[list[Source]], active: Array) -> tuple[Array, Array]:
        """The probabilities that `j` is active and stays or moves, by configuration and multiplier.

        Each parameter moves with the draw's own probability q. If no active one would, one of
        them, uniformly chosen, moves nevertheless.
        """
        q = _SHARES[None, :, None]
        on = {k: active[k][:, None, None] > 0 for k in (j, *self._needs[j])}
        before, after = self._conditions(j, chosen)
        either = _product((1 - q) * before[k] + q * after[k] for k in before)
        count = active.sum(axis=0)[:, None, None]
        idle = (1 - q) ** count * _product(
            np.where(on[k], 1.0, (1 - q) * before[k] + q * after[k]) for k in before
        )
        still = {k: np.where(on[k], before[k], 1.0) for k in before}
        stuck = idle * _product(still.values())
        pushed = stuck * (count - sum(on.values()))  # by neither `j` nor an ancestor
        for k in before:
            others = _product(still[m] for m in before if m != k)
            pushed = pushed + idle * on[k] * after[k] * others
        changed = pushed / count - stuck
        stays = (1 - q) * either + np.where(on[j], 1.0, 1 - q) * changed
        moves = q * either + np.where(on[j], stuck / count, q * changed)
        weights = _SHARE_WEIGHTS[None, :, None] * _MULTIPLIER_WEIGHTS
        return (stays * weights).sum(axis=1), (moves * weights).sum(axis=1)

    def _conditions(
        self, j: int, chosen: list[list[Source]]
    ) -> tuple[dict[int, Array], dict[int, Array]]:
        """The probability that each ancestor of `j` permits it, unmoved and moved."""
        before, after = {}, {}
        for k, intervals in self._needs[j].items():
            sources = chosen[self._deciding.index(k)]
            moved = {s: self._moved(k, s, intervals).sum(axis=1) for s in set(sources)}
            permits = [float(_covers(intervals, source)) for source in sources]
            before[k] = np.array(permits)[:, None, None]
            after[k] = np.array([moved[source] for source in sources])[:, None, :]
        return before, after

    def _moved(self, j: int, source: Source, intervals: Intervals) -> Array:
        """The probability that a moved value lies in each interval, by multiplier."""
        domain = self._space.parameters[j].domain
        width = self._tightening.width
        if isinstance(domain, Choice):
            jump = max(draws.CHOICE_MOVE * width / WIDTH, draws.CHOICE_FLOOR)
            lengths = np.array([high - low for low, high in intervals])
            landed = jump * lengths + (1 - jump) * overlaps(source, intervals)
            return np.tile(landed, (len(_MULTIPLIERS), 1))
        from scipy.special import ndtr  # 0.4 s, so only when it is needed

        is_point = source[0] == source[1]
        nodes, weights = (np.array([source[0]]), np.ones(1)) if is_point else _legendre(24, *source)
        steps = np.tile(_MULTIPLIERS[:, None] * width * self._tightening.step_sizes[j], len(nodes))
        if isinstance(domain, Int | Logint):
            steps = np.maximum(steps, [domain.half_step(u) for u in nodes])
        ends = np.array(intervals).reshape(-1, 2) - nodes[:, None, None]
        below = ndtr(ends / steps[:, :, None, None])
        least, most = domain.limits
        inside = ndtr((most - nodes) / steps) - ndtr((least - nodes) / steps)  # redrawn until it is
        landed = np.diff(below)[..., 0] / inside[:, :, None]
        return np.asarray(np.einsum("muk,u->mk", landed, weights))
