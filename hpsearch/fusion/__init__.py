"""Trainers that write one trial as ordinary PyTorch, and the loops that run them."""

from hpsearch.fusion.trainer import Alike, Data, Evaluation, Optimizer, Padded, Trainer

__all__ = ["Alike", "Data", "Evaluation", "Optimizer", "Padded", "Trainer"]
