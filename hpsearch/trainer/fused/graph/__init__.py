"""Tracing, optimization and replay of training steps as lists of ATen calls."""
