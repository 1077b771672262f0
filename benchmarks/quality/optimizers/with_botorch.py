"""TuRBO-1 (Eriksson et al. 2019, "Scalable Global Optimization via Local Bayesian Optimization").

A Gaussian process of botorch's on the trials since the last restart, Thompson samples of it within
a trust region around the best of them, and a region that doubles after successes and halves after
failures. Constants are the paper's (sec. 2 and its supplement), as in botorch's tutorial.

The paper knows continuous parameters. Here a choice is a coordinate per option of which the largest
counts, and the process sees choices and ints as they are evaluated (Garrido-Merchán & Hernández-
Lobato 2020).
"""

import math
import warnings
from collections.abc import Sequence

import gpytorch
import numpy as np
import torch
from botorch.fit import fit_gpytorch_mll
from botorch.generation import MaxPosteriorSampling
from botorch.models import SingleTaskGP
from gpytorch.constraints import Interval
from gpytorch.kernels import MaternKernel, ScaleKernel
from gpytorch.likelihoods import GaussianLikelihood
from gpytorch.mlls import ExactMarginalLogLikelihood
from torch.quasirandom import SobolEngine

from hpsearch.space import Choice, Int, Logint, Space

from . import Optimizer, Params, Setting
from .pending import Pending

LENGTH, SHORTEST, LONGEST = 0.8, 0.5**7, 1.6  # of the region's side, in the unit cube
SUCCESSES = 3  # in a row, in batches, before the region doubles
IMPROVEMENT = 1e-3  # relative, what counts as success


class Turbo:
    """One trust region after another."""

    def __init__(self, setting: Setting) -> None:
        self._cube = Cube(setting.space)
        self._batch = setting.workers
        size = self._cube.size
        self._failures_allowed = math.ceil(max(4 / self._batch, size / self._batch))
        self._generator = np.random.default_rng(setting.seed)
        self._pending: Pending[tuple[int, np.ndarray]] = Pending()
        self._restarts = -1
        torch.manual_seed(setting.seed)
        self._restart()

    def _restart(self) -> None:
        self._restarts += 1
        self._first = self._sobol().draw(2 * self._cube.size, dtype=torch.double).numpy().tolist()
        self._points: list[np.ndarray] = []
        self._values: list[float] = []
        self._counted = 2 * self._cube.size  # trials that have moved the region, or never will
        self._length = LENGTH
        self._succeeded = self._failed = 0

    def ask(self, count: int) -> list[Params]:
        first = [self._cube.snap(np.array(p)) for p in self._first[:count]]
        del self._first[:count]
        missing = count - len(first)
        if missing and len(self._points) < 2:
            rest = list(self._cube.snap(self._generator.random((missing, self._cube.size))))
        else:
            rest = list(self._sampled(missing)) if missing else []
        made = []
        for point in [*first, *rest]:
            params = self._cube.params(point)
            self._pending.put(params, (self._restarts, point))
            made.append(params)
        return made

    def tell(self, params: Sequence[Params], values: Sequence[float]) -> None:
        for told, value in zip(params, values, strict=True):
            restarts, point = self._pending.take(told)
            # A trial of a region that is given up says nothing of the next.
            if restarts == self._restarts:
                self._points.append(point)
                self._values.append(value)
        while len(self._values) >= self._counted + self._batch:
            self._move()

    def _move(self) -> None:
        """Let one more batch count as success or failure."""
        best = min(self._values[: self._counted])
        batch = min(self._values[self._counted : self._counted + self._batch])
        self._counted += self._batch
        if batch < best - IMPROVEMENT * abs(best):
            self._succeeded, self._failed = self._succeeded + 1, 0
        else:
            self._succeeded, self._failed = 0, self._failed + 1
        if self._succeeded == SUCCESSES:
            self._length, self._succeeded = min(2 * self._length, LONGEST), 0
        elif self._failed == self._failures_allowed:
            self._length, self._failed = self._length / 2, 0
        if self._length < SHORTEST:
            self._restart()

    def _sampled(self, count: int) -> np.ndarray:
        """Thompson samples in the region, shape [count, size]."""
        x = torch.tensor(np.array(self._points))
        values = torch.tensor(self._values, dtype=torch.double)
        y = -((values - values.mean()) / values.std().clamp_min(1e-12))[:, None]
        model = _fitted(x, y)
        weights = model.covar_module.base_kernel.lengthscale.detach().squeeze(0).numpy()
        weights = weights / weights.mean()
        weights = weights / np.prod(weights ** (1 / len(weights)))
        candidates = torch.tensor(self._candidates(weights))
        with torch.no_grad(), gpytorch.settings.max_cholesky_size(float("inf")):
            choose = MaxPosteriorSampling(model=model, replacement=False)
            chosen: np.ndarray = choose(candidates, num_samples=count).numpy()
        return chosen

    def _candidates(self, weights: np.ndarray) -> np.ndarray:
        """Points of the region that differ from its centre in some coordinates only."""
        size = self._cube.size
        centre = self._points[int(np.argmin(self._values))]
        low = np.clip(centre - weights * self._length / 2, 0, 1)
        high = np.clip(centre + weights * self._length / 2, 0, 1)
        count = min(5000, max(2000, 200 * size))
        points = low + (high - low) * self._sobol().draw(count, dtype=torch.double).numpy()
        moves = self._generator.random((count, size)) <= min(20 / size, 1)
        idle = np.flatnonzero(~moves.any(axis=1))
        moves[idle, self._generator.integers(size, size=len(idle))] = True
        return self._cube.snap(np.where(moves, points, centre))

    def _sobol(self) -> SobolEngine:
        seed = int(self._generator.integers(2**31))
        return SobolEngine(self._cube.size, scramble=True, seed=seed)


def _fitted(x: torch.Tensor, y: torch.Tensor) -> SingleTaskGP:
    likelihood = GaussianLikelihood(noise_constraint=Interval(1e-8, 1e-3))
    kernel = ScaleKernel(
        MaternKernel(nu=2.5, ard_num_dims=x.shape[1], lengthscale_constraint=Interval(0.005, 4.0))
    )
    with warnings.catch_warnings(), gpytorch.settings.max_cholesky_size(float("inf")):
        warnings.simplefilter("ignore")
        model = SingleTaskGP(x, y, covar_module=kernel, likelihood=likelihood)
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    return model


class Cube:
    """A unit cube with a coordinate per number and one per option of a choice."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._columns: list[slice] = []
        self.size = 0
        for parameter in space:
            domain = parameter.domain
            width = len(domain.options) if isinstance(domain, Choice) else 1
            self._columns.append(slice(self.size, self.size + width))
            self.size += width

    def snap(self, points: np.ndarray) -> np.ndarray:
        """The points as they are evaluated: choices one-hot, ints at their buckets' centres."""
        snapped = points.copy()
        for parameter, columns in zip(self._space, self._columns, strict=True):
            domain, part = parameter.domain, points[..., columns]
            if isinstance(domain, Choice):
                snapped[..., columns] = np.eye(part.shape[-1])[part.argmax(axis=-1)]
            elif isinstance(domain, Int | Logint):
                centres = [domain.encode(domain.decode(u)) for u in np.atleast_1d(part[..., 0])]
                snapped[..., columns.start] = np.reshape(centres, part.shape[:-1])
        return snapped

    def params(self, point: np.ndarray) -> Params:
        unit = []
        for parameter, columns in zip(self._space, self._columns, strict=True):
            domain, part = parameter.domain, point[columns]
            if isinstance(domain, Choice):
                unit.append((int(part.argmax()) + 0.5) / len(part))
            else:
                unit.append(float(part[0]))
        return self._space.decode(unit)


def make(kind: str, setting: Setting) -> Optimizer:
    assert kind == "turbo"
    return Turbo(setting)
