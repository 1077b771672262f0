"""Figures of a study: pure functions from a snapshot to Plotly's JSON form.

They need neither Plotly nor matplotlib, so a page may ask for them every few seconds, and each
stays under 100 kB however large the study is. `hpsearch.plots` makes Plotly figures of them for
notebooks, `hpsearch.paint` draws them on paper.
"""

from hpsearch.figures.bounds import Pressing, pressing
from hpsearch.figures.ink import Figure, escaped
from hpsearch.figures.ridges import tightening
from hpsearch.figures.trend import progress, sparkline

__all__ = ["Figure", "Pressing", "escaped", "pressing", "progress", "sparkline", "tightening"]
