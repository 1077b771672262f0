"""How good a generator is: values that say what they were measured with.

values = measure(["frechet", "recall"], real, fake, extractor)
values["recall"].value, values["recall"].better_than(before["recall"])
"""

from hpsearch_trainers.metrics.case import Reference
from hpsearch_trainers.metrics.extractors import Extractor, Network, Pixels
from hpsearch_trainers.metrics.measurement import Measurement, UnlikeError, compare, provenance
from hpsearch_trainers.metrics.table import METRICS, Metric, measure

__all__ = [
    "METRICS", "Extractor", "Measurement", "Metric", "Network", "Pixels", "Reference",
    "UnlikeError", "compare", "measure", "provenance",
]  # fmt: skip
