"""YAML 1.2 (core schema) that remembers where every word of it stands.

Stock PyYAML reads YAML 1.1: there `1e-4` is text, `no` is False and a repeated key silently wins.
A document here is a tree of YAML nodes; `Marks` finds the place and the wording of any of them.
Aliases and tags are refused: a study file says each thing once, where it is read.
"""

import difflib
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from hpsearch.errors import Fault

Path = tuple[str | int, ...]  # ("start", 0, "lr_g")

_DEEPEST = 30  # levels of nesting; a study needs five
OVERRIDE = "--set "  # begins the place of what an override brought

_RESOLVERS = [
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
        r"|[-+]?(\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN",
        list("-+.0123456789"),
    ),
]


class _Core(yaml.resolver.BaseResolver):
    """The scalars of YAML 1.2, https://yaml.org/spec/1.2.2/#1032-tag-resolution."""


for _kind, _pattern, _first in _RESOLVERS:
    _Core.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}", re.compile(rf"(?:{_pattern})\Z"), _first
    )


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = _Core.yaml_implicit_resolvers
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _refusal(event, "aliases (*name) are not supported; write the value out")
        if getattr(event, "tag", None) is not None:
            raise _refusal(event, "tags (!name) are not supported; write the plain value")
        if self.depth == _DEEPEST:
            raise _refusal(event, f"nested more than {_DEEPEST} levels deep; flatten it")
        self.depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Dumper(yaml.SafeDumper):
    yaml_implicit_resolvers = _Core.yaml_implicit_resolvers


def _refusal(event: Any, message: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=message, problem_mark=event.start_mark, note="ours")


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
        text: str = yaml.serialize(self.root, Dumper=_Dumper, allow_unicode=True, width=100)
        return text

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


def compose(text: str, name: str) -> yaml.Node | Fault | None:
    """The tree of the one document in `text`, None if it is empty; `name` begins its places."""
    try:
        loader = _Loader(text)
        loader.name = name
        return loader.get_single_node()
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        message = f"holds the unprintable character U+{ord(error.character):04X}; delete it"
        return Fault(_place(name, line, column), "", message)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = _place(name, mark.line + 1, mark.column + 1) if mark else name
        return Fault(place, "", _explained(error))
    except (ValueError, OverflowError):  # PyYAML on an escape such as "\UFFFFFFFF"
        mark = loader.get_mark()
        message = "not YAML: an escape names no character; mend or quote it with '...'"
        return Fault(_place(name, mark.line + 1, mark.column + 1), "", message)


def _explained(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or error.context or "it cannot be read"
    if error.note == "ours":
        return problem
    if "'\\t'" in problem:
        return "a tab cannot indent YAML; use spaces"
    if "another document" in problem:
        return (
            'a second document begins here; a study file holds one, so drop this "---" and the rest'
        )
    return f"not YAML: {problem}"


def place_of(node: yaml.Node) -> str:
    return _place(node.start_mark.name, node.start_mark.line + 1, node.start_mark.column + 1)


def _place(name: str, line: int, column: int) -> str:
    return name if name.startswith(OVERRIDE) else f"{name}:{line}:{column}"


def plain(node: yaml.Node, faults: Faults, path: Path = ()) -> Any:
    """The document as dicts, lists and scalars; what cannot be read becomes None and a fault."""
    if isinstance(node, yaml.SequenceNode):
        return [plain(item, faults, (*path, i)) for i, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, faults, path)
    try:
        return _scalar(node)
    except ValueError as error:
        faults.add(path, f"{error}, got {_written(node)}", node)
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
            result[key.value] = plain(value, faults, (*path, key.value))
    return result


def _scalar(node: yaml.Node) -> Any:
    """Raises ValueError, with the rule that is broken."""
    text: str = node.value
    match node.tag.rpartition(":")[2]:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            number = (
                int(text, 0) if text[:2] in ("0o", "0x") else int(text) if len(text) < 40 else 2**99
            )
            if not -(2**63) <= number < 2**63:
                raise ValueError("a whole number must fit in 64 bits")
            return number
        case "float":
            value = float(text.replace(".", "", 1) if text[-1].isalpha() else text)
            if not math.isfinite(value):
                raise ValueError("a number must be finite")
            return value
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("text must be whole Unicode characters, not surrogates")
    return text


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
