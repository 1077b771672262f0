"""Traces of a static figure: lines, fills, markers, bars, error bars and texts."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hpsearch.ui.figures.static.text import PIXEL, Dict, colour, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKERS = {
    "circle": "o",
    "circle-open": "o",
    "diamond": "D",
    "line-ns-open": "|",
    "x-thin-open": "x",
}
_DASHES = {"solid": "-", "dot": ":", "dash": "--"}


def draw(axes: "Axes", trace: Dict) -> None:
    """Draw one trace."""
    if trace["type"] == "bar":
        axes.barh(trace["y"], trace["x"], trace["width"], color=colour(trace["marker"]["color"]))
        return
    x, y = ([math.nan if v is None else v for v in trace[key]] for key in ("x", "y"))
    _errors(axes, trace, x, y)
    if trace.get("fill") == "toself":
        for polygon in _pieces(x, y):
            axes.fill(*polygon, color=colour(trace["fillcolor"]), linewidth=0)
    mode = trace["mode"]
    if "lines" in mode and trace["line"].get("width", 1):
        axes.plot(x, y, **stroke(trace["line"]))
    if "markers" in mode:
        _markers(axes, trace["marker"], x, y)
    if "text" in mode:
        for a, b, text, position in zip(x, y, trace["text"], trace["textposition"], strict=True):
            side = {"center": "center", "right": "left", "left": "right"}[position.split()[1]]
            size = trace["textfont"]["size"] * PIXEL
            axes.text(a, b, plain(text), ha=side, va="top", fontsize=size, clip_on=False)


def _pieces(x: Sequence[float], y: Sequence[float]) -> list[tuple[list[float], list[float]]]:
    """The segments of a line between its gaps."""
    pieces: list[tuple[list[float], list[float]]] = [([], [])]
    for a, b in zip(x, y, strict=True):
        if math.isnan(a) or math.isnan(b):
            pieces.append(([], []))
        else:
            pieces[-1][0].append(a)
            pieces[-1][1].append(b)
    return [piece for piece in pieces if piece[0]]


def stroke(line: Dict) -> dict[str, Any]:
    return {
        "color": colour(line["color"]),
        "linewidth": line.get("width", 2) * PIXEL,
        "linestyle": _DASHES[line.get("dash", "solid")],
        "drawstyle": "steps-post" if line.get("shape") == "hv" else "default",
        "solid_capstyle": "round",
    }


def _markers(axes: "Axes", marker: Dict, x: Sequence[float], y: Sequence[float]) -> None:
    symbol = marker.get("symbol", "circle")
    area = (marker["size"] * PIXEL) ** 2 * (0.6 if symbol == "diamond" else 1)
    look: dict[str, Any] = {"s": area, "marker": MARKERS[symbol], "clip_on": False, "zorder": 3}
    line = marker.get("line", {}).get("width", 1) * PIXEL
    if symbol == "circle-open":
        look |= {"facecolors": "none", "edgecolors": colour(marker["color"]), "linewidths": line}
    elif symbol.endswith("-open"):
        look |= {"c": [colour(marker["color"])], "linewidths": line}
    elif "colorscale" in marker:
        from matplotlib.colors import LinearSegmentedColormap

        scale = LinearSegmentedColormap.from_list(
            "values", [tuple(c) for c in marker["colorscale"]]
        )
        look |= {"c": [scale(value) for value in marker["color"]], "linewidths": 0}
    else:
        look |= {"c": [colour(marker["color"])], "linewidths": 0}
    if x:
        axes.scatter(x, y, **look)


def _errors(axes: "Axes", trace: Dict, x: Sequence[float], y: Sequence[float]) -> None:
    for key, name in (("error_x", "xerr"), ("error_y", "yerr")):
        if key in trace:
            bars = trace[key]
            axes.errorbar(
                x,
                y,
                **{name: bars["array"]},
                fmt="none",
                ecolor=colour(bars["color"]),
                elinewidth=bars["thickness"] * PIXEL,
                capsize=bars["width"] * PIXEL,
                capthick=bars["thickness"] * PIXEL,
            )
