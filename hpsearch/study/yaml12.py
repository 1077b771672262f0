"""YAML 1.2 with its core schema; a study file is one document of it.

PyYAML reads YAML 1.1, in which `1e-4` is text, `no` is False and the last of two equal keys wins.
Aliases and tags are refused, so that every value stands where it is read.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

import yaml

from hpsearch.errors import Fault

OVERRIDE = "--set "  # begins the location of nodes that an override added
_DEEPEST = 30  # levels of nesting; a study needs five

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

    def serialize_node(self, node: yaml.Node, parent: yaml.Node | None, index: Any) -> None:
        # PyYAML would write an empty null as `!!null ''` where it cannot stay empty.
        if node.tag == "tag:yaml.org,2002:null" and not node.value:
            node = yaml.ScalarNode(node.tag, "null")
            self.anchors[node] = None
        super().serialize_node(node, parent, index)


def _refusal(event: Any, message: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=message, problem_mark=event.start_mark, note="ours")


def compose(text: str, name: str) -> yaml.Node | Fault | None:
    """The tree of the only document in `text`; None if it is empty.

    The location of a fault begins with `name`, of the file or an override.
    """
    try:
        loader = _Loader(text)
        loader.name = name
        return loader.get_single_node()
    except yaml.reader.ReaderError as error:
        message = f"holds the unprintable character U+{error.character:04X}; delete it"
        return Fault(location_after(name, text[: error.position]), "", message)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        location = format_location(name, mark.line, mark.column) if mark else name
        return Fault(location, "", _explain(error))
    except (ValueError, OverflowError):  # PyYAML on an escape such as "\UFFFFFFFF"
        mark = loader.get_mark()
        message = "not YAML: an escape names no character; correct it or quote it with '...'"
        return Fault(format_location(name, mark.line, mark.column), "", message)


def _explain(error: yaml.MarkedYAMLError) -> str:
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


def format_location(name: str, line: int, column: int) -> str:
    """`file:line:column`, which count from 0 here and from 1 in the text; or an override alone."""
    return name if name.startswith(OVERRIDE) else f"{name}:{line + 1}:{column + 1}"


def location_after(name: str, text: str) -> str:
    """The location of the character that follows `text`, the beginning of a file."""
    return format_location(name, text.count("\n"), len(text) - text.rfind("\n") - 1)


def convert_scalar(node: yaml.Node) -> Any:
    """The value of a scalar node, by its tag.

    Raises:
        ValueError: JSON cannot hold the value; the message is the rule that it breaks.
    """
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


def serialize(root: yaml.Node) -> str:
    """The document as YAML, in its author's words and styles."""
    text: str = yaml.serialize(root, Dumper=_Dumper, allow_unicode=True, width=100)
    return text


def format_params(params: Mapping[str, Any]) -> str:
    """Hyperparameters as YAML, in their order."""
    text: str = yaml.safe_dump(dict(params), sort_keys=False)
    return text
