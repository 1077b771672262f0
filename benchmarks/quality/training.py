"""How a configuration of each of our spaces is trained, and what its value is.

- digits-classifier: trainers/classifier.py for 300 steps; log of the validation
  loss, at most log 10.
- digits-gan: trainers/gan.py for 400 updates; log of the validation FID, at most log 1000.
- boosting: is a digit of scikit-learn's odd? Histogram gradient boosting on 400 digits of 4x4
  pixels; log of the log loss on 800 others.
- pipeline: scaler, reduction and model on 250 digits; the share of wrong labels among 800 others.

A seed decides initial weights, order of rows and noise of the networks; of the other two which
digits are trained on, and the random choices of the model.
"""

import math
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch.space import Scalar

from .spaces import SPACES, point

Params = Mapping[str, Scalar]
Key = tuple[int, int]  # number of the point, seed

STEPS = {"digits-classifier": 300, "digits-gan": 400}
METRICS = {"digits-classifier": "val_loss", "digits-gan": "fid"}
CAPS = {"digits-classifier": 10.0, "digits-gan": 1000.0}
LARGEST = 100  # members of a group
VALID = 800


def train(name: str, keys: Sequence[Key]) -> Iterator[tuple[Key, float]]:
    """Values of points under seeds, as they come."""
    if name in STEPS:
        yield from _fused(name, keys)
        return
    import sklearn

    with sklearn.config_context(skip_parameter_validation=True, assume_finite=True):
        for key in keys:
            params = SPACES[name].decode(point(name, key[0]))
            yield key, ALONE[name](params, key[1])


def _fused(name: str, keys: Sequence[Key]) -> Iterator[tuple[Key, float]]:
    """The trials of a group in one loop; the largest groups first."""
    import torch

    from hpsearch.method.structure import shape_of
    from hpsearch.trainer.fused import group
    from hpsearch.trainer.run import Run
    from hpsearch.trial import Folder, Spec
    from hpsearch.workers.grouping import plan_groups

    torch.set_num_threads(1)
    trainer, fixed = _trainer(name)
    space = SPACES[name]
    shapes = {}
    for number, (index, _) in enumerate(keys):
        params = space.decode(point(name, index))
        shapes[number] = shape_of(params, fixed, trainer.defaults, trainer.structure, space)
    for members in plan_groups(shapes, slots=1, largest=LARGEST):
        found: list[tuple[Key, float]] = []
        with tempfile.TemporaryDirectory() as folder:
            runs = {}
            for number in members:
                index, seed = keys[number]
                unit = tuple(point(name, index))
                params = space.decode(unit)
                place = Folder(Path(folder) / str(number))
                spec = Spec(
                    number, 0, number, "draw", params, unit, _seed(index, seed), STEPS[name]
                )
                place.write_spec(spec)
                run = Run(
                    spec,
                    place,
                    hp={**fixed, **params},
                    objective=METRICS[name],
                    report_every=STEPS[name],
                )
                run.add_defaults(trainer.defaults)
                runs[id(run)] = keys[number], run

            def ended(run: Run, error: BaseException | None) -> None:
                key = runs[id(run)][0]  # noqa: B023
                found.append((key, _value(name, run, error)))  # noqa: B023

            group.train_group(trainer, [run for _, run in runs.values()], shapes[members[0]], ended)
        yield from found


def _value(name: str, run: Any, error: BaseException | None) -> float:
    from hpsearch.trainer.run import NonfiniteError

    if error is not None and not isinstance(error, NonfiniteError):
        raise error
    metric = None if run.last is None or error else run.last.metrics[METRICS[name]]
    return math.log(CAPS[name] if metric is None else min(max(metric, 1e-9), CAPS[name]))


def _trainer(name: str) -> tuple[Any, dict[str, Any]]:
    if name == "digits-classifier":
        from classifier import Classifier

        return Classifier(), {"skip": True}
    from gan import GAN
    from hpsearch.method.structure import Padded

    class Gan(GAN):
        structure = tuple(
            Padded("width", sizes=2) if isinstance(part, Padded) and part.name == "width" else part
            for part in GAN.structure
        )

    return Gan(), {"batch_size": 32, "depth": 2}


def _seed(index: int, seed: int) -> int:
    return int(np.random.SeedSequence((index, seed)).generate_state(1, np.uint32)[0])


@cache
def _digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    return images[order], labels[order]


def _rows(count: int, random: np.random.Generator) -> np.ndarray:
    """Rows to train on, without the first VALID, which every configuration is judged by."""
    return VALID + random.choice(len(_digits()[1]) - VALID, count, replace=False)


def boosting(params: Params, seed: int) -> float:
    from sklearn.ensemble import HistGradientBoostingClassifier

    images, labels = _digits()
    coarse, odd = images.reshape(-1, 4, 2, 4, 2).mean((2, 4)).reshape(-1, 16), labels % 2
    rows = _rows(400, np.random.default_rng(seed))
    model = HistGradientBoostingClassifier(**params, early_stopping=False, random_state=seed)
    model.fit(coarse[rows], odd[rows])
    told = model.predict_proba(coarse[:VALID])[np.arange(VALID), odd[:VALID]]
    return math.log(-float(np.log(np.maximum(told, 1e-7)).mean()))


def pipeline(params: Params, seed: int) -> float:
    images, labels = _digits()
    rows = _rows(250, np.random.default_rng(seed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # constant pixels, and fits that end before they converge
        model = _steps(params, seed).fit(images[rows], labels[rows])
        return float(np.mean(model.predict(images[:VALID]) != labels[:VALID]))


def _steps(params: Params, seed: int) -> Any:
    from sklearn.decomposition import PCA
    from sklearn.feature_selection import SelectKBest
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

    scalers = {"standard": StandardScaler, "minmax": MinMaxScaler, "robust": RobustScaler}
    found: list[Any] = []
    if params["scaler"] != "none":
        found.append(scalers[params["scaler"]]())  # type: ignore[index]
    if params["reduction"] == "pca":
        found.append(PCA(params["components"], whiten=params["whiten"], random_state=seed))
    elif params["reduction"] == "kbest":
        found.append(SelectKBest(k=params["kept"]))
    return make_pipeline(*found, _model(params, seed))


def _model(params: Params, seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC

    match params["model"]:
        case "svm":
            shape = {key: params[key] for key in ("gamma", "degree") if key in params}
            return SVC(C=params["c_svm"], kernel=params["kernel"], max_iter=2000, **shape)
        case "knn":
            return KNeighborsClassifier(
                params["neighbors"], weights=params["weights"], p=params["p"]
            )
        case "logistic":
            return LogisticRegression(C=params["c_logistic"], max_iter=60)
        case _:
            return RandomForestClassifier(
                params["trees"],
                max_features=params["max_features"],
                min_samples_leaf=params["leaf"],
                criterion=params["criterion"],
                random_state=seed,
            )


ALONE: dict[str, Callable[[Params, int], float]] = {"boosting": boosting, "pipeline": pipeline}


def threads() -> None:
    """One thread for every library; before the first of them is imported."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"
