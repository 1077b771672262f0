"""Tightening random search, from the package hpsearch."""

from hpsearch import TighteningSampler

__all__ = ["TighteningSampler"]
