"""What a discriminator and a generator minimise: losses, and penalties that go with any of them.

Scores are what the discriminator puts out before any sigmoid. A loss gives a term for each pair of
a real and a generated picture, or for each generated one; the loss of a batch is their mean.
"""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hpsearch import HP

PENALTIES = ("gradient", "r1", "dragan")


def non_saturating_d(real: Tensor, fake: Tensor) -> Tensor:
    """-log σ(D(x)) - log(1 - σ(D(G(z)))), Goodfellow et al. 2014, eq. 1; scores [batch], nats."""
    return F.softplus(-real) + F.softplus(fake)


def non_saturating_g(fake: Tensor) -> Tensor:
    """-log σ(D(G(z))), Goodfellow et al. 2014, sec. 3."""
    return F.softplus(-fake)


def minimax_g(fake: Tensor) -> Tensor:
    """log(1 - σ(D(G(z)))), Goodfellow et al. 2014, eq. 1: flat where D is sure of itself."""
    return -F.softplus(fake)


def wgan_d(real: Tensor, fake: Tensor) -> Tensor:
    """Arjovsky et al. 2017, sec. 3; the Lipschitz bound is left to `clip` or to a penalty."""
    return fake - real


def wgan_g(fake: Tensor) -> Tensor:
    return -fake


def least_squares_d(real: Tensor, fake: Tensor) -> Tensor:
    """Mao et al. 2017, with the targets 1 for real and 0 for fake."""
    return 0.5 * ((real - 1) ** 2 + fake**2)


def least_squares_g(fake: Tensor) -> Tensor:
    return 0.5 * (fake - 1) ** 2


def hinge_d(real: Tensor, fake: Tensor) -> Tensor:
    """Lim & Ye 2017; Miyato et al. 2018, sec. 4."""
    return F.relu(1 - real) + F.relu(1 + fake)


def hinge_g(fake: Tensor) -> Tensor:
    """Miyato et al. 2018, sec. 4."""
    return -fake


def loss_sensitive_d(real: Tensor, fake: Tensor, margin: Tensor, weight: float | Tensor) -> Tensor:
    """Qi 2017 (1701.06264), the LS-GAN's objective, with the loss function L = -D.

    L(x) + λ (Δ(x, G(z)) + L(x) - L(G(z)))₊.

    Args:
        real: scores, [batch, 1].
        fake: as real.
        margin: Δ, [batch, 1].
        weight: λ.
    """
    return -real + weight * F.relu(margin + fake - real)


def loss_sensitive_g(fake: Tensor) -> Tensor:
    """L(G(z)), Qi 2017."""
    return -fake


# The discriminator's loss as a function of (real, fake), and the generator's of fake.
PAIRED: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "non_saturating": (non_saturating_d, non_saturating_g),
    "wgan": (wgan_d, wgan_g),
    "least_squares": (least_squares_d, least_squares_g),
    "hinge": (hinge_d, hinge_g),
    "minimax": (non_saturating_d, minimax_g),
}
LOSSES = (*PAIRED, "loss_sensitive")  # its margin depends on the pictures


def discriminator_loss(
    real: Tensor, fake: Tensor, pictures: tuple[Tensor, Tensor], hp: HP
) -> Tensor:
    """The mean of `hp.loss` over a batch.

    Args:
        real: scores of the real pictures, [batch, 1].
        fake: scores of the generated ones, [batch, 1].
        pictures: both, [batch, ...]; read by "loss_sensitive", whose Δ is the mean absolute
            difference of two pictures' pixels.
        hp: of it `loss` and `margin_weight`.
    """
    of = {name: partial(d, real, fake) for name, (d, _) in PAIRED.items()}
    of["loss_sensitive"] = lambda: loss_sensitive_d(
        real, fake, (pictures[0] - pictures[1]).abs().flatten(1).mean(1, True), hp.margin_weight
    )
    return hp.pick("loss", of).mean()


def generator_loss(fake: Tensor, hp: HP) -> Tensor:
    """The mean of `hp.loss` over scores of generated pictures, [batch, 1]."""
    of = {name: partial(g, fake) for name, (_, g) in PAIRED.items()}
    of["loss_sensitive"] = partial(loss_sensitive_g, fake)
    return hp.pick("loss", of).mean()


def gradient_penalty(
    discriminator: Callable[[Tensor], Tensor],
    real: Tensor,
    fake: Tensor,
    batch: Mapping[str, Tensor],
    hp: HP,
) -> Tensor:
    """Penalties on the gradient norm |∇D(x)| by one formula; they differ in x and in the target.

    "gradient": 1, between fake and real pictures (Gulrajani et al. 2017, sec. 4).
    "dragan": 1, around the real pictures (Kodali et al. 2017), at half their deviation.
    "r1": 0, at the real pictures, and ½ |∇D(x)|² (Mescheder et al. 2018, sec. 4.1, eq. 9).
    "r1_r2": the sum of ½ |∇D(x)|² at the real and at the fake ones (their eqs. 9 and 10), each of
        half a batch.

    Args:
        discriminator: [batch, ...] to [batch, 1].
        real: [batch, ...]; a row is what has one score, so a pack is one.
        fake: as real.
        batch: the normal noise "mix" [batch, 1] for "gradient", "away", as real, for "dragan".
        hp: of it just `penalty`.

    Returns:
        Mean over the batch.
    """
    at = penalised_place(real, fake, batch, hp)
    square = (_input_gradient(discriminator, at) ** 2).flatten(1).sum(1)

    def off_one() -> Tensor:
        return ((square + 1e-12).sqrt() - 1) ** 2  # the root has no derivative at 0

    penalties = {
        "gradient": off_one,
        "dragan": off_one,
        "r1": lambda: 0.5 * square,
        "r1_r2": lambda: square,
    }
    return hp.pick("penalty", penalties).mean()


def penalised_place(real: Tensor, fake: Tensor, batch: Mapping[str, Tensor], hp: HP) -> Tensor:
    """The x of `gradient_penalty`, as real."""

    def between() -> Tensor:
        share = torch.special.ndtr(batch["mix"])
        share = share.view(-1, *[1] * (real.dim() - 1))
        return share * real + (1 - share) * fake

    half = len(real) // 2
    return hp.pick(
        "penalty",
        {
            "gradient": between,
            "dragan": lambda: real + 0.5 * real.std() * batch["away"],
            "r1": lambda: real,
            "r1_r2": lambda: torch.cat([real[:half], fake[half:]]),
        },
    )


def _input_gradient(discriminator: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Each picture's own gradient, as x.

    No layer mixes the pictures of a batch (but a batch norm does), so the gradient of the sum
    holds them all. Unlike `autograd.grad(create_graph=True)` this passes through
    `torch.func.vmap`.
    """
    return torch.func.grad(lambda images: discriminator(images).sum())(x)


def squared_gradient(
    net: nn.Module, loss: Callable[[Callable[..., Tensor]], Tensor]
) -> tuple[Tensor, Tensor]:
    """|∇ loss|² in the parameters of a network, itself differentiable, and the loss.

    The generator minimises V + η |∇_D V|² in Nagarajan & Kolter 2017 (1706.04156), sec. 4, and in
    the authors' program (gradient_regularized_gan), which squares the norm over all of the
    discriminator's parameters. V is, but for its sign, the discriminator's loss.

    Args:
        net: the network.
        loss: given the network as a function, a scalar.
    """

    def of(parameters: dict[str, Tensor]) -> Tensor:
        return loss(lambda *x: torch.func.functional_call(net, parameters, x))

    gradients, value = torch.func.grad_and_value(of)(dict(net.named_parameters()))
    return torch.stack([(gradient**2).sum() for gradient in gradients.values()]).sum(), value


def class_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """-L_C of an AC-GAN: mean cross-entropy in nats (Odena et al. 2017, sec. 3).

    Args:
        logits: [batch, classes].
        labels: one-hot, [batch, classes].
    """
    return -(F.log_softmax(logits, -1) * labels).sum(-1).mean()
