"""Semi-supervised classification with a GAN and few labels (Salimans et al. 2016, sec. 5).

The discriminator has one logit per class; the logit of "generated" is fixed at 0. The generator
matches the means of features (sec. 3.1); a pull-away term can increase its entropy (Dai et al.
2017). The objective is `val_error`; `unsupervised_weight: 0` is a plain classifier.
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
        "labels": 50,  # labelled pictures in total, equally many per class
        "architecture": "mlp",  # dcgan
        "normalization": "none",  # of the discriminator: batch, layer, spectral
        "blur": 0.1,  # standard deviation of the noise on the discriminator's inputs
        "unsupervised_weight": 1.0,
        "entropy_weight": 0.0,  # of the entropy of the classes of unlabelled pictures
        "pull_away_weight": 0.0,  # of the similarity of generated pictures' features
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
        """Each row is an unlabelled picture and a labelled one; the labelled ones repeat."""
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
        blur = hp.blur * batch["blur"]
        fake = nets["generator"](batch["z"]) + blur[0]
        real = batch["image"] + blur[1]
        if phase == "generator":
            of_fake, _ = nets["discriminator"](fake)
            of_real, _ = nets["discriminator"](real)
            matching = feature_matching(of_real, of_fake)
            return matching + hp.pull_away_weight * pull_away(of_fake)
        # Separate passes: a batch norm must not mix them.
        _, labelled = nets["discriminator"](batch["labelled"] + blur[2])
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
        metrics = {}
        for suffix in ("", "_average"):
            if (net := nets.get(f"discriminator{suffix}")) is not None:
                _, logits = net(inputs["image"])
                metrics[f"val_error{suffix}"] = error(logits, inputs["label"])
                metrics[f"val_loss{suffix}"] = F.cross_entropy(logits, inputs["label"])
        return metrics

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
    """The first pictures of each class, repeated to the length of the training set.

    Args:
        name: the data set.
        root: the folder of its files.
        count: different pictures in total.

    Raises:
        TrainerError: the count is no multiple of the number of classes, or too large.
    """
    data = dataset(name, root)
    images, labels = data.part("train")
    each, rest = divmod(count, data.classes)
    rows = [(labels == label).nonzero()[:, 0] for label in range(data.classes)]
    most = min(map(len, rows))
    if rest or not 1 <= each <= most:
        raise TrainerError(
            f"SemiSupervised: labels must be a multiple of {data.classes}, at most "
            f"{most * data.classes}, got {count}"
        )
    # The classes in turn, so that every batch has all of them.
    chosen = torch.stack([own[:each] for own in rows], 1).flatten()
    turns = chosen[torch.arange(len(images)) % len(chosen)]
    return images[turns], labels[turns]


def error(logits: Tensor, labels: Tensor) -> Tensor:
    """Share of wrong predictions, float64."""
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
    """Mean entropy in nats of the classes given a picture; logits [batch, classes].

    Dai et al. 2017 (1705.09783) add it to the discriminator's loss.
    """
    log_p = F.log_softmax(logits, -1)
    return -(log_p.exp() * log_p).sum(-1).mean()


def pull_away(features: Tensor) -> Tensor:
    """Mean squared cosine between different rows of [batch, width] (Zhao et al. 2017, sec. 2.4).

    Dai et al. 2017 minimise it, which raises the generator's entropy.
    """
    count = len(features)
    rows = features * (features.square().sum(1, keepdim=True) + 1e-12).rsqrt()
    cosines = (rows @ rows.T).square()
    itself = rows.square().sum(1).square().sum()
    return (cosines.sum() - itself) / (count * (count - 1))
