"""A multi-layer perceptron on the digits, with the usual knobs."""

from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data import CLASSES, PIXELS, digits
from hpsearch.fusion import Data, Evaluation, Optimizer, Padded, Trainer
from hpsearch.run import HP

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU, "silu": nn.SiLU}


class MLP(nn.Module):
    """Pictures [batch, 64] to logits [batch, 10]."""

    def __init__(self, depth: int, width: int, activation: str) -> None:
        super().__init__()
        sizes = [PIXELS] + [width] * depth
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.out = nn.Linear(sizes[-1], CLASSES)
        self.activation = ACTIVATIONS[activation]()

    def forward(self, x: Tensor, masks: Tensor | None = None) -> Tensor:
        """`masks` [depth, batch, width] multiply what the hidden layers put out."""
        for i, layer in enumerate(self.hidden):
            x = self.activation(layer(x))
            if masks is not None:
                x = x * masks[i]
        return self.out(x)


class Classifier(Trainer):
    defaults = {
        "depth": 1,
        "width": 64,
        "activation": "relu",
        "batch_size": 32,
        "optimizer": "adam",  # sgd, adam, adamw, rmsprop
        "lr": 1e-3,  # of adam, adamw and rmsprop
        "lr_sgd": 0.1,
        "momentum": 0.9,  # of sgd
        "weight_decay": 0.0,
        "dropout": 0.0,  # probability that a hidden unit is dropped
        "label_smoothing": 0.0,
    }
    structure = ("depth", "activation", "batch_size", Padded("width"))

    def data(self, hp: HP) -> Data:
        images, labels = digits("train")
        return Data({"image": images, "label": labels}, hp.batch_size)

    def build(self, hp: HP) -> dict[str, nn.Module]:
        return {"net": MLP(hp.depth, hp.width, hp.activation)}

    def noise(self, hp: HP) -> dict[str, tuple[int, ...]]:
        return {"dropout": (hp.depth, hp.batch_size, hp.width)}

    def optimizer(self, phase: str, hp: HP) -> Optimizer:
        return Optimizer(
            kind=hp.optimizer,
            lr=hp.lr_sgd if hp.optimizer == "sgd" else hp.lr,
            momentum=hp.momentum if hp.optimizer == "sgd" else 0.0,
            weight_decay=hp.weight_decay,
        )

    def loss(
        self, phase: str, nets: Mapping[str, nn.Module], batch: Mapping[str, Tensor], hp: HP
    ) -> Tensor:
        logits = nets["net"](batch["image"], dropout_masks(batch["dropout"], hp.dropout))
        return smoothed_cross_entropy(logits, batch["label"], hp.label_smoothing)

    def inputs(self, hp: HP) -> dict[str, Tensor]:
        parts = {part: digits(part) for part in ("valid", "train")}
        images = {f"{part}_image": images for part, (images, _) in parts.items()}
        return images | {f"{part}_label": labels for part, (_, labels) in parts.items()}

    def outputs(
        self, nets: Mapping[str, nn.Module], inputs: Mapping[str, Tensor], hp: HP
    ) -> dict[str, Tensor]:
        loss, accuracy = score(nets["net"](inputs["valid_image"]), inputs["valid_label"])
        train_loss, _ = score(nets["net"](inputs["train_image"]), inputs["train_label"])
        return {"val_loss": loss, "val_accuracy": accuracy, "train_loss": train_loss}

    def evaluate(
        self, nets: Mapping[str, nn.Module], outputs: Mapping[str, Tensor], hp: HP
    ) -> Evaluation:
        return Evaluation({name: float(value) for name, value in outputs.items()})

    def test(self, nets: Mapping[str, nn.Module], hp: HP) -> dict[str, float]:
        net = nets["net"]
        images, labels = digits("test")
        weights = next(net.parameters())
        loss, accuracy = score(net(images.to(weights)), labels.to(weights.device))
        return {"test_loss": float(loss), "test_accuracy": float(accuracy)}


def score(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy in nats and accuracy (float64), of logits [n, K] and labels [n]."""
    accuracy = (logits.argmax(-1) == labels).double().mean()
    return F.cross_entropy(logits, labels), accuracy


def dropout_masks(noise: Tensor, p: float | Tensor) -> Tensor:
    """Inverted dropout (Srivastava et al. 2014, sec. 10): 0 with probability p, else 1 / (1 - p).

    Args:
        noise: standard normal, of the masks' shape.
        p: below 1; may differ between trials that are trained as one.
    """
    # The noise is compared with p's quantile: one number to compute, not one for each unit.
    p = torch.as_tensor(p, dtype=noise.dtype, device=noise.device)
    return (noise >= torch.special.ndtri(p)).to(noise.dtype) / (1 - p)


def smoothed_cross_entropy(logits: Tensor, labels: Tensor, smoothing: float | Tensor) -> Tensor:
    """Cross-entropy with the label's probability 1 - s + s/K (Szegedy et al. 2016, sec. 7).

    Args:
        logits: [batch, K].
        labels: [batch], int64.
        smoothing: s; may differ between trials that are trained as one.

    Returns:
        Mean over the batch, in nats.
    """
    log_p = F.log_softmax(logits, dim=-1)
    of_label = log_p.gather(-1, labels[:, None])[:, 0]
    return -((1 - smoothing) * of_label + smoothing * log_p.mean(-1)).mean()
