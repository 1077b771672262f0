"""Figures of a study: pure functions from a snapshot to Plotly's JSON form.

They need neither Plotly nor matplotlib, so a page may ask for them every few seconds, and each
stays under 100 kB however large the study is. `hpsearch.ui.plots` makes Plotly figures of them for
notebooks, `hpsearch.ui.figures.static` draws them on paper.
"""

from hpsearch.ui.figures.bounds import Beyond, Pressing, beyond, pressing
from hpsearch.ui.figures.importance_bars import importance
from hpsearch.ui.figures.ink import Figure, escaped
from hpsearch.ui.figures.learning import curves, trial_curves
from hpsearch.ui.figures.race import compare
from hpsearch.ui.figures.spreads import seeds
from hpsearch.ui.figures.strands import parallel
from hpsearch.ui.figures.tightened import tightening
from hpsearch.ui.figures.trend import progress, sparkline

__all__ = [
    "Beyond", "Figure", "Pressing", "beyond", "compare", "curves", "escaped", "importance",
    "parallel", "pressing", "progress", "seeds", "sparkline", "tightening", "trial_curves",
]  # fmt: skip
