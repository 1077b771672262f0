"""Shared style of the figures: colours for light and dark backgrounds, text, panels, layout.

A figure is a dict in Plotly's JSON form, without background, fonts or grid colours: the page adds
them by a template, and `hpsearch.ui.figures.static` renders the same dict.
"""

import html
import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from hpsearch.storage import Result
from hpsearch.trial import Direction

Figure = dict[str, Any]

# Okabe & Ito 2008, without black and yellow, which vanish on a dark or a light background.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MUTED = "rgba(128,128,128,0.35)"
GREY = "#808080"
WARNING = "#D55E00"
# Viridis without its ends; dark for the worst.
COLORSCALE = [[0.0, "#414487"], [0.35, "#2a788e"], [0.7, "#22a884"], [1.0, "#7ad151"]]
MARGIN_LEFT, MARGIN_RIGHT = 56, 14
_TOP_LEFT = dict(x=0, xref="container", xanchor="left", y=1, yref="container", yanchor="top")
NO_HOVER: Figure = {"hoverinfo": "skip", "showlegend": False}
_NOTE_WIDTH = 54  # characters that fit a phone's width
_NAME_WIDTH = 24
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def escaped(text: object, width: int | None = None) -> str:
    """A user's text escaped for Plotly, which would interpret tags, templates and formulas.

    Args:
        text: any value.
        width: longest length in characters; a longer text is cut and ends in an ellipsis.
    """
    plain = " ".join(str(text).split())
    if width is not None and len(plain) > width:
        plain = plain[: width - 1] + "…"
    marks = html.escape(plain, quote=False)
    return marks.replace("%", "&#37;").replace("$", "&#36;").replace("{", "&#123;")


def name(text: object) -> str:
    """The name of a parameter, metric or study, cut to fit a panel's heading."""
    return escaped(text, _NAME_WIDTH)


def rgba(colour: str, alpha: float) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"


def muted(count: int) -> str:
    """The grey of muted lines, fainter if there are many."""
    return rgba(GREY, 0.35 if count <= 60 else 0.16)


def rounded(value: float | None, digits: int = 6) -> float | None:
    """A number cut to a few significant digits; None if it is None or not finite."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{digits}g}")


def shown(value: object, width: int = 40) -> str:
    """A value as text for hovers and labels."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return escaped(value, width)


def superscript(exponent: int) -> str:
    return str(exponent).translate(_SUPERSCRIPT)


def tick(value: float) -> str:
    """A tick label, in scientific notation only far from 1."""
    if value and not 1e-3 <= abs(value) < 1e5:
        mantissa, power = f"{value:.1e}".split("e")
        return f"{mantissa.removesuffix('.0')}·10{superscript(int(power))}"
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def needs_log(values: Iterable[float | None]) -> bool:
    """Whether values need a log axis: all positive, and spread over more than a factor of 30."""
    known = [v for v in values if v is not None]
    return bool(known) and min(known) > 0 and max(known) / min(known) > 30


def direction(better: Direction) -> str:
    return "lower is better" if better is Direction.MINIMIZE else "higher is better"


def objective(result: Result) -> str:
    """The title of the objective's axis."""
    return f"{name(result.metric)} ({direction(result.direction)})"


def part(shown: int, count: int, noun: str) -> str:
    """A note that a figure shows only a part; empty if it shows everything."""
    return f"{shown} of {count:,} {noun}." if shown < count else ""


def lines(colour: str, width: float, **look: object) -> Figure:
    """A trace of lines without its points; `look`: further keys of Plotly's `line`."""
    return {"type": "scatter", "mode": "lines", "line": {"color": colour, "width": width} | look}


def markers(colour: str | list[float], size: float, **look: object) -> Figure:
    """A trace of markers without its points; `look`: further keys of Plotly's `marker`."""
    return {"type": "scatter", "mode": "markers", "marker": {"color": colour, "size": size} | look}


def hover(texts: Iterable[str]) -> Figure:
    return {"hovertext": list(texts), "hoverinfo": "text"}


def layout(
    title: str,
    notes: Sequence[str] = (),
    *,
    height: int,
    legend: bool = False,
    left: int = MARGIN_LEFT,
) -> Figure:
    """A figure's layout; `height` of the panels and `left` of the left margin are in pixels."""
    lines = [line for note in notes if note for line in textwrap.wrap(note, _NOTE_WIDTH)]
    top = 40 + 16 * len(lines)
    bottom = 84 if legend else 48
    heading = {"text": title, "font": {"size": 15}, "pad": {"l": 8, "t": 8}}
    frame: Figure = {
        "title": heading | _TOP_LEFT,
        "margin": {"l": left, "r": MARGIN_RIGHT, "t": top, "b": bottom},
        "height": height + top + bottom,
        "hovermode": "closest",
        "showlegend": legend,
        "annotations": [],
    }
    if lines:
        below = {"xref": "paper", "yref": "paper", "xshift": 8 - left, "yshift": top - 30}
        font = {"size": 12, "color": GREY}
        text = {"text": "<br>".join(lines), "font": font, "align": "left", "showarrow": False}
        frame["annotations"].append(_TOP_LEFT | below | text)
    if legend:
        corner = {"x": 0, "xanchor": "left", "y": 0, "yanchor": "bottom", "yref": "container"}
        frame["legend"] = {"orientation": "h", "font": {"size": 11}} | corner
    return frame


def empty(title: str, why: str) -> Figure:
    """A figure without data that states why."""
    frame = layout(title, [why], height=60)
    hidden = {"visible": False, "range": [0, 1]}
    return {"data": [], "layout": frame | {"xaxis": hidden, "yaxis": dict(hidden)}}


def row_axis(labels: Sequence[str], top: float = -0.6, bottom: float = 0.4) -> Figure:
    """A vertical axis with a labelled row per item, the first on top."""
    return {
        "range": [len(labels) - bottom, top],
        "tickvals": list(range(len(labels))),
        "ticktext": list(labels),
        "showgrid": False,
        "zeroline": False,
    }


def error_bars(sds: Iterable[float | None], colour: str, thickness: float, width: int) -> Figure:
    """Error bars of standard deviations; one that is unknown is drawn as 0."""
    array = [rounded(sd or 0.0) for sd in sds]
    return {
        "type": "data", "array": array, "color": colour, "thickness": thickness, "width": width,
    }  # fmt: skip


class Panels:
    """Small multiples: a figure's layout with a grid of axes with a heading each, row by row.

    Args:
        title: of the figure.
        notes: below the title.
        count: number of panels.
        columns: panels side by side.
        panel: height of a panel in pixels.
        between: height between two rows of panels in pixels.
        gap: width between two panels, as a share of the figure's.
        **frame: further arguments of `layout`.
    """

    def __init__(
        self, title: str, notes: Sequence[str], count: int, *, columns: int, panel: int,
        between: int, gap: float = 0.08, **frame: Any,
    ) -> None:  # fmt: skip
        self._columns = max(1, min(columns, count))
        self._panel, self._stride, self._gap = panel, panel + between, gap
        self._height = math.ceil(count / self._columns) * self._stride - between + 24
        self.layout = layout(title, notes, height=self._height, **frame)

    def add(self, i: int, x: Figure, y: Figure, heading: str) -> Figure:
        """Add panel `i`; returns the axis references for its traces."""
        row, column = divmod(i, self._columns)
        width = (1 - self._gap * (self._columns - 1)) / self._columns
        left = column * (width + self._gap)
        top = 1 - (24 + row * self._stride) / self._height
        bottom = max(0.0, top - self._panel / self._height)
        ending = "" if i == 0 else str(i + 1)
        across = [round(left, 4), round(left + width, 4)]
        up = [round(bottom, 4), round(top, 4)]
        self.layout[f"xaxis{ending}"] = {"domain": across, "anchor": f"y{ending}"} | x
        self.layout[f"yaxis{ending}"] = {"domain": up, "anchor": f"x{ending}"} | y
        corner = {"x": 0, "xref": f"x{ending} domain", "y": 1, "yref": f"y{ending} domain"}
        look = {"xanchor": "left", "yanchor": "bottom", "yshift": 3, "font": {"size": 12}}
        self.layout["annotations"].append({"text": heading, "showarrow": False} | corner | look)
        return {"xaxis": f"x{ending}", "yaxis": f"y{ending}"}

    def first_column(self, i: int) -> bool:
        return i % self._columns == 0


def joined(
    pieces: Iterable[Sequence[tuple[float | None, float | None]]], digits: int = 6
) -> Figure:
    """Several lines as the x and y of one trace, with gaps between them."""
    gap: list[tuple[float | None, float | None]] = [(None, None)]
    points = [point for piece in pieces for point in (*piece, *gap)][:-1]
    return {axis: [rounded(p[i], digits) for p in points] for i, axis in enumerate("xy")}


def subsample(points: Sequence[Any], most: int) -> list[Any]:
    """At most `most` of the points, evenly spaced, including the first and the last."""
    if len(points) <= most:
        return list(points)
    return [points[round(i * (len(points) - 1) / (most - 1))] for i in range(most)]
