"""Trainers that write one trial as ordinary PyTorch, and the loop that runs them."""

from hpsearch.fusion.trainer import Data, Evaluation, Optimizer, Trainer

__all__ = ["Data", "Evaluation", "Optimizer", "Trainer"]
