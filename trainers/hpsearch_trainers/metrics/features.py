"""The GANs' feature extractor: a small classifier of the data set, trained once and cached."""

import functools
import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hpsearch_trainers.cache import remember
from hpsearch_trainers.data.datasets import dataset
from hpsearch_trainers.metrics.distances import Array, moments, squared_radii

FEATURES = 32
EPOCHS = 40
UPDATES = 8000  # at most, which is fewer epochs of a large data set
REFERENCE = 2000  # real pictures that generated ones are compared with, at most


@dataclass(frozen=True)
class Reference:
    """Real pictures as the extractor sees them."""

    features: Array  # [n, FEATURES]
    mean: Array  # [FEATURES]
    covariance: Array  # [FEATURES, FEATURES]
    radii: Array  # [n], squared distance to the fifth neighbour


class Extractor:
    """The penultimate layer of the classifier, in two steps.

    The network's step, `raw_features`, takes its `weights` as plain tensors, so that it can be
    part of a trainer's `outputs`, for many trials at once. `scaled` gives what it puts out a unit
    that is readable: on the training set the features have unit variance in all (their covariance
    has trace FEATURES).
    """

    def __init__(self, name: str = "digits", root: str | None = None) -> None:
        arrays = _train_extractor(EPOCHS, name, root)
        names = ("weight_1", "bias_1", "weight_2", "bias_2")
        self.weights = {n: torch.from_numpy(a) for n, a in zip(names, arrays[:4], strict=True)}
        self._scale = float(arrays[4])
        self.sha256 = hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest()[:16]

    def __call__(self, images: Tensor) -> Array:
        """Features [n, 32], float64, of pictures [n, ...] in [-1, 1]."""
        return self.scaled(raw_features(images.detach().cpu(), self.weights))

    def scaled(self, raw: Tensor) -> Array:
        return raw.detach().cpu().double().numpy() * self._scale


def raw_features(images: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
    """[n, 32], not negative, of pictures [n, ...]; `weights` are those of an `Extractor`."""
    hidden = F.relu(F.linear(images.flatten(1), weights["weight_1"], weights["bias_1"]))
    return F.relu(F.linear(hidden, weights["weight_2"], weights["bias_2"]))


@functools.cache
def extractor(name: str = "digits", root: str | None = None) -> Extractor:
    """Of the data set of a name, with its files in `root`."""
    return Extractor(name, root)


@functools.cache
def reference(part: str, name: str = "digits", root: str | None = None) -> Reference:
    features = extractor(name, root)(dataset(name, root).part(part)[0][:REFERENCE])
    return Reference(features, *moments(features), squared_radii(features))


@remember
def _train_extractor(
    epochs: int, name: str = "digits", root: str | None = None
) -> list[np.ndarray]:
    """Two hidden layers' weights and biases, and the scale of the features.

    One thread and a fixed seed: the same bits at every call on one machine. Where another machine
    rounds differently its extractor has another hash, and the values are not compared.
    """
    data = dataset(name, root)
    images, labels = data.part("train")
    images = images.flatten(1)
    epochs = max(1, min(epochs, UPDATES * 32 // len(images)))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            torch.manual_seed(0)
            net = nn.Sequential(
                nn.Linear(math.prod(data.shape), 128),
                nn.ReLU(),
                nn.Linear(128, FEATURES),
                nn.ReLU(),
                nn.Linear(FEATURES, data.classes),
            )
            optimizer = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=1e-2)
            for _ in range(epochs):
                for rows in torch.randperm(len(images)).split(32):
                    optimizer.zero_grad()
                    F.cross_entropy(net(images[rows]), labels[rows]).backward()
                    optimizer.step()
        with torch.no_grad():
            variance = net[:4](images).double().var(0).sum()
    finally:
        torch.set_num_threads(threads)
    weights = [p.detach().numpy().copy() for p in list(net.parameters())[:4]]
    return [*weights, np.sqrt(FEATURES / variance.numpy())]
