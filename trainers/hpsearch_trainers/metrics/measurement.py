"""A value with what it was measured with; unlike ones are refused a comparison."""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Setting = str | int | float
# "half": a two-sample test's accuracy, which is best at the chance level of ½.
Better = Literal["small", "large", "half"]


class UnlikeError(ValueError):
    """Two values were not measured alike. Measure both again in one way."""


@dataclass(frozen=True)
class Measurement:
    """A value of a metric for a generator.

    `<`, `<=`, `>` and `>=` order the values, `better_than` and `compare` the generators.

    Attributes:
        value: in the metric's own unit; NaN where the pictures were not finite.
        name: of the metric.
        extractor_sha256: of the network whose outputs were measured; empty where there was none.
        samples: generated pictures; of a likelihood, real ones.
        settings: all else that the value depends on, the real pictures' hash among it.
        better: which values are good.
    """

    value: float
    name: str
    extractor_sha256: str
    samples: int
    settings: Mapping[str, Setting] = field(default_factory=dict, hash=False)
    better: Better = "small"

    @property
    def badness(self) -> float:
        """0 at best for "half"; the smaller the better for all; infinite for NaN."""
        if math.isnan(self.value):
            return math.inf
        return {"small": self.value, "large": -self.value, "half": abs(self.value - 0.5)}[
            self.better
        ]

    def better_than(self, other: "Measurement") -> bool:
        """Raises UnlikeError if the two were not measured alike."""
        return compare(self, other) > 0

    def __lt__(self, other: "Measurement") -> bool:
        require_alike(self, other)
        return self.value < other.value

    def __le__(self, other: "Measurement") -> bool:
        require_alike(self, other)
        return self.value <= other.value

    def __gt__(self, other: "Measurement") -> bool:
        require_alike(self, other)
        return self.value > other.value

    def __ge__(self, other: "Measurement") -> bool:
        require_alike(self, other)
        return self.value >= other.value


def compare(a: Measurement, b: Measurement) -> int:
    """1 if `a` is the better one, -1 if `b` is, 0 if neither; NaN is the worst.

    Raises:
        UnlikeError: they were not measured alike.
    """
    require_alike(a, b)
    return (a.badness < b.badness) - (a.badness > b.badness)


def require_alike(a: Measurement, b: Measurement) -> None:
    """Raises UnlikeError, which names every difference, unless the two were measured alike."""
    pairs = {
        "metric": (a.name, b.name),
        "extractor": (a.extractor_sha256, b.extractor_sha256),
        "samples": (a.samples, b.samples),
    }
    for name in sorted({*a.settings, *b.settings}):
        pairs[name] = (a.settings.get(name, "unset"), b.settings.get(name, "unset"))
    different = [f"{what} {x} and {y}" for what, (x, y) in pairs.items() if x != y]
    if different:
        raise UnlikeError(
            f"{a.name} {a.value:.4g} and {b.name} {b.value:.4g} cannot be compared, they were "
            f"measured with unlike things: {'; '.join(different)}. Measure both again with the same"
        )


def provenance(measurements: Iterable[Measurement]) -> dict[str, str | int]:
    """For `Evaluation.provenance`: what all of a report's values were measured with.

    The controller refuses a ranking of trials in which these differ.
    """
    ordered = sorted(measurements, key=lambda measurement: measurement.name)
    extractors = sorted({j.extractor_sha256 for j in ordered if j.extractor_sha256})
    settings = json.dumps([[j.name, dict(j.settings)] for j in ordered], sort_keys=True)
    return {
        "extractor": "+".join(extractors),
        "samples": "+".join(map(str, sorted({j.samples for j in ordered}))),
        "judges": hashlib.sha256(settings.encode()).hexdigest()[:16],
    }
