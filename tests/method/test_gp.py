"""The Gaussian process against scikit-learn's, finite differences and a fit from scratch."""

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from hpsearch.method import gp
from hpsearch.method.gp import Likelihood, Posterior, one_thread

OWNERS = np.array([0, 1, 1, 1, 2])  # a number, a choice of three, a number
THETA = np.log([0.3, 0.8, 1.7, 1.3, 0.02])


def data(n: int = 20, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    x = generator.random((n, 5))
    return x, np.sin(6 * x[:, 0]) + x[:, 4] + 0.1 * generator.standard_normal(n)


def sklearns(x: np.ndarray, z: np.ndarray, theta: np.ndarray = THETA) -> GaussianProcessRegressor:
    """Scikit-learn's process with the same hyperparameters, the noise apart from the kernel."""
    *lengthscales, signal, noise = np.exp(theta)
    scales = np.array(lengthscales)[OWNERS]
    kernel = ConstantKernel(signal, "fixed") * Matern(scales, "fixed", nu=2.5)
    return GaussianProcessRegressor(kernel, alpha=noise, optimizer=None).fit(x, z)


def test_means_and_variances_are_those_of_scikit_learn() -> None:
    x, z = data()
    new, _ = data(7, seed=1)
    mean, deviation = sklearns(x, z).predict(new, return_std=True)
    ours = Posterior(THETA, x, OWNERS, z)
    assert ours.moments(new)[0] == pytest.approx(mean, abs=1e-10)
    assert ours.moments(new)[1] == pytest.approx(deviation**2, abs=1e-10)
    assert ours.mean(new) == pytest.approx(mean, abs=1e-10)


def test_a_joint_sample_has_the_covariance_of_scikit_learn() -> None:
    x, z = data()
    new, _ = data(4, seed=1)
    mean, covariance = sklearns(x, z).predict(new, return_cov=True)
    ours = Posterior(THETA, x, OWNERS, z)
    # A sample is mean + L·normals, so the unit vectors give the columns of L.
    columns = np.array([ours.sample(new, unit) for unit in np.eye(4)]).T - mean[:, None]
    assert columns @ columns.T == pytest.approx(covariance, abs=1e-8)
    assert ours.sample(new, np.zeros(4)) == pytest.approx(mean, abs=1e-10)


def test_a_sample_at_the_same_point_twice_is_the_same_twice() -> None:
    x, z = data()
    new = np.repeat(data(1, seed=1)[0], 5, axis=0)
    sample = Posterior(THETA, x, OWNERS, z).sample(new, np.arange(5.0))
    assert sample == pytest.approx(sample[0], abs=1e-3)


def test_the_likelihood_is_that_of_scikit_learn_and_the_priors_are_normal() -> None:
    x, z = data()
    *lengthscales, signal, noise = np.exp(THETA)
    scales = np.array(lengthscales)[OWNERS]
    kernel = ConstantKernel(signal) * Matern(scales, nu=2.5) + WhiteKernel(noise)
    theirs = GaussianProcessRegressor(kernel, alpha=0, optimizer=None).fit(x, z)
    log_likelihood = theirs.log_marginal_likelihood_value_ + len(z) / 2 * np.log(2 * np.pi)
    # (log value - log centre)² / (2 sd²) for three lengthscales around 0.4·√3, signal and noise.
    prior = sum((np.log(scale / 0.692820323) / 1.0) ** 2 / 2 for scale in (0.3, 0.8, 1.7))
    prior += (np.log(1.3) / 0.7) ** 2 / 2 + (np.log(0.02 / 0.01) / 1.5) ** 2 / 2
    assert Likelihood(x, OWNERS, z)(THETA)[0] == pytest.approx(prior - log_likelihood, rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_the_gradient_is_that_of_finite_differences(seed: int) -> None:
    x, z = data(seed=seed)
    likelihood = Likelihood(x, OWNERS, z)
    theta = THETA + np.random.default_rng(seed).normal(0, 0.5, len(THETA))
    step = 1e-5 * np.eye(len(theta))
    differences = [(likelihood(theta + e)[0] - likelihood(theta - e)[0]) / 2e-5 for e in step]
    assert likelihood(theta)[1] == pytest.approx(differences, rel=1e-6, abs=1e-6)


def test_the_maximum_is_within_its_bounds_and_no_worse_than_any_of_many_points() -> None:
    x, z = data()
    likelihood = Likelihood(x, OWNERS, z)
    found = likelihood.maximum()
    assert np.all(found >= likelihood.bounds[:, 0]) and np.all(found <= likelihood.bounds[:, 1])
    generator = np.random.default_rng(0)
    others = likelihood.centre + likelihood.spread * generator.standard_normal((300, 5))
    others = np.clip(others, *likelihood.bounds.T)
    assert likelihood(found)[0] <= min(likelihood(other)[0] for other in others) + 1e-3


def test_the_parameter_that_decides_gets_the_shortest_lengthscale() -> None:
    generator = np.random.default_rng(0)
    x = generator.random((40, 3))
    found = Likelihood(x, np.arange(3), np.sin(9 * x[:, 1])).maximum()
    assert np.argmin(found[:3]) == 1 and found[1] < found[0] - 1 and found[1] < found[2] - 1


def test_a_pending_point_is_a_fit_to_its_own_mean() -> None:
    x, z = data()
    pending, new = data(3, seed=2)[0], data(6, seed=3)[0]
    ours = Posterior(THETA, x, OWNERS, z)
    before = ours.mean(new)
    for point in pending:
        ours.add_pending(point)
    believed = Posterior(THETA, x, OWNERS, z).mean(pending)
    again = sklearns(np.concatenate([x, pending]), np.concatenate([z, believed]))
    mean, deviation = again.predict(new, return_std=True)
    assert ours.mean(new) == pytest.approx(mean, abs=1e-9)
    assert ours.mean(new) == pytest.approx(before, abs=1e-9)
    assert ours.moments(new)[1] == pytest.approx(deviation**2, abs=1e-9)


def test_a_point_left_out_is_predicted_by_a_fit_without_it() -> None:
    x, z = data(8)
    left_out = Posterior(THETA, x, OWNERS, z).leave_one_out()
    for i in range(8):
        rest = np.arange(8) != i
        assert left_out[i] == pytest.approx(sklearns(x[rest], z[rest]).predict(x[i : i + 1])[0])


def test_one_thread_of_blas_is_used_inside_and_as_many_as_before_outside() -> None:
    def threads() -> list[int]:
        info = gp._controller().info()
        return [library["num_threads"] for library in info if library["user_api"] == "blas"]

    before = threads()
    assert before
    with one_thread():
        assert set(threads()) == {1}
    assert threads() == before
