"""The method as an Optuna sampler (docs/sampler.md)."""

from hpsearch.sampler.tightening import TighteningSampler

__all__ = ["TighteningSampler"]
