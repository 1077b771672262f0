"""A report as a file: HTML, text, or Markdown with its figures in a folder beside it."""

import io
from pathlib import Path

from rich.console import Console

from hpsearch.ui.report import html, markdown, output_paths, pictures, terminal
from hpsearch.ui.report.content import Document

_TEXT_WIDTH = 160  # of a file, which has none of its own


def write(document: Document, ending: str, path: Path, *, force: bool) -> None:
    """Write a document to `path`.

    Args:
        document: the report.
        ending: html, md or text.
        path: of the file.
        force: replace files that hpsearch has not written.

    Raises:
        ReportError: a file at `path`, or of a figure, is not hpsearch's or cannot be written.
    """
    if ending == "html":
        output_paths.write(path, html.page(document), html.MARK, force=force)
    elif ending == "md":
        output_paths.check_replaceable(path, markdown.MARK, force=force)
        folder = path.with_name(f"{path.stem}-figures")
        saved = pictures.save(document.drawings, folder, "svg", force=force)
        beside = {figure.stem: figure.relative_to(path.parent) for figure in saved}
        output_paths.write(path, markdown.markdown(document, beside), markdown.MARK, force=force)
    else:
        text = io.StringIO()
        terminal.show(document, Console(file=text, width=_TEXT_WIDTH, highlight=False))
        output_paths.write(path, text.getvalue(), terminal.MARK, force=force)
