"""A document as one self-contained page: no script, no font, no picture from elsewhere.

It opens from a file, follows the reader's light or dark, and prints black on white.
"""

from typing import Any

from hpsearch.errors import HpsearchError
from hpsearch.report.content import Code, Document, Drawing, Items, Paragraph, Table
from hpsearch.report.pictures import inline

MARK = '<meta name="generator" content="hpsearch'  # of a page that may be replaced
_GENERATOR = "hpsearch report"


def html(document: Document) -> str:
    """The page.

    Raises:
        HpsearchError: Jinja2 or matplotlib is not installed.
    """
    template = _environment().get_template("page.html.j2")
    return template.render(document=document, generator=_GENERATOR) + "\n"


def _environment() -> Any:
    try:
        import jinja2
    except ImportError:
        raise HpsearchError(
            "a report in HTML needs Jinja2: pip install 'hpsearch[dashboard]'"
        ) from None
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("hpsearch.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    kinds = {"code": Code, "paragraph": Paragraph, "items": Items, "table": Table,
             "drawing": Drawing}  # fmt: skip
    for name, kind in kinds.items():
        environment.tests[name] = lambda block, kind=kind: isinstance(block, kind)
    environment.filters["svg"] = _svg
    return environment


def _svg(drawing: Drawing) -> Any:
    import markupsafe

    return markupsafe.Markup(inline(drawing))


