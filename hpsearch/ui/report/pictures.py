"""A document's figures: inside a page, or as files for a paper."""

import re
from collections.abc import Iterable
from pathlib import Path

from hpsearch.ui.figures import static
from hpsearch.ui.report.content import Drawing
from hpsearch.ui.report.output_paths import check_replaceable, make_folder

_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
_STYLE = re.compile(r"\s*<style[^>]*>.*?</style>", re.DOTALL)
_FONT = re.compile(r" font-family: [^;\"]*;")
_REFERENCE = re.compile(r'(\bid="|xlink:href="#|\bhref="#|url\(#)')
_POINTS = re.compile(r'(<svg[^>]*?) width="([\d.]+)pt" height="[\d.]+pt"')
# Verdana is what DejaVu was drawn after; text is placed for these widths.
_ROOT_STYLE = (
    "stroke-linejoin: round; stroke-linecap: butt; "
    "font-family: 'DejaVu Sans', 'Bitstream Vera Sans', Verdana, sans-serif"
)


def inline(drawing: Drawing) -> str:
    """The figure as an `<svg>` that takes its ink and its ground from the page around it.

    Raises:
        HpsearchError: matplotlib is not installed.
    """
    svg = static.svg(drawing.figure)
    svg = _STYLE.sub("", _METADATA.sub("", svg))
    svg = _FONT.sub("", svg)
    # Names are unique within a page only.
    svg = _REFERENCE.sub(rf"\g<1>{drawing.name}-", svg)
    svg = svg.replace(static.INK, "currentColor").replace(static.GRID, "var(--line, #8886)")
    svg = svg.replace(static.PAPER, "var(--ground, transparent)")
    return _POINTS.sub(
        rf'\g<1> style="{_ROOT_STYLE}; display: block; width: 100%; height: auto"', svg, count=1
    )


def save(drawings: Iterable[Drawing], folder: Path, kind: str, *, force: bool) -> list[Path]:
    """Each figure as a file of its name in a folder, which is made if need be.

    Args:
        drawings: the figures.
        folder: where to write.
        kind: svg, pdf or png.
        force: replace files that hpsearch has not written.

    Raises:
        ReportError: a file of that name is somebody else's, or the folder cannot be written.
        HpsearchError: matplotlib is not installed.
    """
    make_folder(folder)
    paths = [folder / f"{drawing.name}.{kind}" for drawing in drawings]
    for path in paths:
        check_replaceable(path, static.AUTHOR, force=force)
    for path, drawing in zip(paths, drawings, strict=True):
        static.save(drawing.figure, path)
    return paths
