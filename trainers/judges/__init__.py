"""How good a generator is: values that say what they were measured with.

found = judge(["frechet", "recall"], real, fake, extractor)
found["recall"].value, found["recall"].better_than(before["recall"])
"""

from judges.case import Reference
from judges.extractors import Extractor, Network, Pixels
from judges.judgement import Judgement, UnlikeError, compare, provenance
from judges.table import JUDGES, Judge, judge

__all__ = [
    "JUDGES", "Extractor", "Judge", "Judgement", "Network", "Pixels", "Reference", "UnlikeError",
    "compare", "judge", "provenance",
]  # fmt: skip
