"""A document in a terminal; its figures are for paper and pages."""

from typing import Literal

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from hpsearch.ui.report.content import (
    Block,
    Code,
    Document,
    Drawing,
    Items,
    Listing,
    Paragraph,
    Part,
    Strong,
    Table,
)

MARK = " by hpsearch "  # of a file that may be replaced


def show(document: Document, console: Console) -> None:
    """Print everything but the figures; a section of figures alone is left out."""
    console.print(Text(document.title, style="bold"))
    console.print(Text(document.subtitle, style="dim"))
    for block in document.summary:
        _show(block, console)
    for section in document.sections:
        blocks = [block for block in section.blocks if not isinstance(block, Drawing)]
        if blocks:
            console.print()
            console.print(Text(section.title, style="bold"))
            for block in blocks:
                _show(block, console)


def _show(block: Block, console: Console) -> None:
    match block:
        case Paragraph():
            style = {"plain": "", "note": "dim", "warning": "yellow"}[block.tone]
            console.print(_text(block.parts), style=style)
        case Items():
            for item in block.items:
                console.print(Text("- ") + _text(item.parts))
        case Table():
            console.print(_grid(block))
        case Listing():
            console.print(Text(block.text))
        case Drawing():
            pass


def _text(parts: tuple[Part, ...]) -> Text:
    text = Text()
    for part in parts:
        match part:
            case Code():
                text.append(part.text)
            case Strong():
                text.append(part.text, style="bold")
            case str():
                text.append(part)
    return text


def _grid(block: Table) -> Grid:
    grid = Grid(box=None, header_style="dim")
    for i, heading in enumerate(block.headings):
        side: Literal["left", "right"] = "right" if i in block.numeric else "left"
        grid.add_column(Text(heading), justify=side, overflow="fold", no_wrap=i == 0)
    for row in block.rows:
        grid.add_row(*(_text((cell,)) for cell in row))
    return grid
