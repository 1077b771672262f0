"""Static rendering of the figures by matplotlib, as SVG, PDF or PNG.

It supports only the part of Plotly's JSON form that `hpsearch.ui.figures` uses. Sizes in a figure
are pixels, 96 per inch as in a browser.
"""

import html
import io
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpsearch.errors import HpsearchError
from hpsearch.ui.figures.static import legend
from hpsearch.ui.figures.static.axes import prepare, settle
from hpsearch.ui.figures.static.text import GRID, INK, PAPER, PIXEL, Dict, plain, write
from hpsearch.ui.figures.static.traces import draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

__all__ = ["AUTHOR", "GRID", "INK", "PAPER", "RenderError", "save", "svg"]

AUTHOR = "hpsearch figures"  # marks every file as written by hpsearch

WIDTH_IN = 7.0  # the text width of a page
_DPI = 200
# matplotlib uses the same group ids in every figure, but ids must be unique within a page.
_NAMED_GROUP = re.compile(r'<g id="[\w.]+_\d+"')
_SETTINGS = threading.Lock()
_METADATA: Any = {
    "svg": {"Date": None, "Creator": AUTHOR},
    "pdf": {"CreationDate": None, "Creator": AUTHOR},
    "png": {"Software": AUTHOR},
}
_STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 12 * PIXEL,
    "text.parse_math": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#999999",
    "axes.facecolor": PAPER,
    "figure.facecolor": PAPER,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.fonttype": "none",
    "svg.hashsalt": "hpsearch",  # the same figure gives the same bytes
    "pdf.fonttype": 42,
}


class RenderError(HpsearchError):
    """A figure cannot be rendered: matplotlib is missing, or the file type is not supported."""


def svg(figure: Dict, width_in: float = WIDTH_IN, height_in: float | None = None) -> str:
    """An `<svg>` element for an HTML page; its text is text, not outlines.

    Args:
        figure: from `hpsearch.ui.figures`.
        width_in: width in inches.
        height_in: height in inches; the figure's own if None.

    Raises:
        RenderError: matplotlib is not installed.
    """
    text = _bytes(figure, width_in, height_in, "svg").decode()
    text = _NAMED_GROUP.sub("<g", text[text.index("<svg") :])
    label = html.escape(plain(figure["layout"]["title"]["text"]))
    return text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def save(
    figure: Dict, path: str | Path, width_in: float = WIDTH_IN, height_in: float | None = None
) -> None:
    """Write a figure as .svg, .pdf or .png, by the file's suffix.

    Raises:
        RenderError: matplotlib is not installed, or the suffix is another.
    """
    suffix = Path(path).suffix.lower()
    if suffix[1:] not in _METADATA:
        raise RenderError(
            f"{path}: figures are saved as .svg, .pdf or .png, got {suffix or 'none'}"
        )
    Path(path).write_bytes(_bytes(figure, width_in, height_in, suffix[1:]))


def _bytes(figure: Dict, width_in: float, height_in: float | None, kind: str) -> bytes:
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure as Canvas
    except ImportError:
        raise RenderError(
            'matplotlib is not installed; static figures need it: pip install "hpsearch[dashboard]"'
        ) from None
    frame = figure["layout"]
    height = height_in or frame["height"] / 96
    # Not by pyplot, which needs a display. rcParams are global, so only one thread may change them.
    with _SETTINGS, mpl.rc_context(_STYLE):
        canvas = Canvas(figsize=(width_in, height), dpi=_DPI)
        _draw(canvas, figure, width_in * 96, height * 96)
        file = io.BytesIO()
        canvas.savefig(file, format=kind, metadata=_METADATA[kind])
    return file.getvalue()


def _draw(canvas: "Canvas", figure: Dict, width: float, height: float) -> None:
    """Draw in Plotly's geometry: margins in pixels, domains as shares of the area inside them."""
    frame = figure["layout"]
    margin = frame["margin"]
    named = legend.entries(figure)
    bottom = max(margin["b"], 52 + legend.height(named, width)) if named else margin["b"]
    inside = (margin["l"], bottom, width - margin["l"] - margin["r"], height - bottom - margin["t"])
    panels: dict[str, Axes] = {}
    for key in (k for k in frame if k.startswith("xaxis")):
        number = key.removeprefix("xaxis")
        x, y = frame[f"xaxis{number}"], frame[f"yaxis{number}"]
        (left, right), (low, high) = x.get("domain", (0, 1)), y.get("domain", (0, 1))
        box = (
            (inside[0] + left * inside[2]) / width,
            (inside[1] + low * inside[3]) / height,
            (right - left) * inside[2] / width,
            (high - low) * inside[3] / height,
        )
        axes = canvas.add_axes(box)
        panels[number] = axes
        prepare(axes, x, y)
    for trace in figure["data"]:
        draw(panels[trace.get("xaxis", "x")[1:]], trace)
    for number, axes in panels.items():
        settle(axes, frame[f"xaxis{number}"], frame[f"yaxis{number}"])
    write(canvas, frame, panels, inside, (width, height))
    legend.write(canvas, named, (width, height))
