"""Tightening random search for people who train GANs and classifiers.

import hpsearch
result = hpsearch.search("studies/digits_gan.yaml")
result.best.params, result.best.confirmed
hpsearch.open("runs/digits-gan")  # a study that has run, or is running
hpsearch.plots.tightening(result)
"""

from typing import TYPE_CHECKING, Any

from hpsearch.run import HP, Run

if TYPE_CHECKING:
    from hpsearch import plots as plots
    from hpsearch.fusion import Alike as Alike
    from hpsearch.fusion import Data as Data
    from hpsearch.fusion import Evaluation as Evaluation
    from hpsearch.fusion import Optimizer as Optimizer
    from hpsearch.fusion import Padded as Padded
    from hpsearch.fusion import Schedule as Schedule
    from hpsearch.fusion import Trainer as Trainer
    from hpsearch.result import Result as Result
    from hpsearch.sampler import TighteningSampler as TighteningSampler
    from hpsearch.start import search as search
    from hpsearch.view import read as open

__all__ = [
    "HP", "Alike", "Data", "Evaluation", "Optimizer", "Padded", "Result", "Run", "Schedule",
    "TighteningSampler", "Trainer", "open", "plots", "search",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: a trainer's process needs no database."""
    import importlib

    homes = {
        "search": ("hpsearch.start", "search"),
        "open": ("hpsearch.view", "read"),
        "Result": ("hpsearch.result", "Result"),
        "Alike": ("hpsearch.fusion", "Alike"),
        "Data": ("hpsearch.fusion", "Data"),
        "Evaluation": ("hpsearch.fusion", "Evaluation"),
        "Optimizer": ("hpsearch.fusion", "Optimizer"),
        "Padded": ("hpsearch.fusion", "Padded"),
        "Schedule": ("hpsearch.fusion", "Schedule"),
        "TighteningSampler": ("hpsearch.sampler", "TighteningSampler"),
        "Trainer": ("hpsearch.fusion", "Trainer"),
    }
    if name == "plots":
        return importlib.import_module("hpsearch.plots")
    if name not in homes:
        raise AttributeError(f"module 'hpsearch' has no attribute {name!r}")
    module, attribute = homes[name]
    return getattr(importlib.import_module(module), attribute)
