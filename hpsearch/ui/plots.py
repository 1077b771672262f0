"""Plots of a study for notebooks: `hpsearch.ui.figures` as Plotly figures.

    from hpsearch import plots
    plots.tightening("runs/digits-gan")

Each takes a run folder's path, a `Result` or a `Snapshot`, and reads the folder's current state.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hpsearch.errors import HpsearchError
from hpsearch.storage import Result, Snapshot, read_snapshot
from hpsearch.ui import figures

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Source = Result | Snapshot | str | Path


class PlotError(HpsearchError):
    """Plotly is not installed, or there is no such trial."""


def tightening(
    source: Source, parameters: Sequence[str] | None = None, *, columns: int = 2
) -> "Figure":
    """The distribution that each round sampled from, by parameter, with trials and survivors."""
    return _plotly(figures.tightening(_snapshot(source), parameters, columns=columns))


def progress(source: Source) -> "Figure":
    """Best, median and middle half of each round, then the confirmed candidates."""
    return _plotly(figures.progress(_snapshot(source)))


def curves(source: Source) -> "Figure":
    """Learning curves of the objective; survivors and winner in colour."""
    return _plotly(figures.curves(_snapshot(source)))


def trial_curves(source: Source, number: int, *, columns: int = 2) -> "Figure":
    """Every metric of one trial.

    Raises:
        PlotError: there is no such trial.
    """
    s = _snapshot(source)
    try:
        s.trial(number)
    except KeyError:
        raise PlotError(
            f"{s.result.folder} has no trial {number}; `hpsearch trials` lists them"
        ) from None
    return _plotly(figures.trial_curves(s, number, columns=columns))


def importance(source: Source) -> "Figure":
    """The importance of each parameter (PED-ANOVA)."""
    return _plotly(figures.importance(_snapshot(source)))


def parallel(source: Source) -> "Figure":
    """Parallel coordinates of the trials at the largest budget."""
    return _plotly(figures.parallel(_snapshot(source)))


def seeds(source: Source, *, columns: int = 2) -> "Figure":
    """The confirmed candidates over their seeds, beside their values in the search."""
    return _plotly(figures.seeds(_snapshot(source), columns=columns))


def compare(sources: Sequence[Source], x: Literal["trials", "steps"] = "trials") -> "Figure":
    """The best value so far of several studies against finished trials or training steps."""
    return _plotly(figures.compare([_snapshot(source) for source in sources], x))


def _snapshot(source: Source) -> Snapshot:
    if isinstance(source, Snapshot):
        return source
    return read_snapshot(source.folder if isinstance(source, Result) else source)


def _plotly(figure: dict[str, Any]) -> "Figure":
    try:
        from plotly.graph_objects import Figure
    except ImportError:
        raise PlotError(
            'Plotly is not installed, and plots need it; pip install "hpsearch[dashboard]"'
        ) from None
    return Figure(figure).update_layout(template="simple_white")
