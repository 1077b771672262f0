"""What the benchmark of fused training trains: seven usual networks, as trainers of `hpsearch`.

The data are random numbers of the right shapes, which cost what real ones cost. Trials of a
workload differ in learning rate, beta1 and weight decay, and in the penalty's weight where there
is one.
"""

from collections.abc import Callable, Mapping
from functools import cache
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hpsearch.trainer.run import HP
from hpsearch.trainer.trainer import Data, Evaluation, Optimizer, Trainer

ROWS = 8192
JUDGED = 256  # rows or latents that a report looks at
CLASSES = 10
DIGIT, PICTURE = (64,), (1, 28, 28)


@cache
def pictures(shape: tuple[int, ...], seed: int, rows: int) -> Tensor:
    """Standard normal pixels, [rows, *shape]; one tensor for all trials."""
    return torch.randn((rows, *shape), generator=torch.Generator().manual_seed(seed))


@cache
def labels(seed: int, rows: int) -> Tensor:
    return torch.randint(CLASSES, (rows,), generator=torch.Generator().manual_seed(seed))


class _Workload(Trainer):
    defaults: ClassVar[Mapping[str, Any]] = {
        "lr": 1e-3,
        "beta1": 0.9,
        "weight_decay": 0.0,
        "batch_size": 32,
    }
    structure = ("batch_size",)
    picture: ClassVar[tuple[int, ...]] = DIGIT

    def optimizer(self, phase: str, hp: HP) -> Optimizer:
        return Optimizer("adam", hp.lr, betas=(hp.beta1, 0.999), weight_decay=hp.weight_decay)


class _Classifier(_Workload):
    def data(self, hp: HP) -> Data:
        images = pictures(self.picture, 0, ROWS)
        return Data({"image": images, "label": labels(0, ROWS)}, hp.batch_size)

    def loss(
        self, phase: str, nets: Mapping[str, nn.Module], batch: Mapping[str, Tensor], hp: HP
    ) -> Tensor:
        return F.cross_entropy(nets["net"](batch["image"]), batch["label"])

    def inputs(self, hp: HP) -> dict[str, Tensor]:
        return {"image": pictures(self.picture, 1, JUDGED), "label": labels(1, JUDGED)}

    def outputs(
        self, nets: Mapping[str, nn.Module], inputs: Mapping[str, Tensor], hp: HP
    ) -> dict[str, Tensor]:
        return {"loss": F.cross_entropy(nets["net"](inputs["image"]), inputs["label"])}

    def evaluate(
        self, nets: Mapping[str, nn.Module], outputs: Mapping[str, Tensor], hp: HP
    ) -> Evaluation:
        return Evaluation({"loss": float(outputs["loss"])})


class Mlp128(_Classifier):
    sizes: ClassVar[tuple[int, ...]] = (64, 128, CLASSES)

    def build(self, hp: HP) -> dict[str, nn.Module]:
        return {"net": mlp(self.sizes, nn.ReLU())}


class Mlp256(Mlp128):
    sizes = (64, 256, 256, CLASSES)


class LeNet(_Classifier):
    """LeCun et al. 1998, fig. 2, with ReLU and max-pooling: 61,706 parameters."""

    picture = PICTURE

    def build(self, hp: HP) -> dict[str, nn.Module]:
        convolutions = (
            *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        )
        return {"net": nn.Sequential(*convolutions, *mlp((400, 120, 84, CLASSES), nn.ReLU()))}


class ResNet(_Classifier):
    """He et al. 2016, sec. 4.2, with one block at each of 16, 32 and 64 channels: 8 layers."""

    picture = PICTURE

    def build(self, hp: HP) -> dict[str, nn.Module]:
        stem = (nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        blocks = (Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2))
        head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, CLASSES))
        return {"net": nn.Sequential(*stem, *blocks, *head)}


class Block(nn.Module):
    """Two convolutions and a shortcut, [batch, inputs, s, s] to [batch, outputs, s/stride, …]."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)),
            *(nn.ReLU(), nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = (
            nn.Identity()
            if stride == 1
            else nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


class Gan(_Workload):
    """The non-saturating GAN of two perceptrons, one update of each in turn."""

    defaults: ClassVar[Mapping[str, Any]] = {**_Workload.defaults, "lr": 2e-4, "beta1": 0.5}
    phases = ("discriminator", "generator")
    z_dim: ClassVar[int] = 16

    def data(self, hp: HP) -> Data:
        return Data({"image": pictures(self.picture, 0, ROWS)}, hp.batch_size)

    def build(self, hp: HP) -> dict[str, nn.Module]:
        return {
            "discriminator": mlp((64, 128, 128, 1), nn.LeakyReLU(0.2)),
            "generator": nn.Sequential(
                mlp((self.z_dim, 128, 128, 64), nn.LeakyReLU(0.2)), nn.Tanh()
            ),
        }

    def noise(self, hp: HP) -> dict[str, tuple[int, ...]]:
        return {"z": (hp.batch_size, self.z_dim)}

    def loss(
        self, phase: str, nets: Mapping[str, nn.Module], batch: Mapping[str, Tensor], hp: HP
    ) -> Tensor:
        fake = nets["discriminator"](nets["generator"](batch["z"]))
        if phase == "generator":
            return F.softplus(-fake).mean()
        return F.softplus(-nets["discriminator"](batch["image"])).mean() + F.softplus(fake).mean()

    def inputs(self, hp: HP) -> dict[str, Tensor]:
        return {"z": pictures((self.z_dim,), 1, JUDGED)}

    def outputs(
        self, nets: Mapping[str, nn.Module], inputs: Mapping[str, Tensor], hp: HP
    ) -> dict[str, Tensor]:
        return {"score": nets["discriminator"](nets["generator"](inputs["z"])).mean()}

    def evaluate(
        self, nets: Mapping[str, nn.Module], outputs: Mapping[str, Tensor], hp: HP
    ) -> Evaluation:
        return Evaluation({"loss": float(outputs["score"])})


class WganGp(Gan):
    """Gulrajani et al. 2017, algorithm 1: five updates of the critic for one of the generator."""

    defaults: ClassVar[Mapping[str, Any]] = {**Gan.defaults, "penalty_weight": 10.0}

    def noise(self, hp: HP) -> dict[str, tuple[int, ...]]:
        return {**super().noise(hp), "mix": (hp.batch_size, 1)}

    def repeats(self, phase: str, hp: HP) -> int:
        return 5 if phase == "discriminator" else 1

    def loss(
        self, phase: str, nets: Mapping[str, nn.Module], batch: Mapping[str, Tensor], hp: HP
    ) -> Tensor:
        critic, fake = nets["discriminator"], nets["generator"](batch["z"])
        if phase == "generator":
            return -critic(fake).mean()
        real = batch["image"]
        mix = torch.special.ndtr(batch["mix"])
        gradient = self.input_gradient(critic, mix * real + (1 - mix) * fake)
        norm = ((gradient**2).sum(1) + 1e-12).sqrt()
        penalty = ((norm - 1) ** 2).mean()
        return critic(fake).mean() - critic(real).mean() + hp.penalty_weight * penalty

    def input_gradient(self, critic: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        return torch.func.grad(lambda images: critic(images).sum())(x)


class Dcgan(Gan):
    """Radford et al. 2016 for pictures of 28x28, at 64 and 128 channels, with BatchNorm."""

    picture = PICTURE
    z_dim = 64

    def build(self, hp: HP) -> dict[str, nn.Module]:
        generator = nn.Sequential(
            *(nn.Linear(self.z_dim, 128 * 7 * 7, bias=False), nn.Unflatten(1, (128, 7, 7))),
            *(nn.BatchNorm2d(128), nn.ReLU(), nn.ConvTranspose2d(128, 64, 4, 2, 1, bias=False)),
            *(nn.BatchNorm2d(64), nn.ReLU(), nn.ConvTranspose2d(64, 1, 4, 2, 1), nn.Tanh()),
        )
        discriminator = nn.Sequential(
            *(nn.Conv2d(1, 64, 4, 2, 1), nn.LeakyReLU(0.2)),
            *(nn.Conv2d(64, 128, 4, 2, 1, bias=False), nn.BatchNorm2d(128), nn.LeakyReLU(0.2)),
            *(nn.Flatten(), nn.Linear(128 * 7 * 7, 1)),
        )
        return {"discriminator": discriminator, "generator": generator}


WORKLOADS: dict[str, type[Trainer]] = {
    "MLP 64-128-10": Mlp128,
    "MLP 64-256-256-10": Mlp256,
    "MLP GAN": Gan,
    "MLP WGAN-GP": WganGp,
    "LeNet 28x28": LeNet,
    "ResNet-8 28x28": ResNet,
    "DCGAN 28x28": Dcgan,
}


def mlp(sizes: tuple[int, ...], activation: nn.Module) -> nn.Sequential:
    """No activation after the last layer."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), activation]
    return nn.Sequential(*layers[:-1])


def hyperparameters(trainer: type[Trainer], trial: int) -> dict[str, Any]:
    """What trial number `trial` searches, each number drawn near the trainer's default.

    The learning rate goes down from the default only, so that no trial diverges while it is timed.
    """
    draw = np.random.default_rng(trial)
    params = {
        "lr": float(trainer.defaults["lr"] * 10 ** -draw.uniform(0, 1)),
        "beta1": float(draw.uniform(0.3, 0.9)),
        "weight_decay": float(10 ** draw.uniform(-6, -3)),
    }
    if "penalty_weight" in trainer.defaults:
        params["penalty_weight"] = float(10 ** draw.uniform(0, 1))
    return params
