"""Tightening random search for people who train GANs and classifiers.

import hpsearch
result = hpsearch.search("studies/digits_gan.yaml")
result.best.params, result.best.confirmed
hpsearch.open("runs/digits-gan")  # a study that has run, or is running
hpsearch.plots.tightening(result)
"""

import lazy_loader

# Names are imported at their first use: a trainer's process needs no database.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
