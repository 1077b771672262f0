"""A study file: YAML, checked at the door, and past it only frozen dataclasses.

`load` reads one and names everything that is wrong with it at once, each fault with its place, its
key and its cure. `freeze` writes what a run folder keeps, `thaw` reads that, and `differences` says
whether a study may go on in such a folder.
"""

from hpsearch.command import Command
from hpsearch.study.door import load, thaw, unknown_parameters
from hpsearch.study.frozen import differences, freeze, origin
from hpsearch.study.nouns import (
    Budget,
    Confirm,
    FileTrainer,
    Limits,
    MlflowLogs,
    ModuleTrainer,
    Objective,
    Resources,
    Search,
    Study,
    TensorboardLogs,
)

__all__ = [
    "Budget", "Command", "Confirm", "FileTrainer", "Limits", "MlflowLogs", "ModuleTrainer",
    "Objective", "Resources", "Search", "Study", "TensorboardLogs", "differences", "freeze", "load",
    "origin", "thaw", "unknown_parameters",
]  # fmt: skip
