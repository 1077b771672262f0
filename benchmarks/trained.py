"""A function that a forest of trees has learned from really trained classifiers of the digits."""

import json
import math
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from hpsearch.method.initial_design import initial_points
from hpsearch.space import Space
from hpsearch.study.load import load_study

HERE = Path(__file__).parent
TABLE = HERE / "results" / "structures_table.json"
CLASSIFIER = HERE.parent / "studies" / "digits_classifier.yaml"

Function = Callable[[Sequence[float]], float]  # of a point of the unit cube; lower is better


def trained_table(count: int) -> list[tuple[list[float], float]]:
    """Points of the classifier's space, and the log of the validation loss that each reached."""
    if not TABLE.exists():
        train_table(count)
    return [(row["unit"], row["value"]) for row in json.loads(TABLE.read_text())]


def train_table(count: int) -> None:
    import tempfile

    import torch

    from hpsearch.trainer import loop as lone
    from hpsearch.trainer.loading import load_trainer
    from hpsearch.trainer.run import NonfiniteError, Run
    from hpsearch.trial import Folder, Spec

    torch.set_num_threads(1)
    study = load_study(CLASSIFIER)
    trainer = load_trainer(study.trainer)()  # type: ignore[arg-type]
    rows = []
    for number, unit in enumerate(initial_points(study.space, 0, count)):
        params = study.space.decode(unit)
        spec = Spec(number, 0, number, "draw", params, unit, number, 300)
        with tempfile.TemporaryDirectory() as folder:
            run = Run(spec, Folder(Path(folder)), hp=params, objective="val_loss", report_every=300)
            try:
                lone.train_trial(trainer, run)
                assert run.last is not None
                value = math.log(min(run.last.metrics["val_loss"] or 10.0, 10.0))
            except NonfiniteError:
                value = math.log(10.0)
        rows.append({"unit": [round(u, 6) for u in unit], "value": round(value, 6)})
    TABLE.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


@cache
def digits(count: int) -> tuple[Space, Function]:
    """The classifier's space and what a forest has learned of it."""
    from sklearn.ensemble import ExtraTreesRegressor

    space = load_study(CLASSIFIER).space
    rows = trained_table(count)

    def features(point: Sequence[float]) -> list[float]:
        active = space.active(point)
        coordinates = [u if on else -0.5 for u, on in zip(point, active, strict=True)]
        optimizer = int(point[space.names.index("optimizer")] * 4)
        return [*coordinates, *(float(optimizer == k) for k in range(4))]

    forest = ExtraTreesRegressor(60, min_samples_leaf=2, random_state=0)
    forest.fit([features(unit) for unit, _ in rows], [value for _, value in rows])
    trees = [tree.tree_ for tree in forest.estimators_]

    def value(point: Sequence[float]) -> float:
        x = np.array([features(point)], np.float32)
        return float(np.mean([tree.predict(x)[0, 0] for tree in trees]))

    return space, value
