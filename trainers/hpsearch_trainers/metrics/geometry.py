"""Geometry score: compares number and persistence of holes in generated and real samples."""

import itertools

import numpy as np
from numpy.typing import NDArray

from hpsearch_trainers.metrics.extractors import Array
from hpsearch_trainers.metrics.neighbours import squared_distances

HOLES = 100  # numbers of holes that are distinguished


def geometry_score(a: Array, b: Array) -> float:
    """Squared distance of two curves of `mean_relative_living_times`.

    Khrulkov & Oseledets 2018. 0 for equal topology; at most 2.
    """
    return float(((a - b) ** 2).sum())


def mean_relative_living_times(
    samples: Array,
    landmarks: int = 64,
    gamma: float | None = None,
    repeats: int = 100,
    seed: int = 0,
) -> Array:
    """Mean share of the filtration in which a random witness complex has i < HOLES holes (MRLT).

    Args:
        samples: the witnesses, [n, d].
        landmarks: random samples that are the vertices of the complex.
        gamma: the largest relaxation, in units of the largest distance of a witness and a landmark;
            None for n / 640,000, the authors' choice.
        repeats: random choices of landmarks.
        seed: of these choices.

    Raises:
        ValueError: fewer samples than landmarks.
    """
    if not 4 <= landmarks <= len(samples):
        raise ValueError(
            f"geometry: {landmarks} landmarks must be at least 4 and at most the {len(samples)} "
            "samples"
        )
    gamma = len(samples) / 640_000 if gamma is None else gamma
    generator = np.random.default_rng(seed)
    total = np.zeros(HOLES)
    for _ in range(repeats):
        chosen = generator.choice(len(samples), landmarks, replace=False)
        distances = np.sqrt(squared_distances(samples, samples[chosen]))
        distances[chosen, np.arange(landmarks)] = 0
        limit = gamma * float(distances.max())
        total += relative_living_times(hole_intervals(distances, limit), limit)
    return total / repeats


def relative_living_times(intervals: Array, limit: float) -> Array:
    """Share of [0, limit] in which exactly i of the intervals [m, 2] are alive (RLT)."""
    shares = np.zeros(HOLES)
    if limit <= 0:
        shares[0] = 1
        return shares
    places = np.unique(np.concatenate([intervals.ravel(), [0.0, limit]]))
    middles = (places[1:] + places[:-1]) / 2
    alive = (intervals[:, :1] <= middles) & (middles < intervals[:, 1:])
    np.add.at(shares, np.minimum(alive.sum(0), HOLES - 1), np.diff(places) / limit)
    return shares


def hole_intervals(distances: Array, limit: float) -> Array:
    """Birth and death [m, 2] of the one-dimensional holes of a witness complex.

    A simplex enters once all its faces are in and the relaxation reaches, for some witness, the
    distance to its farthest vertex minus that to the nearest landmark outside it (de Silva &
    Carlsson 2004). Holes by reduction of the boundary matrix modulo 2 (Edelsbrunner & Harer 2010,
    sec. VII.1).

    Args:
        distances: of witnesses and landmarks, [n, landmarks].
        limit: the largest relaxation; holes that are still alive die there.
    """
    order = np.argsort(distances, axis=1, kind="stable")
    sorted_distances = np.take_along_axis(distances, order, axis=1)
    corners = _entries(order, sorted_distances, 1, limit)
    edges = _with_faces(_entries(order, sorted_distances, 2, limit), corners)
    triangles = _with_faces(_entries(order, sorted_distances, 3, limit), edges)
    by_value = sorted(edges, key=lambda edge: (edges[edge], edge))
    place = {edge: i for i, edge in enumerate(by_value)}
    deaths = _deaths(triangles, place)
    intervals = [
        (edges[edge], min(deaths.get(place[edge], limit), limit))
        for edge in _cycle_makers(by_value)
    ]
    return np.array([i for i in intervals if i[1] > i[0]], dtype=np.float64).reshape(-1, 2)


Simplices = dict[tuple[int, ...], float]
Ranks = NDArray[np.int64]


def _entries(order: Ranks, distances: Array, size: int, limit: float) -> Simplices:
    """The least relaxation at which each vertex set has a witness, regardless of its faces."""
    reach = min(distances.shape[1], _reach(distances, size, limit))
    keys, values = [], []
    base = distances.shape[1]
    for ranks in itertools.combinations(range(reach), size):
        outside = next(rank for rank in itertools.count() if rank not in ranks)
        if outside >= base:
            continue
        value = np.maximum(distances[:, ranks[-1]] - distances[:, outside], 0)
        near = np.flatnonzero(value <= limit)
        if len(near):
            members = np.sort(order[near][:, ranks], axis=1)
            keys.append(members @ (base ** np.arange(size)[::-1]))
            values.append(value[near])
    if not keys:
        return {}
    key, value = np.concatenate(keys), np.concatenate(values)
    first = np.lexsort((value, key))
    key, value = key[first], value[first]
    kept = np.r_[True, key[1:] != key[:-1]]
    digits = np.stack([key[kept] // base**i % base for i in range(size)[::-1]], axis=1)
    return dict(zip(map(tuple, digits.tolist()), value[kept].tolist(), strict=True))


def _reach(distances: Array, size: int, limit: float) -> int:
    """Count of the nearest landmarks of a witness that can be in a simplex within the limit."""
    excess = distances[:, size:] - distances[:, size : size + 1]
    return size + int((excess <= limit).any(0).sum())


def _with_faces(simplices: Simplices, faces: Simplices) -> Simplices:
    """The simplices whose faces are all present, each no earlier than its faces."""
    closed = {}
    for simplex, value in simplices.items():
        values = [faces.get(f) for f in itertools.combinations(simplex, len(simplex) - 1)]
        known = [v for v in values if v is not None]
        if len(known) == len(values):
            closed[simplex] = max(value, *known)
    return closed


def _cycle_makers(edges: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """The edges, in order, whose ends were already connected, so that they close a cycle."""
    root: dict[int, int] = {}

    def find(corner: int) -> int:
        while root.setdefault(corner, corner) != corner:
            root[corner] = root[root[corner]]
            corner = root[corner]
        return corner

    makers = []
    for edge in edges:
        a, b = map(find, edge)
        if a == b:
            makers.append(edge)
        root[a] = b
    return makers


def _deaths(triangles: Simplices, place: dict[tuple[int, ...], int]) -> dict[int, float]:
    """The relaxation at which the cycle that an edge closed is filled, by the edge's index.

    A column of the boundary matrix is an integer with one bit per edge; addition modulo 2 is xor.
    """
    reduced: dict[int, int] = {}
    deaths = {}
    for triangle in sorted(triangles, key=lambda t: (triangles[t], t)):
        column = sum(1 << place[edge] for edge in itertools.combinations(triangle, 2))
        while column:
            low = column.bit_length() - 1
            if low not in reduced:
                reduced[low] = column
                deaths[low] = triangles[triangle]
                break
            column ^= reduced[low]
    return deaths
