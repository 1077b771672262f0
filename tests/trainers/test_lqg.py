"""The GAN of known optimum: closed forms against scipy, and a search that must reach it."""

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import scipy.optimize
import torch
from searches import Search

from lqg import LQG, OF_LOGITS, gaussian, squared_distance, wasserstein_d, wasserstein_g

D, RANK, SPECTRUM = 5, 2, 0.6
FILE = Path(__file__).parents[2] / "trainers" / "lqg.py"


def principal_components(d: int = D, rank: int = RANK) -> np.ndarray:
    """A generator's weight by NumPy's own eigenvectors of the sample's covariance."""
    sample = gaussian(d, SPECTRUM).sample.double().numpy()
    values, vectors = np.linalg.eigh(sample.T @ sample / len(sample))
    return vectors[:, -rank:] * np.sqrt(values[-rank:])


def test_the_samples_moments_are_the_covariance_and_its_eigenvalues_the_spectrum():
    data = gaussian(D, SPECTRUM)
    sample = data.sample.double().numpy()
    assert sample.mean(0) == pytest.approx(np.zeros(D), abs=1e-7)
    assert sample.T @ sample / len(sample) == pytest.approx(data.covariance, abs=1e-6)
    values = np.linalg.eigvalsh(data.covariance)[::-1]
    assert values == pytest.approx([1, 0.6, 0.36, 0.216, 0.1296])


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_principal_components_are_at_the_optimum(rank):
    distance = squared_distance(principal_components(rank=rank), gaussian(D, SPECTRUM).covariance)
    assert distance == pytest.approx(gaussian(D, SPECTRUM).optimum(rank), rel=1e-5)


def test_no_minimum_that_scipy_finds_is_below_the_optimum_and_some_reach_it():
    """Minimised in its other form, tr K + |G|² - 2 |K^½ G| with the nuclear norm."""
    data, found = gaussian(D, SPECTRUM), []
    root = scipy.linalg.sqrtm(data.covariance).real

    def other_form(entries: np.ndarray) -> float:
        weight = entries.reshape(D, RANK)
        cross = np.linalg.norm(root @ weight, "nuc")
        return float(np.trace(data.covariance) + (weight**2).sum() - 2 * cross)

    for seed in range(5):
        start = np.random.default_rng(seed).normal(size=D * RANK)
        assert squared_distance(start.reshape(D, RANK), data.covariance) == pytest.approx(
            other_form(start), rel=1e-6
        )
        found.append(scipy.optimize.minimize(other_form, start).fun)
    assert min(found) == pytest.approx(0.36 + 0.216 + 0.1296, rel=1e-6)


def test_the_dual_with_the_best_quadratic_form_is_the_squared_distance():
    """Maximised by scipy over symmetric S, for a generator of full rank."""
    data, d = gaussian(3, SPECTRUM), 3
    weight = torch.tensor(np.random.default_rng(2).normal(size=(d, d)))
    real = data.sample.double()
    fake = gaussian(3, 1.0).sample.double() @ weight.T  # of unit covariance before
    upper = np.triu_indices(d)

    def value(entries: np.ndarray) -> float:
        form = np.zeros((d, d))
        form[upper] = entries
        form = torch.tensor(form + form.T)
        return float(wasserstein_d(real, fake, form).mean())

    least = scipy.optimize.minimize(value, np.zeros(6)).fun
    dual = float((real**2).sum(1).mean() + (fake**2).sum(1).mean()) - 2 * least
    assert dual == pytest.approx(squared_distance(weight.numpy(), data.covariance), rel=1e-4)


def test_the_generators_loss_has_the_gradient_of_the_dual():
    real, fake = gaussian(D, SPECTRUM).sample[:50].double(), torch.randn(50, D).double()
    form = torch.randn(D, D).double()
    form = (form + form.T).requires_grad_(False)
    fake.requires_grad_()
    dual = (real**2).sum() + (fake**2).sum() - 2 * wasserstein_d(real, fake, form).sum()
    [theirs] = torch.autograd.grad(dual, fake)
    [ours] = torch.autograd.grad(wasserstein_g(fake, form).sum(), fake)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("weight", [0.1, 1.0])
@pytest.mark.parametrize("loss", ["wasserstein", *OF_LOGITS])
def test_principal_components_are_at_rest_for_the_losses_that_a_penalty_does_not_bias(
    loss, weight, hp
):
    """The critic is trained to its best by scipy; then the generator has no gradient.

    On z and y whose moments are exact, so that there is no noise.
    """
    settings = hp(LQG, loss=loss, penalty_weight=weight, dimension=D, rank=RANK, spectrum=SPECTRUM)
    trainer = LQG()
    nets = {name: net.double() for name, net in trainer.build(settings).items()}
    generator, critic = nets["generator"], nets["critic"]
    generator.weight.data = torch.tensor(principal_components())
    data = gaussian(D, SPECTRUM).sample.double()
    batch = {"y": data, "z": gaussian(RANK, 1.0).sample.double()}

    def value_and_gradient(entries: np.ndarray) -> tuple[float, np.ndarray]:
        critic.matrix.data = torch.tensor(entries.reshape(D, D))
        value = trainer.loss("critic", nets, batch, settings)
        [gradient] = torch.autograd.grad(value, [critic.matrix])
        return value.item(), gradient.numpy().ravel()

    best = scipy.optimize.minimize(
        value_and_gradient, np.zeros(D * D), jac=True, method="BFGS", options={"gtol": 1e-9}
    )
    value_and_gradient(best.x)
    value = trainer.loss("generator", nets, batch, settings)
    [gradient] = torch.autograd.grad(value, [generator.weight])
    if loss in ("wasserstein", "wgan"):
        assert float(gradient.abs().max()) < 1e-5
    else:
        assert float(gradient.abs().max()) > 1e-4


STUDY = """\
study: s
trainer: {file}:LQG
objective: {{minimize: excess}}
search: {{rounds: 2, trials: 8, survivors: 2, seed: 0}}
budget: {{steps: 400, growth: 2, report_every: 400}}
confirm: {{top: 2, seeds: 3}}
fixed: {{dimension: 8, rank: 2, n_critic: 1}}
space:
  loss: [wasserstein, wgan, non_saturating]
  penalty_weight: {{loguniform: [0.1, 10]}}
  lr_g: {{loguniform: [1e-3, 1e-1]}}
  lr_d: {{loguniform: [1e-3, 1e-1]}}
"""


@pytest.mark.slow
def test_a_search_finds_principal_components_to_two_per_cent(tmp_path):
    search = Search(tmp_path, STUDY.format(file=FILE), "")
    code, errors = search.finish()
    assert code == 0, errors
    confirmed = [
        json.loads(path.read_text())
        for path in sorted((search.run.path / "trials").glob("*/result.json"))
        if json.loads((path.parent / "spec.json").read_text())["role"] == "confirm"
    ]
    assert len(confirmed) == 6
    values = [trial["value"] for trial in confirmed]
    assert min(np.mean(values[:3]), np.mean(values[3:])) < 0.02
    assert min(values) > -1e-6  # nothing is better than the optimum
