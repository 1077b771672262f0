"""What to try next: a pure function of (seed, round, finished trials)."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
