"""Feature extractors: networks with a hash, which every value that they gave names."""

import hashlib
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Array = NDArray[np.float64]


class Extractor(Protocol):
    """Features of pictures, or a classifier's logits; `features.extractor()` is one.

    Attributes:
        sha256: differs where the outputs do.
    """

    @property
    def sha256(self) -> str: ...

    def __call__(self, images: Tensor, /) -> Array:
        """[n, d], float64, of pictures [n, ...]."""
        ...


class Network:
    """An extractor, or a classifier, made of any network.

    Args:
        net: takes pictures [n, ...], gives [n, ...]; it is put in eval() mode.
        batch: pictures at a time.
    """

    def __init__(self, net: nn.Module, batch: int = 500) -> None:
        self._net, self._batch = net.eval(), batch
        digest = hashlib.sha256(repr(net).encode())
        for name, tensor in net.state_dict().items():
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        self.sha256 = digest.hexdigest()[:16]

    def __call__(self, images: Tensor) -> Array:
        place = next((p.device for p in self._net.parameters()), images.device)
        with torch.no_grad():
            parts = [self._net(part.to(place)).flatten(1) for part in images.split(self._batch)]
        return torch.cat(parts).cpu().double().numpy()


class Pixels:
    """The pictures themselves, flattened: for tests and for data that are no pictures."""

    sha256 = "pixels"

    def __call__(self, images: Tensor) -> Array:
        return images.detach().flatten(1).cpu().double().numpy()
