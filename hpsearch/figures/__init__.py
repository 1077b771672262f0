"""Figures of a study: pure functions from a snapshot to Plotly's JSON form.

They need neither Plotly nor matplotlib, so a page may ask for them every few seconds, and each
stays under 100 kB however large the study is. `hpsearch.plots` makes Plotly figures of them for
notebooks, `hpsearch.paint` draws them on paper.
"""

from hpsearch.figures.bars import importance
from hpsearch.figures.bounds import Beyond, Pressing, beyond, pressing
from hpsearch.figures.ink import Figure, escaped
from hpsearch.figures.learning import curves, trial_curves
from hpsearch.figures.race import compare
from hpsearch.figures.spreads import seeds
from hpsearch.figures.strands import parallel
from hpsearch.figures.tightened import tightening
from hpsearch.figures.trend import progress, sparkline

__all__ = [
    "Beyond", "Figure", "Pressing", "beyond", "compare", "curves", "escaped", "importance",
    "parallel", "pressing", "progress", "seeds", "sparkline", "tightening", "trial_curves",
]  # fmt: skip
