"""The legend of a static figure, below its panels."""

import math
from typing import TYPE_CHECKING, Any

from hpsearch.ui.figures.static.text import PIXEL, Dict, colour, plain
from hpsearch.ui.figures.static.traces import MARKERS, stroke

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

_LETTER, _KEY = 6.2, 48.0  # width in pixels of a letter, and of the symbol before a name
_POINTS = 11 * PIXEL


def entries(figure: Dict) -> list[Dict]:
    """The traces in the legend, in its order."""
    if not figure["layout"]["showlegend"]:
        return []
    named = [t for t in figure["data"] if t.get("showlegend", True) and t.get("name")]
    return sorted(named, key=lambda trace: int(trace.get("legendrank", 1000)))


def columns(named: list[Dict], width: float) -> int:
    """Number of columns that fit into a width in pixels."""
    widest = max(len(plain(trace["name"])) for trace in named) * _LETTER + _KEY
    return max(1, min(len(named), int((width - 16) / widest)))


def height(named: list[Dict], width: float) -> float:
    """The legend's height in pixels."""
    return 18.0 * math.ceil(len(named) / columns(named, width)) + 4 if named else 0.0


def write(canvas: "Canvas", named: list[Dict], size: tuple[float, float]) -> None:
    if named:
        canvas.legend(
            [_key(trace) for trace in named],
            [plain(trace["name"]) for trace in named],
            loc="lower left",
            bbox_to_anchor=(4 / size[0], 2 / size[1]),
            ncols=columns(named, size[0]),
            frameon=False,
            fontsize=_POINTS,
            columnspacing=1.4,
            borderaxespad=0.2,
        )


def _key(trace: Dict) -> Any:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    if trace.get("fill") == "toself":
        return Patch(color=colour(trace["fillcolor"]), linewidth=0)
    look: dict[str, Any] = {"linestyle": "none"}
    if "lines" in trace["mode"]:
        look = stroke(trace["line"]) | {"drawstyle": "default"}
    if "markers" in trace["mode"]:
        marker = trace["marker"]
        shade = colour(marker["color"])
        look |= {"marker": MARKERS[marker.get("symbol", "circle")], "markersize": 5}
        look |= {"markerfacecolor": shade, "markeredgecolor": shade}
    return Line2D([], [], **look)
