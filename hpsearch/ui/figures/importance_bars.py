"""Bar chart of the parameters' importance."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hpsearch.storage import Snapshot
from hpsearch.ui.figures import style
from hpsearch.ui.figures.style import Figure

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
        return style.empty(_TITLE, "Too few trials have finished.")
    shown = list(shares.items())[:_PARAMETERS]
    most = max(item.trials for item in shares.values())
    rows = [
        style.name(key) + ("" if item.trials == most else f"<br><i>of {item.trials} trials</i>")
        for key, item in shown
    ]
    notes = [
        "How much the best fifth of the trials differs from all trials (PED-ANOVA).",
        f"From the latest {LATEST:,} trials." if most >= LATEST else "",
        style.part(len(shown), len(shares), "parameters"),
    ]
    frame = style.layout(_TITLE, notes, height=max(80, _BAR_PX * len(shown)), left=130)
    frame["xaxis"] = {
        "title": {"text": "share of the importance, %"},
        "rangemode": "tozero",
        "nticks": 6,
        "zeroline": False,
    }
    frame["yaxis"] = style.row_axis(rows)
    return {"data": [_bars(shown)], "layout": frame}


def _bars(shown: "Sequence[tuple[str, Importance]]") -> Figure:
    return {
        "type": "bar",
        "orientation": "h",
        "x": [style.rounded(100 * item.share, 4) for _, item in shown],
        "y": list(range(len(shown))),
        "width": 0.66,
        "marker": {"color": style.PALETTE[5]},
        "showlegend": False,
        **style.hover(
            f"{style.name(key)}: {100 * item.share:.3g} %, from {item.trials} trials"
            for key, item in shown
        ),
    }
