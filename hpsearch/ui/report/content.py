"""What a document consists of, before anybody decides how it looks.

Pure functions build a `Document` from snapshots; one writer makes HTML of it, another Markdown. All
text is as its author wrote it: the writers escape it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from hpsearch.ui.figures.style import Figure

Tone = Literal["plain", "note", "warning"]


@dataclass(frozen=True)
class Code:
    """A name, path or value, verbatim."""

    text: str


@dataclass(frozen=True)
class Strong:
    text: str


Part = str | Code | Strong
Cell = str | Code | Strong


@dataclass(frozen=True)
class Paragraph:
    parts: tuple[Part, ...]
    tone: Tone = "plain"


@dataclass(frozen=True)
class Items:
    """A list of short paragraphs."""

    items: tuple[Paragraph, ...]


@dataclass(frozen=True)
class Table:
    """Rows whose first cell names them.

    Attributes:
        caption: what the table shows.
        headings: of the columns.
        rows: as many cells each as there are headings.
        numeric: columns set flush right.
    """

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numeric: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Drawing:
    """A figure.

    Attributes:
        name: of its file, without an ending.
        caption: what is to be seen, also for those who cannot see it.
        figure: in Plotly's JSON form.
    """

    name: str
    caption: str
    figure: Figure


@dataclass(frozen=True)
class Listing:
    """Lines of a file, a log or a terminal, verbatim."""

    text: str
    language: str = ""


Block = Paragraph | Items | Table | Drawing | Listing


@dataclass(frozen=True)
class Section:
    """A part of the document.

    Attributes:
        anchor: its name within the page.
    """

    title: str
    anchor: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A page.

    Attributes:
        title: the one first heading.
        subtitle: what it is, and when it was written.
        summary: what a reader in a hurry needs.
    """

    title: str
    subtitle: str
    summary: tuple[Block, ...]
    sections: tuple[Section, ...]

    @property
    def drawings(self) -> tuple[Drawing, ...]:
        blocks = [b for section in self.sections for b in section.blocks]
        return tuple(block for block in blocks if isinstance(block, Drawing))


def say(*parts: Part, tone: Tone = "plain") -> Paragraph:
    return Paragraph(parts, tone)


def table(
    caption: str,
    headings: Iterable[str],
    rows: Iterable[Iterable[Cell]],
    *,
    words: Iterable[int] = (0,),
) -> Table:
    """A table whose columns are numbers, but for those in `words`."""
    names = tuple(headings)
    numeric = frozenset(range(len(names))) - frozenset(words)
    return Table(caption, names, tuple(tuple(row) for row in rows), numeric)
