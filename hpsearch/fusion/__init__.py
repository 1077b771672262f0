"""Trainers that write one trial as ordinary PyTorch, and the loop that runs them."""

from hpsearch.fusion.trainer import Data, Optimizer, Trainer

__all__ = ["Data", "Optimizer", "Trainer"]
