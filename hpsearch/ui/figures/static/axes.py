"""Axes of a static figure: scales, ranges and ticks."""

from typing import TYPE_CHECKING

from hpsearch.ui.figures.static.text import GRID, Dict, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def prepare(axes: "Axes", x: Dict, y: Dict) -> None:
    """Set scales, lines and titles; call before drawing."""
    axes.patch.set_visible(False)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    for which, axis in (("x", x), ("y", y)):
        title = plain(axis.get("title", {}).get("text", ""))
        axes.set(**{f"{which}scale": axis.get("type", "linear"), f"{which}label": title})
        shown = axis.get("visible", True)
        getattr(axes, f"{which}axis").set_visible(shown)
        if shown and axis.get("showgrid", True):
            axes.grid(axis=which, color=GRID, linewidth=0.7)  # type: ignore[arg-type]
    if not x.get("visible", True):
        axes.spines["bottom"].set_visible(False)
    axes.tick_params(length=0, pad=3)


def settle(axes: "Axes", x: Dict, y: Dict) -> None:
    """Set ranges and ticks; call after drawing."""
    for which, axis in (("x", x), ("y", y)):
        if "range" in axis:
            is_log = axis.get("type") == "log"
            ends = [10.0**end if is_log else end for end in axis["range"]]
            axes.set(**{f"{which}lim": ends})
        elif axis.get("rangemode") == "tozero":
            axes.set(**{f"{which}lim": (0, None)})
        _set_ticks(axes, which, axis)


def _set_ticks(axes: "Axes", which: str, axis: Dict) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, NullLocator

    ruler = getattr(axes, f"{which}axis")
    ruler.set_minor_locator(NullLocator())
    ruler.set_minor_formatter(NullFormatter())
    if "tickvals" in axis:
        texts = [plain(text) for text in axis["ticktext"]]
        if not axis.get("showticklabels", True):
            texts = [""] * len(texts)
        ruler.set_ticks(axis["tickvals"], texts)
        return
    if axis.get("type") != "log":
        ruler.set_major_locator(MaxNLocator(axis.get("nticks", 6), steps=[1, 2, 2.5, 5, 10]))
    form = ",.10g" if "," in axis.get("tickformat", "") else ".4g"
    ruler.set_major_formatter(FuncFormatter(lambda value, _: format(value, form)))
