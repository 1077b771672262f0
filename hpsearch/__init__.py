"""Tightening random search for people who train GANs and classifiers.

import hpsearch
result = hpsearch.search("studies/digits_gan.yaml")
result.best.params, result.best.confirmed
"""

from typing import TYPE_CHECKING, Any

from hpsearch.run import HP, Run

if TYPE_CHECKING:
    from hpsearch.fusion import Data as Data
    from hpsearch.fusion import Evaluation as Evaluation
    from hpsearch.fusion import Optimizer as Optimizer
    from hpsearch.fusion import Trainer as Trainer
    from hpsearch.result import Result as Result
    from hpsearch.start import search as search

__all__ = ["HP", "Data", "Evaluation", "Optimizer", "Result", "Run", "Trainer", "search"]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: a trainer's process needs no database."""
    import importlib

    homes = {
        "search": "hpsearch.start",
        "Result": "hpsearch.result",
        "Data": "hpsearch.fusion",
        "Evaluation": "hpsearch.fusion",
        "Optimizer": "hpsearch.fusion",
        "Trainer": "hpsearch.fusion",
    }
    if name not in homes:
        raise AttributeError(f"module 'hpsearch' has no attribute {name!r}")
    return getattr(importlib.import_module(homes[name]), name)
