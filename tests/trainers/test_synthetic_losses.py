"""What the GANs of vectors add to losses and penalties: by hand, for critics of known slope."""

import math

import pytest
import torch
from torch import nn

from hpsearch.trainer.run import HP
from hpsearch_trainers.gan.losses import gradient_penalty
from hpsearch_trainers.known_optimum.vector_gan import LOSSES

REAL = torch.tensor([[3.0, 0.0], [0.0, 1.0], [2.0, 2.0], [0.0, 0.0]])
FAKE = torch.tensor([[1.0, 0.0], [5.0, 0.0], [0.0, 2.0], [1.0, 1.0]])


def penalty_of(penalty: str, critic, packing: int = 1) -> float:
    rows = 4 // packing
    batch = {"mix": torch.zeros(rows, 1)}  # ndtr(0) is a half
    packs = REAL.view(rows, -1), FAKE.view(rows, -1)
    hp = HP({"penalty": penalty})
    return float(gradient_penalty(lambda x: critic(x.view(4, 2)), *packs, batch, hp))


def test_a_relativistic_loss_is_of_the_difference():
    real, fake = torch.tensor([[2.0], [-1.0]]), torch.tensor([[0.5], [0.5]])
    of_discriminator, of_generator = LOSSES["relativistic"]
    by_hand = [-math.log(1 / (1 + math.exp(-x))) for x in (1.5, -1.5)]
    assert of_discriminator(real, fake).flatten().tolist() == pytest.approx(by_hand)
    assert of_generator(real, fake).flatten().tolist() == pytest.approx(by_hand[::-1])


def test_a_generators_other_losses_do_not_look_at_real_samples():
    fake = torch.tensor([[0.5], [-2.0]])
    for name in ("non_saturating", "minimax", "wgan", "least_squares", "hinge"):
        loss = LOSSES[name][1]
        assert torch.equal(loss(torch.zeros(2, 1), fake), loss(torch.ones(2, 1), fake))


def test_the_penalties_of_a_linear_critic_follow_from_its_weights():
    critic = nn.Linear(2, 1).requires_grad_(False)
    norm = float(critic.weight.norm())
    assert penalty_of("gradient", critic) == pytest.approx((norm - 1) ** 2, rel=1e-4)
    assert penalty_of("r1", critic) == pytest.approx(norm**2 / 2)
    assert penalty_of("r1_r2", critic) == pytest.approx(norm**2 / 2 + norm**2 / 2)


def test_the_penalties_of_half_the_squared_length_look_each_at_its_own_places():
    """Its slope at x is x."""

    def critic(x):
        return (x**2).sum(1, keepdim=True) / 2

    middle = ((REAL + FAKE) / 2).norm(dim=1)
    assert penalty_of("gradient", critic) == pytest.approx(float(((middle - 1) ** 2).mean()))
    assert penalty_of("r1", critic) == pytest.approx((9 + 1 + 8 + 0) / 4 / 2)
    # Of the first half the real ones, of the second the fake ones.
    assert penalty_of("r1_r2", critic) == pytest.approx((9 + 1) / 2 / 2 + (4 + 2) / 2 / 2)


def test_the_slope_of_a_packed_critic_is_that_in_all_samples_of_a_row():
    def critic(x):
        return (x**2).sum(1).reshape(2, 2).sum(1, keepdim=True) / 2

    assert penalty_of("r1", critic, packing=2) == pytest.approx(((9 + 1) + (8 + 0)) / 2 / 2)
