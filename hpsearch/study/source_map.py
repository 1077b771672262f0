"""Where every word of a study file stands, and the faults that say so.

A document is a tree of YAML nodes, each with its line and column; an override's nodes name the
override instead. `Marks` finds the place and the wording of any path in the tree.
"""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from hpsearch.errors import Fault
from hpsearch.study.yaml12 import OVERRIDE, place, scalar, text_of

Path = tuple[str | int, ...]  # ("start", 0, "lr_g")


@dataclass(frozen=True)
class Marks:
    """The tree of a document, with the places that faults name."""

    root: yaml.Node

    def place(self, path: Path) -> str:
        """Of the last key in `path`; of what would hold it where it is missing."""
        return place_of(self._find(path)[0])

    def shown(self, path: Path) -> str:
        """The value at `path` as its author wrote it, in one line."""
        node, exact = self._find(path, value=True)
        return _written(node) if exact else "nothing"

    def has(self, path: Path) -> bool:
        return self._find(path)[1]

    def text(self) -> str:
        return text_of(self.root)

    def _find(self, path: Path, value: bool = False) -> tuple[yaml.Node, bool]:
        """The key's node (the value's if asked, or for a list), and whether it is there at all."""
        found = at = self.root
        for step in path:
            pair = _child(at, step)
            if pair is None:
                return found, False
            found, at = pair
        return (at if value else found), True


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((k, v) for k, v in node.value if k.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


@dataclass
class Faults:
    """The faults found so far; one is enough for one place, so the first rules."""

    marks: Marks | None = None
    found: list[tuple[tuple[int, int, int], Path, Fault]] = field(default_factory=list)

    def add(self, path: Path, message: str, node: yaml.Node | None = None) -> None:
        """A fault at `path`, or at `node` where that is another place.

        Nothing is added where something within `path` is already known to be wrong.
        """
        if path and self.within(*path):
            return
        if node is None:
            assert self.marks is not None
            node = self.marks._find(path)[0]
        mark = node.start_mark
        order = (int(mark.name.startswith(OVERRIDE)), mark.line, mark.column)
        self.found.append((order, path, Fault(place_of(node), dotted(path), message)))

    def got(self, path: Path, message: str) -> None:
        """A fault that ends with the value as written."""
        self.add(path, f"{message}, got {self.shown(*path)}")

    def place(self, *path: str | int) -> str:
        assert self.marks is not None
        return self.marks.place(path)

    def shown(self, *path: str | int) -> str:
        assert self.marks is not None
        return self.marks.shown(path)

    def has(self, *path: str | int) -> bool:
        return self.marks is not None and self.marks.has(path)

    def within(self, *path: str | int) -> bool:
        return any(known[: len(path)] == path for _, known, _ in self.found)

    def sorted(self) -> list[Fault]:
        return [fault for _, _, fault in sorted(self.found, key=lambda item: item[0])]


def place_of(node: yaml.Node) -> str:
    return place(node.start_mark.name, node.start_mark.line + 1, node.start_mark.column + 1)


def plain(node: yaml.Node, faults: Faults, path: Path = ()) -> Any:
    """The document as dicts, lists and scalars; what cannot be read becomes None and a fault."""
    if isinstance(node, yaml.SequenceNode):
        return [plain(item, faults, (*path, i)) for i, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, faults, path)
    try:
        return scalar(node)
    except ValueError as error:
        faults.add(path, f"{error}, got {_written(node)}")
        return None


def _mapping(node: yaml.MappingNode, faults: Faults, path: Path) -> dict[str, Any]:
    result: dict[str, Any] = {}
    first: dict[str, yaml.Node] = {}
    for key, value in node.value:
        if key.value == "<<" and not key.style:
            faults.add(path, "merge keys (<<) are not supported; write the entries out", key)
        elif key.tag != "tag:yaml.org,2002:str":
            faults.add(path, f"a key must be a word, got {_written(key)}", key)
        elif key.value in first:
            again = (*path, key.value)
            faults.add(
                again, f"written twice, first at {place_of(first[key.value])}; keep one", key
            )
        else:
            first[key.value] = key
            word = plain(key, faults, path)
            result[word] = plain(value, faults, (*path, key.value))
    return result


def _written(node: yaml.Node, longest: int = 80) -> str:
    if isinstance(node, yaml.SequenceNode):
        text = "[" + ", ".join(_written(item) for item in node.value) + "]"
    elif isinstance(node, yaml.MappingNode):
        text = "{" + ", ".join(_pair(*pair) for pair in node.value) + "}"
    else:
        text = node.value if node.value.isprintable() else ascii(node.value)[1:-1]
        text = f'"{text}"' if _is_quoted(node) else text or "nothing"
    return text if len(text) <= longest else text[: longest - 3] + "..."


def _pair(key: yaml.Node, value: yaml.Node) -> str:
    empty = not value.value and isinstance(value, yaml.ScalarNode) and not _is_quoted(value)
    return _written(key) if empty else f"{_written(key)}: {_written(value)}"


def _is_quoted(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and bool(node.style)


def dotted(path: Path) -> str:
    """`start[0].lr_g`."""
    return "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in path).removeprefix(".")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Begins with a full stop, to end a message; empty when nothing known is near."""
    near: Sequence[str] = difflib.get_close_matches(word, list(known), n=1)
    return f'. Did you mean "{near[0]}"?' if near else ""
