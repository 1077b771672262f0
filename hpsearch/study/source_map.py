"""The line of every key and value of a study file, and the faults that name it.

A document is a tree of YAML nodes, each with its line and column; the nodes of an override name the
override instead.
"""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from hpsearch.errors import Fault
from hpsearch.study.yaml12 import OVERRIDE, convert_scalar, format_location, serialize

KeyPath = tuple[str | int, ...]  # ("start", 0, "lr_g")


@dataclass(frozen=True)
class SourceMap:
    """The tree of a document; finds the location and the wording of the value at a path."""

    root: yaml.Node

    def location(self, path: KeyPath) -> str:
        """File, line and column of the key at `path`, or of the deepest parent that exists."""
        return location_of(self.find(path)[0])

    def shown(self, path: KeyPath) -> str:
        """The value at `path` as its author wrote it, on one line; "nothing" if there is none."""
        node, is_there = self.find(path, value=True)
        return _written(node) if is_there else "nothing"

    def has(self, path: KeyPath) -> bool:
        return self.find(path)[1]

    def text(self) -> str:
        """The document as YAML, in its author's words and styles."""
        return serialize(self.root)

    def find(self, path: KeyPath, value: bool = False) -> tuple[yaml.Node, bool]:
        """The node of the key (or `value`) at `path`, and whether `path` exists.

        If not, it is the node of the deepest parent that exists.
        """
        key, node = self.root, self.root
        for step in path:
            pair = _child(node, step)
            if pair is None:
                return key, False
            key, node = pair
        return (node if value else key), True


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((k, v) for k, v in node.value if k.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


@dataclass
class Faults:
    """The faults found so far, at most one at each path: the first."""

    source_map: SourceMap
    _entries: list[tuple[tuple[int, int, int], KeyPath, Fault]] = field(default_factory=list)

    def add(self, path: KeyPath, message: str, node: yaml.Node | None = None) -> None:
        """Add a fault at `path`, or at `node` where that stands elsewhere.

        Nothing is added if there is already a fault at `path` or inside it.
        """
        if path and self.within(path):
            return
        node = node or self.source_map.find(path)[0]
        mark = node.start_mark
        order = (int(mark.name.startswith(OVERRIDE)), mark.line, mark.column)
        self._entries.append((order, path, Fault(location_of(node), dotted(path), message)))

    def got(self, path: KeyPath, message: str) -> None:
        """Add a fault that ends with the value as written."""
        self.add(path, f"{message}, got {self.shown(path)}")

    def shown(self, path: KeyPath) -> str:
        return self.source_map.shown(path)

    def within(self, path: KeyPath) -> bool:
        """Whether there is a fault at `path` or inside it."""
        return any(known[: len(path)] == path for _, known, _ in self._entries)

    def __iter__(self) -> Iterator[Fault]:
        """In the order of the file; those of overrides come last."""
        return (fault for _, _, fault in sorted(self._entries, key=lambda entry: entry[0]))


def location_of(node: yaml.Node) -> str:
    mark = node.start_mark
    return format_location(mark.name, mark.line, mark.column)


def to_plain(node: yaml.Node, faults: Faults, path: KeyPath = ()) -> Any:
    """The node as dicts, lists and scalars; what cannot be converted becomes None and a fault."""
    if isinstance(node, yaml.SequenceNode):
        return [to_plain(item, faults, (*path, i)) for i, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        return _to_dict(node, faults, path)
    try:
        return convert_scalar(node)
    except ValueError as error:
        faults.add(path, f"{error}, got {_written(node)}")
        return None


def _to_dict(node: yaml.MappingNode, faults: Faults, path: KeyPath) -> dict[str, Any]:
    result: dict[str, Any] = {}
    first: dict[str, yaml.Node] = {}
    for key, value in node.value:
        key_path = (*path, key.value)
        if key.value == "<<" and not key.style:
            faults.add(path, "merge keys (<<) are not supported; write the entries out", key)
        elif key.tag != "tag:yaml.org,2002:str":
            faults.add(path, f"a key must be a word, got {_written(key)}", key)
        elif key.value in first:
            message = f"written twice, first at {location_of(first[key.value])}; keep one"
            faults.add(key_path, message, key)
        else:
            first[key.value] = key
            word = to_plain(key, faults, path)
            result[word] = to_plain(value, faults, key_path)
    return result


def _written(node: yaml.Node, max_length: int = 80) -> str:
    if isinstance(node, yaml.SequenceNode):
        text = "[" + ", ".join(_written(item) for item in node.value) + "]"
    elif isinstance(node, yaml.MappingNode):
        text = "{" + ", ".join(_written_pair(*pair) for pair in node.value) + "}"
    else:
        text = node.value if node.value.isprintable() else ascii(node.value)[1:-1]
        text = f'"{text}"' if _is_quoted(node) else text or "nothing"
    return text if len(text) <= max_length else text[: max_length - 3] + "..."


def _written_pair(key: yaml.Node, value: yaml.Node) -> str:
    is_empty = not value.value and isinstance(value, yaml.ScalarNode) and not _is_quoted(value)
    return _written(key) if is_empty else f"{_written(key)}: {_written(value)}"


def _is_quoted(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and bool(node.style)


def dotted(path: KeyPath) -> str:
    """`start[0].lr_g`."""
    return "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in path).removeprefix(".")


def describe_unknown(word: str, known: Sequence[str], message: str = "unknown") -> str:
    """The message with all known words and, if there is one, the word that was probably meant."""
    return f"{message} (has: {', '.join(known)}){did_you_mean(word, known)}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a message; empty when no known word is close to `word`."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f'. Did you mean "{close[0]}"?' if close else ""
