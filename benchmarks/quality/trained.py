"""Our own spaces as tasks: what is learned of the configurations that were really trained."""

from pathlib import Path

from . import surrogate
from .problem import DATA, Params, Problem
from .spaces import SPACES

ABOUT = {
    "digits-classifier": "trainers/classifier.py, 300 steps; log validation loss",
    "digits-gan": "trainers/gan.py, 400 updates; log FID",
    "boosting": "HistGradientBoosting, odd or even digit; log of the log loss",
    "pipeline": "scaler, reduction and model on 250 digits; error",
}


def path_of(name: str) -> Path:
    """Of the fitted surrogate."""
    return DATA / f"{name}.npz"


def problem(name: str) -> Problem:
    """Surrogate and noise of a space.

    Raises:
        FileNotFoundError: `python -m quality.fit_surrogates` has not been run.
    """
    space = SPACES[name]
    forest, process, noise = surrogate.load(path_of(name))

    def truth(params: Params) -> float:
        x = surrogate.features(space, params)
        return 0.5 * (forest(x) + process(x))

    def drawn(params: Params, truth: float, first: float, second: float) -> float:
        return noise(truth, first, second)

    return Problem(space, truth, drawn, None, ABOUT[name])
