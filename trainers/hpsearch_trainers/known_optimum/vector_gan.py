"""A GAN of multi-layer perceptrons whose samples are plain vectors; what they are is a subclass's.

The discriminator may score several samples at once, all real or all fake (PacGAN, Lin et al. 2018,
sec. 2: packing), which shows it a generator that has lost modes.
"""

import functools
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hpsearch import HP, Alike, Data, Optimizer, Padded, Schedule, Trainer
from hpsearch_trainers.gan.losses import PAIRED, gradient_penalty

PENALTIES = ("gradient", "r1", "r1_r2")


class VectorGAN(Trainer):
    """The base of GANs of vectors; a subclass gives samples and evaluates the generator."""

    defaults = {
        "loss": "non_saturating",  # minimax, wgan, least_squares, hinge, relativistic
        "penalty": "r1",  # gradient, r1_r2, none
        "penalty_weight": 0.1,
        "lr_g": 1e-3,
        "lr_d": 1e-3,
        "beta1": 0.0,
        "beta2": 0.99,
        "decay": 0,  # updates over which a network's rate falls to a twentieth; 0 for never
        "average": None,  # decay of the generator's moving average, which is evaluated in its place
        "n_critic": 1,  # updates of the discriminator for one of the generator
        "packing": 1,  # samples that the discriminator scores as one
        "depth": 2,
        "width": 128,
        "z_dim": 2,
        "batch_size": 128,
    }
    structure = (
        "depth",
        "batch_size",
        "n_critic",
        "packing",
        Padded("width", sizes=4),
        Padded("z_dim", sizes=1),
        Alike("penalty", PENALTIES),  # "none" is apart: it takes no gradient
    )
    phases = ("discriminator", "generator")

    def samples(self, hp: HP) -> Tensor:
        """What is to be learnt, [n, d], float32; the same object at each call."""
        raise NotImplementedError(f"{type(self).__name__}.samples")

    def real(self, hp: HP) -> Tensor:
        """What `skill.py` shows to discriminators."""
        return self.samples(hp)

    def seen(self, hp: HP, d: int) -> tuple[nn.Module, int]:
        """What the discriminator sees of a sample [n, d] in its place, and how wide that is."""
        return nn.Identity(), d

    def last_layer(self) -> nn.Module:
        """What a generator puts its last affine layer's outputs through."""
        return nn.Identity()

    def data(self, hp: HP) -> Data:
        return Data({"sample": self.samples(hp)}, hp.batch_size)

    def build(self, hp: HP) -> dict[str, nn.Module]:
        d = self.samples(hp).shape[1]
        return {
            "discriminator": Packed(*self.seen(hp, d), hp),
            "generator": nn.Sequential(mlp(hp.z_dim, hp.width, hp.depth, d), self.last_layer()),
        }

    def noise(self, hp: HP) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {"z": (hp.batch_size, hp.z_dim)}
        if hp.penalty == "gradient":
            shapes["mix"] = (hp.batch_size // hp.packing, 1)
        return shapes

    def optimizer(self, phase: str, hp: HP) -> Optimizer:
        lr, often = (hp.lr_d, hp.n_critic) if phase == "discriminator" else (hp.lr_g, 1)
        schedule = Schedule("exponential", hp.decay * often, final=0.05) if hp.decay else None
        return Optimizer(
            "adam",
            lr=lr,
            betas=(hp.beta1, hp.beta2),
            schedule=schedule,
            average=hp.average if phase == "generator" else None,
        )

    def repeats(self, phase: str, hp: HP) -> int:
        return hp.n_critic if phase == "discriminator" else 1

    def loss(
        self, phase: str, nets: Mapping[str, nn.Module], batch: Mapping[str, Tensor], hp: HP
    ) -> Tensor:
        discriminator = nets["discriminator"]
        real, fake = batch["sample"], nets["generator"](batch["z"])
        on_real, on_fake = discriminator(torch.cat([real, fake])).chunk(2)
        if phase == "generator":
            of = {name: functools.partial(g, on_real, on_fake) for name, (_, g) in LOSSES.items()}
            return hp.pick("loss", of).mean()
        of = {name: functools.partial(d, on_real, on_fake) for name, (d, _) in LOSSES.items()}
        loss = hp.pick("loss", of).mean()
        if hp.among("penalty", *PENALTIES):
            packs = [x.reshape(x.shape[0] // hp.packing, -1) for x in (real, fake)]
            penalty = gradient_penalty(
                lambda x: discriminator(x.reshape(real.shape)), *packs, batch, hp
            )
            loss = loss + hp.penalty_weight * penalty
        return loss


def evaluated(nets: Mapping[str, nn.Module]) -> nn.Module:
    """The generator, or its moving average if there is one."""
    return nets.get("generator_average", nets["generator"])


def relativistic_d(real: Tensor, fake: Tensor) -> Tensor:
    """-log σ(D(x) - D(G(z))): real above fake, pair by pair (Jolicoeur-Martineau 2019).

    It has no bad basins in which modes are lost (Sun et al. 2020).
    """
    return F.softplus(fake - real)


def relativistic_g(real: Tensor, fake: Tensor) -> Tensor:
    """-log σ(D(G(z)) - D(x)), the same the other way round."""
    return F.softplus(real - fake)


Loss = Callable[[Tensor, Tensor], Tensor]


def _of_fake(loss: Callable[[Tensor], Tensor]) -> Loss:
    return lambda real, fake: loss(fake)


LOSSES: dict[str, tuple[Loss, Loss]] = {
    **{name: (d, _of_fake(g)) for name, (d, g) in PAIRED.items()},
    "relativistic": (relativistic_d, relativistic_g),
}


class Packed(nn.Module):
    """Samples [n, d] to logits [n // m, 1], one for each m samples that follow each other.

    Args:
        seen: what a sample goes through before it is packed.
        width: of what that puts out.
        hp: packing (m, of which n must be a multiple), width and depth.
    """

    def __init__(self, seen: nn.Module, width: int, hp: HP) -> None:
        super().__init__()
        self.seen, self.packing = seen, hp.packing
        self.judge = mlp(hp.packing * width, hp.width, hp.depth, 1)

    def forward(self, samples: Tensor) -> Tensor:
        seen = self.seen(samples)
        return self.judge(seen.reshape(seen.shape[0] // self.packing, -1))


def mlp(inputs: int, width: int, depth: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [nn.Linear(inputs, width), nn.LeakyReLU(0.2)]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))


@functools.cache
def latents(n: int, z_dim: int) -> Tensor:
    """Normal, [n, z_dim], the same at every report of every trial."""
    return torch.randn(n, z_dim, generator=torch.Generator().manual_seed(0))
