"""A document as GitHub's Markdown, its figures as files beside it."""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

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

MARK = "<!-- written by hpsearch report -->"  # of a file that may be replaced
_SPECIAL = re.compile(r"[\\`*_\[\]<>|~&$]")
_AT_START = re.compile(r"^(\s*)([#+=-]|\d+[.)])")
_SPACE = re.compile(r"\s+")


def markdown(document: Document, pictures: Mapping[str, Path]) -> str:
    """The text.

    Args:
        document: what to write.
        pictures: path of each drawing by its name, relative to the text's folder; a drawing
            without one is left out.
    """
    lines = [MARK, f"# {_text(document.title)}", _text(document.subtitle)]
    lines += [_block(block, pictures) for block in document.summary]
    for section in document.sections:
        lines.append(f"## {_text(section.title)}")
        lines += [_block(block, pictures) for block in section.blocks]
    return "\n\n".join(line for line in lines if line) + "\n"


def _block(block: Block, pictures: Mapping[str, Path]) -> str:
    match block:
        case Paragraph():
            return _paragraph(block)
        case Items():
            return "\n".join(f"- {_parts(item.parts)}" for item in block.items)
        case Table():
            return _table(block)
        case Drawing():
            if block.name not in pictures:
                return ""
            caption = _text(block.caption)
            return f"![{caption}]({quote(str(pictures[block.name]))})\n\n*{caption}*"
        case Listing():
            return _listing(block)


def _paragraph(block: Paragraph) -> str:
    text = _AT_START.sub(_escaped_start, _parts(block.parts))
    return f"> **Note:** {text}" if block.tone == "warning" else text


def _escaped_start(found: "re.Match[str]") -> str:
    return f"{found[1]}{found[2][:-1]}\\{found[2][-1]}"


def _parts(parts: tuple[Part, ...]) -> str:
    return "".join(_part(part) for part in parts).strip()


def _part(part: Part) -> str:
    match part:
        case Code():
            return _code(part.text)
        case Strong():
            inner = _text(part.text)
            bare = inner.strip()
            return inner.replace(bare, f"**{bare}**") if bare else ""
        case str():
            return _text(part)


def _text(text: str) -> str:
    """Text that means nothing but itself."""
    return _SPECIAL.sub(_entity, _SPACE.sub(" ", text))


def _entity(found: "re.Match[str]") -> str:
    entities = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "$": "&#36;"}
    return entities.get(found[0], f"\\{found[0]}")


def _code(text: str) -> str:
    plain = _SPACE.sub(" ", text).strip()
    if not plain:
        return ""
    fence = "`" * (_longest_run(plain) + 1)
    pad = " " if plain[0] == "`" or plain[-1] == "`" else ""
    return f"{fence}{pad}{plain}{pad}{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)


def _table(block: Table) -> str:
    rule = ["---:" if i in block.numeric else "---" for i in range(len(block.headings))]
    rows = [
        [_text(heading) for heading in block.headings],
        rule,
        *([_cell(cell) for cell in row] for row in block.rows),
    ]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"**{_text(block.caption)}**", "", *lines])


def _cell(cell: Part) -> str:
    """GitHub takes a bar for the cell's end even inside code."""
    text = _part(cell)
    return text.replace("|", "\\|") if isinstance(cell, Code) else text


def _listing(block: Listing) -> str:
    fence = "`" * max(3, _longest_run(block.text) + 1)
    return f"{fence}{block.language or 'text'}\n{block.text}\n{fence}"
