"""Contracts of launchers and trainers, as checks for users' own tests."""

import os

import lazy_loader

# The checks compare bits, so MKL must be in the mode in which a search's trials start.
os.environ.setdefault("MKL_CBWR", "AUTO")

# Names are imported at their first use: checks of launchers need no torch.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
