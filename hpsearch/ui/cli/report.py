"""The command line's reports: `hpsearch report RUN` and `hpsearch compare RUN RUN`."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hpsearch import storage


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
    from hpsearch.ui.report import output_file, pictures
    from hpsearch.ui.report.study import report

    ending = format or ReportFormat(_ending(output, "html", ("html", "md")))
    place = output or storage.RunFolder(run).report.with_suffix(f".{ending}")
    document = report(storage.read_snapshot(run))
    output_file.write(document, ending, place, force=force)
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
    from hpsearch.ui.report import html, markdown, output_file, terminal
    from hpsearch.ui.report.comparison import comparison
    from hpsearch.ui.terminal.screen import console

    ending = format or CompareFormat(_ending(output, "text", ("md", "html")))
    document = comparison([storage.read_snapshot(run) for run in runs])
    if output is not None:
        output_file.write(document, ending, output, force=force)
    elif ending is CompareFormat.text:
        terminal.show(document, console)
    elif ending is CompareFormat.md:
        sys.stdout.write(markdown.markdown(document, {}))
    else:
        sys.stdout.write(html.page(document))


def _ending(output: Path | None, default: str, known: tuple[str, ...]) -> str:
    ending = output.suffix[1:].lower() if output is not None else ""
    return ending if ending in known else default
