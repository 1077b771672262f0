"""Text of a static figure: titles, notes and headings."""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

Dict = Mapping[str, Any]

PIXEL = 72 / 96  # in points
INK, GRID, PAPER = "#222222", "#dddddd", "#ffffff"
_TAG = re.compile(r"<(/?)(b|i|span)(?: style='color:(#\w+)')?>")


def plain(text: str) -> str:
    """Plotly's pseudo-HTML as plain text with its line breaks."""
    return html.unescape(_TAG.sub("", text).replace("<br>", "\n"))


def colour(text: str) -> Any:
    """A colour `#rrggbb` or `rgba(r,g,b,a)` in matplotlib's form."""
    if not text.startswith("rgba"):
        return text
    red, green, blue, alpha = (float(part) for part in text[5:-1].split(","))
    return red / 255, green / 255, blue / 255, alpha


def write(
    canvas: "Canvas",
    frame: Dict,
    panels: Mapping[str, "Axes"],
    inside: Sequence[float],
    size: tuple[float, float],
) -> None:
    """Write the title and the annotations, which are notes below it or headings of panels.

    Args:
        canvas: the matplotlib figure.
        frame: the figure's layout.
        panels: axes by their number in the layout.
        inside: left, bottom, width and height of the area inside the margins, in pixels.
        size: width and height of the figure, in pixels.
    """
    width, height = size
    title = frame["title"]
    big = title["font"]["size"] * PIXEL
    canvas.text(8 / width, 1 - 8 / height, plain(title["text"]), fontsize=big, va="top")
    for note in frame["annotations"]:
        points = note["font"]["size"] * PIXEL
        if note["xref"] != "paper":
            axes = panels[note["xref"].split()[0][1:]]
            _head(axes, note["text"], points, note["yshift"] * PIXEL)
            continue
        x = inside[0] + note["x"] * inside[2] + note["xshift"]
        y = inside[1] + note["y"] * inside[3] + note["yshift"]
        canvas.text(
            x / width,
            y / height,
            plain(note["text"]),
            fontsize=points,
            va="top",
            color=note["font"]["color"],
            linespacing=1.3,
        )


def _head(axes: "Axes", text: str, points: float, above: float) -> None:
    """Write runs of bold and coloured text above a panel, one after another."""
    before: Any = None
    for words, bold, shade in _runs(text):
        before = axes.annotate(
            words,
            (0, 1) if before is None else (1, 0),
            xycoords=axes.transAxes if before is None else before,
            xytext=(0, above if before is None else 0),
            textcoords="offset points",
            fontsize=points,
            fontweight="bold" if bold else "normal",
            color=shade or INK,
            va="bottom",
            annotation_clip=False,
        )


def _runs(text: str) -> Iterator[tuple[str, bool, str | None]]:
    """The runs of a text: words, whether bold, colour."""
    bold, shade, start = False, None, 0
    for tag in _TAG.finditer(text):
        if words := text[start : tag.start()]:
            yield plain(words), bold, shade
        start = tag.end()
        if tag[2] == "b":
            bold = not tag[1]
        else:
            shade = None if tag[1] else tag[3]
    if words := text[start:]:
        yield plain(words), bold, shade
