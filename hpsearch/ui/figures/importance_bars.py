"""Bar chart of the parameters' importance."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hpsearch.storage import Snapshot
from hpsearch.ui.figures.style import PALETTE, Figure, empty, layout, name, rounded, row_axis

if TYPE_CHECKING:
    from hpsearch.ui.figures.parameter_importance import Importance

_TITLE = "Importance of the parameters"
_PARAMETERS = 30
_BAR_PX = 26


def importance(s: Snapshot) -> Figure:
    """A bar per parameter, the most important on top; takes seconds for large studies.

    Deterministic, so it can be cached until a trial ends.
    """
    # Only this figure needs Optuna, whose import takes half a second.
    from hpsearch.ui.figures.parameter_importance import LATEST, importance

    shares = importance(s.space, s.searched, s.result.direction)
    if not shares:
        return empty(_TITLE, "Too few trials have finished.")
    shown = list(shares.items())[:_PARAMETERS]
    most = max(item.trials for item in shares.values())
    rows = [
        name(key) + ("" if item.trials == most else f"<br><i>of {item.trials} trials</i>")
        for key, item in shown
    ]
    notes = ["How much the best fifth of the trials differs from all trials (PED-ANOVA)."]
    if most >= LATEST:
        notes.append(f"From the latest {LATEST:,} trials.")
    if len(shown) < len(shares):
        notes.append(f"{len(shown)} of {len(shares)} parameters.")
    frame = layout(_TITLE, notes, height=max(80, _BAR_PX * len(shown)), left=130)
    frame["xaxis"] = {
        "title": {"text": "share of the importance, %"},
        "rangemode": "tozero",
        "nticks": 6,
        "zeroline": False,
    }
    frame["yaxis"] = row_axis(rows)
    return {"data": [_bars(shown)], "layout": frame}


def _bars(shown: "Sequence[tuple[str, Importance]]") -> Figure:
    return {
        "type": "bar",
        "orientation": "h",
        "x": [rounded(100 * item.share, 4) for _, item in shown],
        "y": list(range(len(shown))),
        "width": 0.66,
        "marker": {"color": PALETTE[5]},
        "hovertext": [
            f"{name(key)}: {100 * item.share:.3g} %, from {item.trials} trials"
            for key, item in shown
        ],
        "hoverinfo": "text",
        "showlegend": False,
    }
