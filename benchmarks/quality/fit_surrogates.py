"""Fits the surrogates of our own spaces to data/NAME.csv: data/NAME.npz and surrogates.json.

    python -m quality.fit_surrogates [NAME ...]     # from benchmarks/

The rank correlations are Spearman's, of predictions with values under one seed that the fit has not
seen, in five folds of the points. What noise alone allows is that of two seeds with each other.
"""

import json
import sys
from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import spearmanr

from . import surrogate
from .problem import DATA
from .spaces import SPACES, point
from .surrogate import Forest, Process, features, noise_of
from .train_tables import SEEDS, path_of, read
from .trained import path_of as model_path

TREES, LEAF, DEPTH = 40, 3, 16
SUBSET, STEPS = 400, 80  # of rows and of Adam, for the lengthscales
FOLDS = 5
FIGURES = DATA / "surrogates.json"

Predict = Callable[[np.ndarray], float]


def table(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features [n, f], values of seed 0 [n], and values under all seeds [repeated, SEEDS]."""
    rows, space = read(path_of(name)), SPACES[name]
    numbers = sorted(index for index, seed in rows if seed == 0)
    x = np.array([features(space, space.decode(point(name, index))) for index in numbers])
    y = np.array([rows[index, 0] for index in numbers])
    repeated = [index for index in numbers if (index, SEEDS - 1) in rows]
    return x, y, np.array([[rows[i, seed] for seed in range(SEEDS)] for i in repeated])


def fit_forest(x: np.ndarray, y: np.ndarray) -> Forest:
    from sklearn.ensemble import ExtraTreesRegressor

    forest = ExtraTreesRegressor(TREES, min_samples_leaf=LEAF, max_depth=DEPTH, random_state=0)
    return Forest.of(forest.fit(x, y))


def fit_process(x: np.ndarray, y: np.ndarray, hyper: "Hyper") -> Process:
    """Exact, with given lengthscales, signal and noise."""
    from scipy.linalg import cho_factor, cho_solve

    scales, signal, noise = hyper
    mean, points = float(y.mean()), x / scales
    norms = (points**2).sum(1)
    squares = norms[:, None] + norms[None] - 2 * points @ points.T
    r = np.sqrt(5 * np.maximum(squares, 0))
    kernel = (1 + r + r * r / 3) * np.exp(-r)
    kernel[np.diag_indices_from(kernel)] += noise / signal
    weights = cho_solve(cho_factor(kernel, lower=True), y - mean)
    return Process(scales.astype(np.float32), points.astype(np.float32), weights, mean)


Hyper = tuple[np.ndarray, float, float]  # lengthscales, variance of the signal, of the noise


def likeliest(x: np.ndarray, y: np.ndarray) -> Hyper:
    """Hyperparameters of the highest marginal likelihood (Rasmussen & Williams 2006, eq. 5.8)."""
    import torch

    torch.set_num_threads(1)
    chosen = np.random.default_rng(0).permutation(len(x))[:SUBSET]
    points = torch.tensor(x[chosen])
    centred = torch.tensor(y[chosen] - y.mean())
    variance = float(centred.var())
    scales = torch.zeros(x.shape[1], dtype=torch.float64, requires_grad=True)
    levels = torch.tensor([0.0, -2.0], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([scales, levels], lr=0.1)
    eye = torch.eye(len(points), dtype=torch.float64)
    for _ in range(STEPS):
        scaled = points / scales.exp()
        norms = (scaled**2).sum(1)
        squares = (norms[:, None] + norms[None] - 2 * scaled @ scaled.T).clamp(min=1e-12)
        r = (5 * squares).sqrt()
        kernel = levels[0].exp() * (1 + r + r * r / 3) * (-r).exp()
        factor = torch.linalg.cholesky(variance * (kernel + (levels[1].exp() + 1e-6) * eye))
        solved = torch.linalg.solve_triangular(factor, centred[:, None], upper=False)
        loss = 0.5 * (solved**2).sum() + factor.diagonal().log().sum()
        # A weak prior keeps the scales of features without effect from running away.
        loss = loss + 0.5 * (scales**2).sum() / 4
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            scales.clamp_(-3, 4)
            levels.clamp_(-9, 3)
    signal, noise = (float(v) * variance for v in levels.detach().exp())
    return scales.detach().exp().numpy(), signal, noise


def cross_validated(x: np.ndarray, y: np.ndarray, hyper: Hyper) -> dict[str, float]:
    """Spearman's correlation of predictions with values of points that the fit has not seen."""
    fold = np.random.default_rng(1).permutation(len(x)) % FOLDS
    found = {"forest": np.zeros(len(x)), "process": np.zeros(len(x))}
    for k in range(FOLDS):
        seen = fold != k
        models: dict[str, Predict] = {
            "forest": fit_forest(x[seen], y[seen]).flat(),
            "process": fit_process(x[seen], y[seen], hyper),
        }
        for name, model in models.items():
            found[name][~seen] = [model(row) for row in x[~seen]]
    found["both"] = 0.5 * (found["forest"] + found["process"])
    return {name: round(float(spearmanr(told, y)[0]), 4) for name, told in found.items()}


def fit(name: str) -> dict[str, float]:
    """Fit and keep a surrogate; returns its figures."""
    x, y, repeated = table(name)
    hyper = likeliest(x, y)
    noise = noise_of(repeated)
    parts = [
        ("forest", fit_forest(x, y)),
        ("process", fit_process(x, y, hyper)),
        ("noise", noise),
    ]
    surrogate.save(model_path(name), parts)
    pairs = [(a, b) for a in range(SEEDS) for b in range(a)]
    between = [float(spearmanr(repeated[:, a], repeated[:, b])[0]) for a, b in pairs]
    best = noise.deviations[: len(repeated) // 5]
    return {
        "points": len(x),
        "repeated": len(repeated),
        **cross_validated(x, y, hyper),
        "seeds": round(float(np.mean(between)), 4),
        "noise": round(float(np.sqrt((noise.deviations**2).mean())), 4),
        "noise of the best fifth": round(float(np.sqrt((best**2).mean())), 4),
    }


def main(chosen: Sequence[str]) -> None:
    for name in chosen or list(SPACES):
        figures = fit(name)
        print(name, figures, flush=True)
        known = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
        known[name] = figures
        ordered = {name: known[name] for name in SPACES if name in known}
        FIGURES.write_text(json.dumps(ordered, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
