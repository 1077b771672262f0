"""The metrics by name, and one call that computes several of them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from hpsearch_trainers.metrics.case import Case, Reference
from hpsearch_trainers.metrics.distances import frechet_distance, moments
from hpsearch_trainers.metrics.extractors import Array, Extractor
from hpsearch_trainers.metrics.geometry import geometry_score, mean_relative_living_times
from hpsearch_trainers.metrics.inception import inception_score
from hpsearch_trainers.metrics.kernel import kernel_distance, standardised
from hpsearch_trainers.metrics.measurement import Better, Measurement, Setting
from hpsearch_trainers.metrics.ms_ssim import self_similarity
from hpsearch_trainers.metrics.two_sample import network_accuracy


@dataclass(frozen=True)
class Metric:
    """How a metric is computed and read.

    Attributes:
        function: of the case, and of the settings as keywords.
        better: "small", "large", or "half" for a two-sample test's accuracy.
        says: what the value is, in a line.
        settings: its settings, with their default values.
        looks_at: at the extractor's features, the classifier's logits or the pictures themselves.
    """

    function: Callable[..., float]
    better: Better
    says: str
    settings: Mapping[str, Setting] = field(default_factory=dict)
    looks_at: str = "features"


def _frechet(case: Case) -> float:
    return frechet_distance(*case.real.moments, *moments(case.features))


def _kernel(case: Case, degree: int) -> float:
    fake = standardised(case.features, *case.real.scale)
    return kernel_distance(case.real.standardised, fake, degree, case.real.kernel_within(degree))


def _geometry(case: Case, **settings: int | float) -> float:
    settings = {name: value for name, value in settings.items() if (name, value) != ("gamma", 0)}
    curve = mean_relative_living_times(case.features, **settings)  # type: ignore[arg-type]
    return geometry_score(case.real.living_times(**settings), curve)


METRICS: Mapping[str, Metric] = {
    "frechet": Metric(_frechet, "small", "distance of the features' means and covariances"),
    "kernel": Metric(
        _kernel, "small", "distance of the first moments, without bias", {"degree": 3}
    ),
    "inception": Metric(
        lambda case: inception_score(case.logits),
        "large",
        "classes that are clear and all present, 1 to as many as there are",
        looks_at="logits",
    ),
    "precision": Metric(
        lambda case, k: case.neighbours.precision(k),
        "large",
        "share of generated pictures among the real ones",
        {"k": 3},
    ),
    "recall": Metric(
        lambda case, k: case.neighbours.recall(k),
        "large",
        "share of real pictures among the generated ones",
        {"k": 3},
    ),
    "density": Metric(
        lambda case, k: case.neighbours.density(k),
        "large",
        "real neighbourhoods around a generated picture; 1 for real ones",
        {"k": 5},
    ),
    "coverage": Metric(
        lambda case, k: case.neighbours.coverage(k),
        "large",
        "share of real neighbourhoods with a generated picture",
        {"k": 5},
    ),
    "ms_ssim": Metric(
        lambda case, **settings: self_similarity(case.pictures, **settings),
        "small",
        "likeness of pairs of generated pictures",
        {"scales": 5, "pairs": 100, "seed": 0},
        looks_at="pictures",
    ),
    "neighbour_accuracy": Metric(
        lambda case: case.neighbours.accuracy(),
        "half",
        "how well the nearest neighbour tells generated from real; below half for copies",
    ),
    "network_accuracy": Metric(
        lambda case, **settings: network_accuracy(case.real.features, case.features, **settings),
        "half",
        "how well a small network tells generated from real",
        {"hidden": 20, "steps": 100, "seed": 0},
    ),
    "geometry": Metric(
        _geometry,
        "small",
        "difference in holes and how long they live",
        # A gamma of 0 is the authors' choice, which depends on the number of samples.
        {"landmarks": 64, "gamma": 0, "repeats": 100, "seed": 0},
    ),
}


def measure(
    names: Sequence[str],
    real: Tensor | Reference,
    fake: Tensor | Array,
    extractor: Extractor | None = None,
    classifier: Extractor | None = None,
    settings: Mapping[str, Mapping[str, Setting]] | None = None,
) -> dict[str, Measurement]:
    """Compute metrics of generated pictures.

    Args:
        names: of METRICS.
        real: pictures [n, ...], or their cached form: `Reference(pictures, extractor)`.
        fake: generated ones [m, ...], in the real ones' range; or their features [m, d], a NumPy
            array as the extractor gives it, where a trainer's `outputs` has extracted them.
        extractor: of features; a `Reference` has one already.
        classifier: for "inception": logits [m, classes] of pictures, with a `sha256`.
        settings: by metric, other than in METRICS: {"precision": {"k": 5}}.

    Returns:
        By name. The value is NaN where the generated pictures or their features are not finite.

    Raises:
        ValueError: an unknown name or setting, too few pictures, pictures that are too small for
            "ms_ssim", or a missing extractor or classifier.
    """
    chosen = _chosen(names, settings or {})
    if not isinstance(real, Reference):
        if extractor is None:
            raise ValueError(
                "measure: real pictures need an extractor; give measure(..., extractor)"
            )
        real = Reference(real, extractor)
    elif extractor is not None and extractor.sha256 != real.extractor.sha256:
        raise ValueError(
            f"measure: the reference was made with extractor {real.extractor.sha256}, not "
            f"{extractor.sha256}; leave the extractor out or make the reference anew"
        )
    case = Case(real, fake, classifier)
    return {name: _measure(name, case, chosen[name]) for name in names}


def _chosen(
    names: Sequence[str], settings: Mapping[str, Mapping[str, Setting]]
) -> dict[str, dict[str, Setting]]:
    faults = [f"no metric {n!r} (has: {', '.join(METRICS)})" for n in names if n not in METRICS]
    faults += [f"settings for {n!r}, which is not named" for n in settings if n not in names]
    for name in {*settings} & {*names} & {*METRICS}:
        known = METRICS[name].settings
        has = ", ".join(known) or "none"
        faults += [f"{name}: no setting {s!r} (has: {has})" for s in settings[name].keys() - known]
    if faults:
        raise ValueError(f"measure: {'; '.join(faults)}")
    return {name: {**METRICS[name].settings, **settings.get(name, {})} for name in names}


def _measure(name: str, case: Case, settings: dict[str, Setting]) -> Measurement:
    asked = METRICS[name]
    seen = {"features": case.real.extractor, "logits": case.classifier, "pictures": None}
    extractor = seen[asked.looks_at]
    recorded = dict(settings)
    if asked.looks_at == "features":
        recorded |= {"real": case.real.sha256, "real_samples": len(case.real.pictures)}
    return Measurement(
        value=asked.function(case, **settings) if _is_finite(asked, case) else math.nan,
        name=name,
        extractor_sha256="" if extractor is None else extractor.sha256,
        samples=case.samples,
        settings=recorded,
        better=asked.better,
    )


def _is_finite(asked: Metric, case: Case) -> bool:
    match asked.looks_at:
        case "features":
            return bool(np.isfinite(case.features).all())
        case "logits":
            return bool(np.isfinite(case.logits).all())
    return bool(case.pictures.isfinite().all())
