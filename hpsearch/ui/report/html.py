"""A document as HTML that needs nothing else: no script, no font, no picture from elsewhere.

A page opens from a file, follows the reader's light or dark, and prints black on white; a card
stands in a notebook and takes its colours from there.
"""

from typing import Any

from hpsearch.errors import HpsearchError
from hpsearch.ui.report.content import Code, Document, Drawing, Items, Paragraph, Table
from hpsearch.ui.report.pictures import inline

GENERATOR = "hpsearch report"
MARK = f'<meta name="generator" content="{GENERATOR}">'  # of a page that may be replaced


def page(document: Document) -> str:
    """A whole page.

    Raises:
        HpsearchError: Jinja2 or matplotlib is not installed.
    """
    return _rendered("page.html.j2", document)


def card(document: Document) -> str:
    """A fragment for a notebook; the sections' titles are left out.

    Raises:
        HpsearchError: Jinja2 or matplotlib is not installed.
    """
    return _rendered("card.html.j2", document)


def _rendered(template: str, document: Document) -> str:
    try:
        import jinja2
        import markupsafe
    except ImportError:
        raise HpsearchError(
            "Jinja2 is not installed, and reports in HTML need it; "
            'pip install "hpsearch[dashboard]"'
        ) from None

    def svg(drawing: Drawing) -> Any:
        return markupsafe.Markup(inline(drawing))

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("hpsearch.ui.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["svg"] = svg
    environment.tests |= {
        "code": lambda part: isinstance(part, Code),
        "paragraph": lambda block: isinstance(block, Paragraph),
        "items": lambda block: isinstance(block, Items),
        "table": lambda block: isinstance(block, Table),
        "drawing": lambda block: isinstance(block, Drawing),
    }
    text = environment.get_template(template).render(document=document, generator=GENERATOR)
    return text.rstrip() + "\n"
