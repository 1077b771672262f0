"""Trainers that write one trial as ordinary PyTorch, and the loops that run them."""

from hpsearch.fusion.schedule import Schedule
from hpsearch.fusion.trainer import Alike, Data, Evaluation, Optimizer, Padded, Trainer

__all__ = ["Alike", "Data", "Evaluation", "Optimizer", "Padded", "Schedule", "Trainer"]
