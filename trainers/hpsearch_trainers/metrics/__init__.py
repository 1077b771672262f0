"""How good a generator is: values that say what they were measured with.

found = judge(["frechet", "recall"], real, fake, extractor)
found["recall"].value, found["recall"].better_than(before["recall"])
"""

from hpsearch_trainers.metrics.case import Reference
from hpsearch_trainers.metrics.extractors import Extractor, Network, Pixels
from hpsearch_trainers.metrics.judgement import Judgement, UnlikeError, compare, provenance
from hpsearch_trainers.metrics.table import JUDGES, Judge, judge

__all__ = [
    "JUDGES", "Extractor", "Judge", "Judgement", "Network", "Pixels", "Reference", "UnlikeError",
    "compare", "judge", "provenance",
]  # fmt: skip
