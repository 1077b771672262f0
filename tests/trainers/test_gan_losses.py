"""The GANs' losses by hand, and penalties by closed forms and double backward."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hpsearch.trainer.run import HP
from hpsearch_trainers.gan.losses import (
    PENALTIES,
    class_loss,
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    penalised_place,
    squared_gradient,
)


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


GAME = (softplus(-2) + softplus(1)) / 2 + softplus(-0.5)


@pytest.mark.parametrize(
    ("loss", "discriminator", "generator"),
    [
        ("non_saturating", GAME, softplus(0.5)),
        ("minimax", GAME, -softplus(-0.5)),
        ("wgan", -0.5 - 0.5, 0.5),
        ("least_squares", (1 + 4) / 4 + 0.125, 0.5 * 1.5**2),
        ("hinge", (0 + 2) / 2 + 0.5, 0.5),
        # -D(x) of 2 and -1; margins 0.25 and 1: (0.25 - 0.5 - 2)₊ = 0 and (1 - 0.5 + 1)₊ = 1.5.
        ("loss_sensitive", -0.5 + 3 * 1.5 / 2, 0.5),
    ],
)
def test_a_loss_has_the_value_of_its_formula(loss, discriminator, generator):
    real, fake = torch.tensor([[2.0], [-1.0]]), torch.tensor([[-0.5], [-0.5]])
    pictures = torch.tensor([[0.5, 0.0], [1.0, 1.0]]), torch.zeros(2, 2)
    hp = HP({"loss": loss, "margin_weight": 3.0})
    of_discriminator = discriminator_loss(real, fake, pictures, hp)
    assert float(of_discriminator) == pytest.approx(discriminator)
    assert float(generator_loss(fake, hp)) == pytest.approx(generator)


def test_the_class_loss_is_torchs_cross_entropy():
    logits, labels = torch.randn(5, 3, dtype=torch.float64), torch.tensor([0, 2, 1, 1, 0])
    ours = class_loss(logits, F.one_hot(labels, 3))
    torch.testing.assert_close(ours, F.cross_entropy(logits, labels))


def pictures_and_noise(rows: int = 7):
    """Real and generated pictures, and the noise of a batch."""
    generator = torch.Generator().manual_seed(3)
    real, away, fake = torch.randn(3, rows, 1, 8, 8, generator=generator)
    return real, fake, {"away": away, "mix": torch.randn(rows, 1, generator=generator)}


def penalty_of(penalty: str, critic: nn.Module) -> torch.Tensor:
    real, fake, noise = pictures_and_noise()
    return gradient_penalty(
        lambda x: critic(x.flatten(1)), real, fake, noise, HP({"penalty": penalty})
    )


def test_the_penalties_of_a_linear_critic_follow_from_its_weights():
    critic = nn.Linear(64, 1).requires_grad_(False)
    norm = float(critic.weight.norm())
    assert float(penalty_of("r1", critic)) == pytest.approx(norm**2 / 2, rel=1e-5)
    for penalty in ("gradient", "dragan"):
        assert float(penalty_of(penalty, critic)) == pytest.approx((norm - 1) ** 2, rel=1e-4)


def test_each_penalty_looks_at_its_own_place():
    """128,000 unit normals a place: the standard error of a variance is 0.004."""
    real, fake, noise = pictures_and_noise(2000)
    between, at_real, around = (
        penalised_place(real, fake, noise, HP({"penalty": penalty})) for penalty in PENALTIES
    )
    # u real + (1 - u) fake with u uniform in (0, 1), the same for all pixels of a picture.
    assert float(between.var()) == pytest.approx(2 / 3, abs=0.03)
    share = ((between - fake) / (real - fake)).flatten(1)
    torch.testing.assert_close(share[:, 0], share[:, 1], rtol=1e-2, atol=1e-2)
    assert 0 < float(share[:, 0].min()) < 0.02 and 0.98 < float(share[:, 0].max()) < 1
    assert torch.equal(at_real, real)
    assert float((around - real).std()) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_a_penaltys_slope_in_the_weights_is_that_of_double_backward(penalty):
    critic = nn.Sequential(nn.Linear(64, 9), nn.Tanh(), nn.Linear(9, 1))
    ours = torch.autograd.grad(penalty_of(penalty, critic), list(critic.parameters())[:3])
    place = penalised_place(*pictures_and_noise(), HP({"penalty": penalty}))
    x = place.flatten(1).requires_grad_()
    rows = [torch.autograd.grad(critic(x)[i, 0], x, create_graph=True)[0][i] for i in range(7)]
    each = [0.5 * row.norm() ** 2 if penalty == "r1" else (row.norm() - 1) ** 2 for row in rows]
    theirs = torch.autograd.grad(sum(each) / 7, list(critic.parameters())[:3])
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


def test_the_squared_gradient_of_a_linear_critic_is_the_distance_of_the_means():
    """Of E D(G(z)) - E D(x), with D(x) = wx + b: |E G(z) - E x|² in w and 0 in b."""
    critic = nn.Linear(3, 1).double().requires_grad_(False)
    real, fake = torch.randn(2, 5, 3, dtype=torch.float64)
    fake.requires_grad_()
    square, loss = squared_gradient(critic, lambda d: (d(fake) - d(real)).mean())
    apart = (fake - real).mean(0)
    torch.testing.assert_close(square, apart.square().sum())
    torch.testing.assert_close(loss, (critic.weight @ apart)[0])
    [slope] = torch.autograd.grad(square, fake)
    torch.testing.assert_close(slope, (2 * apart / 5).expand(5, 3))
