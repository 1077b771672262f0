"""The judge of the digits GAN: features of a small classifier, trained once and kept."""

import functools
import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cache import remember
from data import CLASSES, PIXELS, digits
from metrics import Array, moments

FEATURES = 32
EPOCHS = 40


@dataclass(frozen=True)
class Reference:
    """Real pictures as the extractor sees them."""

    features: Array  # [n, FEATURES]
    mean: Array  # [FEATURES]
    covariance: Array  # [FEATURES, FEATURES]


class Extractor:
    """Features [n, 32], float64, of pictures [n, 64] in [-1, 1].

    The penultimate layer of the classifier, scaled so that the training set's features have unit
    variance in all (their covariance has trace FEATURES), which makes distances readable.
    """

    def __init__(self) -> None:
        arrays = _train_extractor(EPOCHS)
        self._layers = [torch.from_numpy(a) for a in arrays[:4]]
        self._scale = float(arrays[4])
        self.sha256 = hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest()[:16]

    def __call__(self, images: Tensor) -> Array:
        w1, b1, w2, b2 = self._layers
        hidden = torch.relu(F.linear(images.detach().cpu(), w1, b1))
        return torch.relu(F.linear(hidden, w2, b2)).double().numpy() * self._scale


@functools.cache
def extractor() -> Extractor:
    return Extractor()


@functools.cache
def reference(part: str) -> Reference:
    features = extractor()(digits(part)[0])
    return Reference(features, *moments(features))


@remember
def _train_extractor(epochs: int) -> list[np.ndarray]:
    """Two hidden layers' weights and biases, and the scale of the features.

    One thread and a fixed seed: the same bits at every call on one machine. Where another machine
    rounds differently its extractor has another hash, and the values are not compared.
    """
    images, labels = digits("train")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            torch.manual_seed(0)
            net = nn.Sequential(
                nn.Linear(PIXELS, 128),
                nn.ReLU(),
                nn.Linear(128, FEATURES),
                nn.ReLU(),
                nn.Linear(FEATURES, CLASSES),
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
