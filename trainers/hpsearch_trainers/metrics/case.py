"""What metrics measure: generated pictures beside real ones, with intermediate results."""

import hashlib
from functools import cached_property

import numpy as np
from torch import Tensor

from hpsearch_trainers.metrics.distances import moments
from hpsearch_trainers.metrics.extractors import Array, Extractor
from hpsearch_trainers.metrics.geometry import mean_relative_living_times
from hpsearch_trainers.metrics.kernel import mean_kernel_within, standardised
from hpsearch_trainers.metrics.neighbours import Neighbours, Sample


class Reference:
    """Real pictures as an extractor sees them; kept, it spares every report the work.

    Args:
        pictures: [n, ...].
        extractor: of their features.
    """

    def __init__(self, pictures: Tensor, extractor: Extractor) -> None:
        self.pictures, self.extractor = pictures, extractor
        self._curves: dict[tuple[tuple[str, int | float], ...], Array] = {}
        self._kernels: dict[int, float] = {}

    @cached_property
    def sha256(self) -> str:
        """Of the pictures."""
        pixels = self.pictures.detach().cpu().contiguous()
        digest = hashlib.sha256(f"{pixels.dtype} {list(pixels.shape)}".encode())
        digest.update(pixels.numpy().tobytes())
        return digest.hexdigest()[:16]

    @cached_property
    def features(self) -> Array:
        """[n, d].

        Raises:
            ValueError: they are of another form, or not finite.
        """
        features = features_of(self.pictures, self.extractor)
        if not np.isfinite(features).all():
            raise ValueError(
                "the features of the real pictures are not finite; look at the extractor's weights "
                "and the pictures' range"
            )
        return features

    @cached_property
    def moments(self) -> tuple[Array, Array]:
        return moments(self.features)

    @cached_property
    def scale(self) -> tuple[Array, Array]:
        """Mean and standard deviation [d] of each feature."""
        return self.features.mean(0), self.features.std(0)

    @cached_property
    def sample(self) -> Sample:
        return Sample(self.features)

    @cached_property
    def standardised(self) -> Array:
        return standardised(self.features, *self.scale)

    def kernel_within(self, degree: int) -> float:
        if degree not in self._kernels:
            self._kernels[degree] = mean_kernel_within(self.standardised, degree)
        return self._kernels[degree]

    def living_times(self, **settings: int | float) -> Array:
        key = tuple(sorted(settings.items()))
        if key not in self._curves:
            self._curves[key] = mean_relative_living_times(self.features, **settings)  # type: ignore[arg-type]
        return self._curves[key]


class Case:
    """Generated pictures, and what several metrics compute of them.

    Args:
        real: what they should be like.
        fake: the pictures, [m, ...]; or as the extractor has seen them, [m, d], a NumPy array.
        classifier: gives logits [m, classes] of them.
    """

    def __init__(self, real: Reference, fake: Tensor | Array, classifier: Extractor | None) -> None:
        self.real, self.classifier = real, classifier
        self._fake = fake

    @property
    def samples(self) -> int:
        return len(self._fake)

    @property
    def pictures(self) -> Tensor:
        """Raises ValueError if just features were given."""
        if not isinstance(self._fake, Tensor):
            raise ValueError(
                "measure: inception and ms_ssim need pictures, and got an array of features; give "
                "the generated pictures as a tensor"
            )
        return self._fake

    @cached_property
    def features(self) -> Array:
        if isinstance(self._fake, Tensor):
            return features_of(self._fake, self.real.extractor)
        width = self.real.features.shape[1]
        if self._fake.ndim != 2 or self._fake.shape[1] != width:
            raise ValueError(
                f"measure: expected features [m, {width}] as the real pictures', got "
                f"{list(self._fake.shape)}"
            )
        return self._fake.astype(np.float64, copy=False)

    @cached_property
    def logits(self) -> Array:
        if self.classifier is None:
            raise ValueError("inception: needs a classifier; give measure(..., classifier=...)")
        return features_of(self.pictures, self.classifier)

    @cached_property
    def neighbours(self) -> Neighbours:
        return Neighbours(self.real.sample, Sample(self.features))


def features_of(pictures: Tensor, extractor: Extractor) -> Array:
    """[n, d], float64.

    Raises:
        ValueError: the extractor gives another form.
    """
    features = np.asarray(extractor(pictures), dtype=np.float64)
    if features.ndim != 2 or len(features) != len(pictures):
        raise ValueError(
            f"{type(extractor).__name__}: expected features [{len(pictures)}, d] of "
            f"{len(pictures)} pictures, got {list(features.shape)}"
        )
    return features
