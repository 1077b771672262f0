"""Optimizers of many trials at once, as rows of stacked tensors."""
