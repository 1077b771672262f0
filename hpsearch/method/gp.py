"""An exact Gaussian process: Matérn-5/2, one lengthscale a parameter, zero mean.

Rasmussen & Williams 2006 (RW): the marginal likelihood is their eq. 5.8 and 5.9, the posterior
2.25 and 2.26, the kernel 4.17, leaving one out 5.12. Hyperparameters are the maximum a posteriori.
"""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np
import threadpoolctl
from numpy.typing import NDArray
from scipy.linalg import lapack
from scipy.optimize import minimize

Array = NDArray[np.float64]

# Priors of the logarithms: mean and standard deviation. 0.4·√d is about the mean distance
# of two random points of a d-dimensional cube.
LENGTHSCALE = 0.4  # times √d
LENGTHSCALE_SPREAD = 1.0
SIGNAL, SIGNAL_SPREAD = 1.0, 0.7  # variance; the targets' is 1
NOISE, NOISE_SPREAD = 0.01, 1.5  # variance

LENGTHSCALE_BOUNDS = (0.02, 50.0)
SIGNAL_BOUNDS = (float(np.exp(-3.0)), float(np.exp(3.0)))
NOISE_BOUNDS = (1e-6, float(np.exp(1.0)))
ITERATIONS = 30  # of L-BFGS, from each start
_JITTER = 1e-10  # of the signal's variance, on the diagonal of a joint sample's covariance

_limits = threading.RLock()


@contextmanager
def one_thread() -> Iterator[None]:
    """One BLAS thread inside, since the last bits depend on their number.

    The limit is the process's, so only one thread of Python may be inside.
    """
    with _limits, _controller().limit(limits=1, user_api="blas"):
        yield


@cache
def _controller() -> threadpoolctl.ThreadpoolController:
    return threadpoolctl.ThreadpoolController()


def _parts(a: Array, b: Array, signal: float) -> tuple[Array, Array]:
    """The distances r of scaled points times √5, and exp(-√5·r) times the signal's variance."""
    squares = (-10 * a) @ b.T
    squares += 5 * (a * a).sum(1)[:, None]
    squares += 5 * (b * b).sum(1)
    root = np.sqrt(np.maximum(squares, 0.0, out=squares), out=squares)
    decay = np.exp(-root)
    decay *= signal
    return root, decay


class Likelihood:
    """The negative logarithm of the hyperparameters' posterior density, up to a constant.

    Args:
        x: features, shape [n, columns].
        owners: the parameter of each column, shape [columns], int, from 0 on without gaps.
        z: targets, shape [n].
    """

    def __init__(self, x: Array, owners: NDArray[np.int_], z: Array) -> None:
        self._x, self._owners, self._z = x, owners, z
        d = int(owners.max()) + 1
        self.centre = np.log([*[LENGTHSCALE * np.sqrt(d)] * d, SIGNAL, NOISE])
        self.spread = np.array([*[LENGTHSCALE_SPREAD] * d, SIGNAL_SPREAD, NOISE_SPREAD])
        self.bounds = np.log([*[LENGTHSCALE_BOUNDS] * d, SIGNAL_BOUNDS, NOISE_BOUNDS])

    def __call__(self, theta: Array) -> tuple[float, Array]:
        """Value and gradient.

        Args:
            theta: logarithms of the lengthscales, the signal's and the noise's variance.
        """
        *_, signal, noise = np.exp(theta)
        s = self._x / np.exp(theta[:-2])[self._owners]
        root, decay = _parts(s, s, signal)
        kernel = (1 + root + root**2 / 3) * decay
        np.fill_diagonal(kernel, signal)
        inverse, half_log_det = _inverse(kernel, noise)
        alpha = inverse @ self._z
        deviation = (theta - self.centre) / self.spread
        value = 0.5 * self._z @ alpha + half_log_det + 0.5 * deviation @ deviation
        weights = inverse
        weights -= alpha[:, None] * alpha
        # d kernel / d log lengthscale = 5/3 (1 + root) decay times the squared scaled difference.
        slopes = weights * (1 + root) * decay
        by_column = slopes.sum(1) @ (s * s) - (s * (slopes @ s)).sum(0)
        gradient = np.empty_like(theta)
        gradient[:-2] = 5 / 3 * np.bincount(self._owners, by_column)
        gradient[-2] = 0.5 * np.vdot(weights, kernel)
        gradient[-1] = 0.5 * noise * np.trace(weights)
        return float(value), gradient + deviation / self.spread

    def maximum(self) -> Array:
        """The best hyperparameters that L-BFGS finds from two starts, in the layout of `theta`."""
        short = self.centre - 1.0
        short[-2] = self.centre[-2]
        results = []
        for start in (self.centre, short):
            start = np.clip(start, self.bounds[:, 0], self.bounds[:, 1])
            results.append(
                minimize(
                    self,
                    start,
                    jac=True,
                    method="L-BFGS-B",
                    bounds=self.bounds,
                    options={"maxiter": ITERATIONS},
                )
            )
        return np.asarray(min(results, key=lambda result: result.fun).x, dtype=np.float64)


def _inverse(kernel: Array, noise: float) -> tuple[Array, float]:
    """The inverse of kernel + noise·1, and half the logarithm of its determinant."""
    covariance = kernel.copy()
    covariance.flat[:: len(kernel) + 1] += noise
    # It is symmetric, so its transpose is the same matrix in LAPACK's order.
    factor, info = lapack.dpotrf(covariance.T, lower=1, clean=1, overwrite_a=1)
    # The noise is at least 1e-6, far above the rounding errors of a few hundred rows.
    assert info == 0, info
    half_log_det = float(np.log(factor.diagonal()).sum())
    lower, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)
    inverse = np.add(lower, lower.T, order="C")
    inverse.flat[:: len(kernel) + 1] /= 2
    return inverse, half_log_det


class Posterior:
    """The function's distribution, given targets at some points; arguments as of `Likelihood`."""

    def __init__(self, theta: Array, x: Array, owners: NDArray[np.int_], z: Array) -> None:
        self._lengthscales = np.exp(theta[:-2])[owners]
        self._signal, self._noise = (float(v) for v in np.exp(theta[-2:]))
        self._s = x / self._lengthscales
        self._z = z
        covariance = self._kernel(self._s, self._s)
        np.fill_diagonal(covariance, self._signal + self._noise)
        factor, info = lapack.dpotrf(covariance, lower=1, clean=1)
        assert info == 0, info
        inverse, _ = lapack.dtrtri(factor, lower=1)
        # The inverse L⁻¹ of the Cholesky factor; L⁻ᵀ L⁻¹ is the covariance's inverse.
        self._factor: Array = np.ascontiguousarray(inverse)
        self._alpha: Array = self._factor.T @ (self._factor @ z)

    @property
    def noise_ratio(self) -> float:
        return self._noise / self._signal

    def _kernel(self, a: Array, b: Array) -> Array:
        root, decay = _parts(a, b, self._signal)
        return np.asarray((1 + root + root**2 / 3) * decay)

    def _project(self, x: Array) -> tuple[Array, Array]:
        """Means at points, and the inverse Cholesky factor times their covariances with data."""
        across = self._kernel(self._s, x / self._lengthscales)
        return self._alpha @ across, self._factor @ across

    def mean(self, x: Array) -> Array:
        """Means at points of shape [m, columns]; shape [m]."""
        return self._project(x)[0]

    def moments(self, x: Array) -> tuple[Array, Array]:
        """Means and variances of the function, without noise, at points; shapes [m]."""
        mean, projected = self._project(x)
        return mean, np.maximum(self._signal - (projected * projected).sum(0), 1e-12)

    def sample(self, x: Array, normals: Array) -> Array:
        """The function at points of shape [m, columns], drawn jointly; shape [m].

        Args:
            normals: independent standard normal numbers, shape [m].
        """
        mean, projected = self._project(x)
        s = x / self._lengthscales
        covariance = self._kernel(s, s)
        np.fill_diagonal(covariance, self._signal)
        covariance -= projected.T @ projected
        jitter = _JITTER * self._signal
        while True:
            jittered = covariance.copy()
            jittered.flat[:: len(s) + 1] += jitter
            factor, info = lapack.dpotrf(jittered, lower=1, clean=1, overwrite_a=1)
            if info == 0:
                return mean + np.asarray(factor) @ normals
            jitter *= 10
            assert jitter <= self._signal

    def add_pending(self, x: Array) -> None:
        """Add a point, shape [columns], with its predicted mean as its target.

        No mean changes; the variances shrink. The inverse Cholesky factor gains a row.
        """
        s = x / self._lengthscales
        projected = self._factor @ self._kernel(self._s, s[None])[:, 0]
        variance = self._signal + self._noise - float(projected @ projected)
        pivot = math.sqrt(max(variance, self._noise))  # only rounding can take it below the noise
        n = len(self._s)
        grown = np.zeros((n + 1, n + 1))
        grown[:n, :n] = self._factor
        grown[n, :n] = -(projected @ self._factor) / pivot
        grown[n, n] = 1 / pivot
        self._factor = grown
        self._alpha = np.append(self._alpha, 0.0)
        self._s = np.concatenate([self._s, s[None]])

    def leave_one_out(self) -> Array:
        """The mean at each of the data's points without its own target; shape [n]."""
        n = len(self._z)
        return np.asarray(self._z - self._alpha[:n] / (self._factor[:n, :n] ** 2).sum(0))
