"""Trainers that write one trial as ordinary PyTorch, and the loops that run them."""

from hpsearch.fusion.trainer import Data, Evaluation, Optimizer, Trainer
from hpsearch.groups import Alike, Padded

__all__ = ["Alike", "Data", "Evaluation", "Optimizer", "Padded", "Trainer"]
