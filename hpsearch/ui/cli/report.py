"""The command line's reports: `hpsearch report RUN` and `hpsearch compare RUN RUN`."""

import io
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hpsearch.storage import RunFolder, read_snapshot
from hpsearch.ui.report import html, markdown, pictures, places, terminal
from hpsearch.ui.report.comparison import comparison
from hpsearch.ui.report.content import Document
from hpsearch.ui.report.study import report as report_of
from hpsearch.ui.terminal import tables

_TEXT_WIDTH = 160  # of a file, which has none of its own


class ReportFormat(StrEnum):
    html = "html"
    md = "md"


class CompareFormat(StrEnum):
    text = "text"
    md = "md"
    html = "html"


class PlotFormat(StrEnum):
    svg = "svg"
    png = "png"
    pdf = "pdf"


Force = Annotated[bool, typer.Option("--force", help="Replace files that are not hpsearch's.")]


def report(
    run: Annotated[Path, typer.Argument(help="The run folder.", metavar="RUN")],
    format: Annotated[
        ReportFormat | None, typer.Option(help="html or md; the output's ending unless given.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write here; RUN/report.html unless given."),
    ] = None,
    plots: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the figures here too, for a paper.")
    ] = None,
    plot_format: Annotated[PlotFormat, typer.Option(help="svg, png or pdf.")] = PlotFormat.svg,
    force: Force = False,
) -> None:
    """Write a study's report: one page that needs nothing else, or Markdown with figures."""
    ending = format or ReportFormat(_ending(output, "html", ("html", "md")))
    place = output or RunFolder(run).report.with_suffix(f".{ending}")
    document = report_of(read_snapshot(run))
    _write(document, ending, place, force=force)
    print(place)
    if plots is not None:
        for path in pictures.save(document.drawings, plots, plot_format, force=force):
            print(path)


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Two or more run folders.", metavar="RUN...")],
    format: Annotated[
        CompareFormat | None,
        typer.Option(help="text, md or html; the output's ending unless given."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write here, not to stdout.")
    ] = None,
    force: Force = False,
) -> None:
    """Studies beside each other: which winner is better, how surely, and at what cost."""
    ending = format or CompareFormat(_ending(output, "text", ("md", "html")))
    document = comparison([read_snapshot(run) for run in runs])
    if output is not None:
        _write(document, ending, output, force=force)
    elif ending is CompareFormat.text:
        terminal.show(document, tables.console)
    elif ending is CompareFormat.md:
        sys.stdout.write(markdown.markdown(document, {}))
    else:
        sys.stdout.write(html.page(document))


def _ending(output: Path | None, default: str, known: tuple[str, ...]) -> str:
    ending = output.suffix[1:].lower() if output is not None else ""
    return ending if ending in known else default


def _write(document: Document, ending: str, place: Path, *, force: bool) -> None:
    """Write a document, as Markdown with its figures in a folder beside it."""
    if ending == "html":
        places.write(place, html.page(document), html.MARK, force=force)
    elif ending == "md":
        places.claim(place, markdown.MARK, force=force)
        folder = place.with_name(f"{place.stem}-figures")
        saved = pictures.save(document.drawings, folder, "svg", force=force)
        beside = {path.stem: path.relative_to(place.parent) for path in saved}
        places.write(place, markdown.markdown(document, beside), markdown.MARK, force=force)
    else:
        text = io.StringIO()
        terminal.show(document, Console(file=text, width=_TEXT_WIDTH, highlight=False))
        places.write(place, text.getvalue(), terminal.MARK, force=force)
