"""A classifier that learns from a few labels and from a GAN (Salimans et al. 2016, sec. 5).

The discriminator has a logit for each class and none for "generated", whose logit is 0. The
generator matches features' means (sec. 3.1), and may be made a bad one, that spreads (Dai et al.
2017). The objective is `val_error`; `unsupervised_weight: 0` leaves a plain classifier.
"""

import functools
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hpsearch import HP, Data, Evaluation, Optimizer, Padded, Trainer
from hpsearch.errors import TrainerError
from hpsearch_trainers.data.datasets import dataset
from hpsearch_trainers.gan.nets import body, generator


class Classifying(nn.Module):
    """Pictures to features [batch, width] and logits [batch, classes]."""

    def __init__(self, features: nn.Module, logits: nn.Module) -> None:
        super().__init__()
        self.features, self.logits = features, logits

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.features(x)
        return features, self.logits(features)


class SemiSupervised(Trainer):
    defaults = {
        "data": "digits",
        "data_dir": None,
        "labels": 50,  # labelled pictures in all, equally many of each class
        "architecture": "mlp",  # dcgan
        "normalization": "none",  # of the discriminator: batch, layer, spectral
        "blur": 0.1,  # deviation of the noise on the pictures that the discriminator sees
        "unsupervised_weight": 1.0,
        "entropy_weight": 0.0,  # of the classes' entropy, on pictures without labels
        "pull_away_weight": 0.0,  # of what keeps generated pictures' features apart
        "lr_d": 1e-3,
        "lr_g": 1e-3,
        "beta1": 0.5,
        "average": None,  # decay of the discriminator's moving average; None for no average
        "depth": 2,
        "width": 128,
        "z_dim": 16,
        "batch_size": 64,
    }
    structure = (
        "data",
        "data_dir",
        "labels",
        "architecture",
        "normalization",
        "depth",
        "batch_size",
        Padded("width", sizes=4),
        Padded("z_dim", sizes=1),
    )
    phases = ("discriminator", "generator")

    def data(self, hp: HP) -> Data:
        """Each row is a picture without its label, and a labelled one; these come in turns."""
        images, _ = dataset(hp.data, hp.data_dir).part("train")
        labelled, labels = few(hp.data, hp.data_dir, hp.labels)
        return Data({"image": images, "labelled": labelled, "label": labels}, hp.batch_size)

    def build(self, hp: HP) -> dict[str, nn.Module]:
        data = dataset(hp.data, hp.data_dir)
        layers, width = body(hp.architecture, data.shape, hp.width, hp.depth, hp.normalization)
        first = [nn.Flatten()] if hp.architecture == "mlp" else []
        return {
            "discriminator": Classifying(
                nn.Sequential(*first, *layers), nn.Linear(width, data.classes)
            ),
            "generator": generator(hp.architecture, data.shape, hp.z_dim, hp.width, hp.depth),
        }

    def noise(self, hp: HP) -> dict[str, tuple[int, ...]]:
        shape = dataset(hp.data, hp.data_dir).shape
        return {"z": (hp.batch_size, hp.z_dim), "blur": (3, hp.batch_size, *shape)}

    def optimizer(self, phase: str, hp: HP) -> Optimizer:
        is_critic = phase == "discriminator"
        return Optimizer(
            "adam",
            lr=hp.lr_d if is_critic else hp.lr_g,
            betas=(hp.beta1, 0.99),
            average=hp.average if is_critic else None,
        )

    def loss(
        self, phase: str, nets: Mapping[str, nn.Module], batch: Mapping[str, Tensor], hp: HP
    ) -> Tensor:
        seen = hp.blur * batch["blur"]
        fake = nets["generator"](batch["z"]) + seen[0]
        real = batch["image"] + seen[1]
        if phase == "generator":
            of_fake, _ = nets["discriminator"](fake)
            of_real, _ = nets["discriminator"](real)
            matching = feature_matching(of_real, of_fake)
            return matching + hp.pull_away_weight * pull_away(of_fake)
        # A pass each: a batch norm must not mix them.
        _, labelled = nets["discriminator"](batch["labelled"] + seen[2])
        _, on_real = nets["discriminator"](real)
        _, on_fake = nets["discriminator"](fake)
        loss = F.cross_entropy(labelled, batch["label"])
        loss = loss + hp.unsupervised_weight * real_or_generated(on_real, on_fake)
        return loss + hp.entropy_weight * entropy(on_real)

    def inputs(self, hp: HP) -> dict[str, Tensor]:
        images, labels = dataset(hp.data, hp.data_dir).part("valid")
        return {"image": images, "label": labels}

    def outputs(
        self, nets: Mapping[str, nn.Module], inputs: Mapping[str, Tensor], hp: HP
    ) -> dict[str, Tensor]:
        found = {}
        for suffix in ("", "_average"):
            if (net := nets.get(f"discriminator{suffix}")) is not None:
                _, logits = net(inputs["image"])
                found[f"val_error{suffix}"] = error(logits, inputs["label"])
                found[f"val_loss{suffix}"] = F.cross_entropy(logits, inputs["label"])
        return found

    def evaluate(
        self, nets: Mapping[str, nn.Module], outputs: Mapping[str, Tensor], hp: HP
    ) -> Evaluation:
        return Evaluation({name: float(value) for name, value in outputs.items()})

    def test(self, nets: Mapping[str, nn.Module], hp: HP) -> dict[str, float]:
        images, labels = dataset(hp.data, hp.data_dir).part("test")
        metrics = {}
        for suffix in ("", "_average"):
            if (net := nets.get(f"discriminator{suffix}")) is not None:
                weights = next(net.parameters())
                _, logits = net(images.to(weights))
                metrics[f"test_error{suffix}"] = float(error(logits, labels.to(weights.device)))
        return metrics


@functools.cache
def few(name: str, root: str | None, count: int) -> tuple[Tensor, Tensor]:
    """The first labelled pictures of each class, over and over: as many as the training set has.

    Args:
        name: of the data set.
        root: the folder with its files.
        count: labelled pictures in all.

    Raises:
        TrainerError: the count is no multiple of the number of classes, or above what there is.
    """
    data = dataset(name, root)
    images, labels = data.part("train")
    each, rest = divmod(count, data.classes)
    rows = [(labels == kind).nonzero()[:, 0] for kind in range(data.classes)]
    most = min(map(len, rows))
    if rest or not 1 <= each <= most:
        raise TrainerError(
            f"SemiSupervised: labels must be a multiple of {data.classes}, at most "
            f"{most * data.classes}, got {count}"
        )
    # One of each class after another, so that any stretch of them is of all classes.
    chosen = torch.stack([own[:each] for own in rows], 1).flatten()
    turns = chosen[torch.arange(len(images)) % len(chosen)]
    return images[turns], labels[turns]


def error(logits: Tensor, labels: Tensor) -> Tensor:
    """Share of wrong answers, float64."""
    return (logits.argmax(-1) != labels).double().mean()


def real_or_generated(real: Tensor, fake: Tensor) -> Tensor:
    """-log D(x) - log(1 - D(G(z))) with D = Z/(Z + 1), Z = Σ exp(logits), means in nats.

    Salimans et al. 2016, sec. 5; logits [batch, classes].
    """
    on_real, on_fake = real.logsumexp(-1), fake.logsumexp(-1)
    return F.softplus(-on_real).mean() + F.softplus(on_fake).mean()


def feature_matching(real: Tensor, fake: Tensor) -> Tensor:
    """|E f(x) - E f(G(z))|², Salimans et al. 2016, sec. 3.1; features [batch, width]."""
    return ((real.mean(0) - fake.mean(0)) ** 2).sum()


def entropy(logits: Tensor) -> Tensor:
    """Of the classes given a picture, the mean in nats; logits [batch, classes].

    The conditional entropy that Dai et al. 2017 (1705.09783) add to the discriminator's loss.
    """
    log_p = F.log_softmax(logits, -1)
    return -(log_p.exp() * log_p).sum(-1).mean()


def pull_away(features: Tensor) -> Tensor:
    """Mean squared cosine between different rows of [batch, width] (Zhao et al. 2017, sec. 2.4).

    Dai et al. 2017 lower it to raise the generator's entropy.
    """
    count = len(features)
    rows = features * (features.square().sum(1, keepdim=True) + 1e-12).rsqrt()
    cosines = (rows @ rows.T).square()
    itself = rows.square().sum(1).square().sum()
    return (cosines.sum() - itself) / (count * (count - 1))
