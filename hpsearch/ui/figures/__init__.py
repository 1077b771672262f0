"""Figures of a study: pure functions from a snapshot to Plotly's JSON form.

They import neither Plotly nor matplotlib, and each figure stays under 100 kB for a study of any
size, so the dashboard can poll them. `hpsearch.plots` turns them into Plotly figures for
notebooks; `hpsearch.ui.figures.static` renders them as SVG, PDF or PNG.
"""

from hpsearch.ui.figures.bounds import AtBound, BeyondRange, at_bound, beyond_range
from hpsearch.ui.figures.comparison import compare
from hpsearch.ui.figures.importance_bars import importance
from hpsearch.ui.figures.learning_curves import curves, trial_curves
from hpsearch.ui.figures.parallel_coordinates import parallel
from hpsearch.ui.figures.progress import progress, sparkline
from hpsearch.ui.figures.seed_spread import seeds
from hpsearch.ui.figures.style import Figure, escaped
from hpsearch.ui.figures.tightening import tightening

__all__ = [
    "AtBound", "BeyondRange", "Figure", "at_bound", "beyond_range", "compare", "curves", "escaped",
    "importance", "parallel", "progress", "seeds", "sparkline", "tightening", "trial_curves",
]  # fmt: skip
