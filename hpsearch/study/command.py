"""A trainer that is a command line with {placeholders}: a script in any language."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Placeholders besides the hyperparameters; the worker fills them in.
BUILTIN_PLACEHOLDERS = ("seed", "budget", "device", "checkpoint", "trial")

_TOKEN = re.compile(r"\{\{|\}\}|\{(?P<name>[^\W\d]\w*)\}|[{}]")


@dataclass(frozen=True)
class Command:
    argv: tuple[str, ...]
    folder: Path  # of the study file, absolute; the working directory of the command


def find_placeholders(argument: str) -> Iterator[str]:
    """The names in braces in an argument, in order.

    Raises:
        ValueError: a brace is neither doubled nor part of a {name}.
    """
    for token in _TOKEN.finditer(argument):
        if token["name"]:
            yield token["name"]
        elif len(token[0]) == 1:
            raise ValueError(f'a lone "{token[0]}"; write a literal brace twice')


def render_command(command: Command, values: Mapping[str, Any]) -> list[str]:
    """The arguments with `values` filled in: text as it is, other values as JSON.

    A placeholder without a value belongs to an inactive parameter. Its argument is left out (it
    holds nothing else: the study was checked for that), and so is a flag right before it, which is
    a literal argument that starts with "-".
    """
    rendered: list[str] = []
    for i, argument in enumerate(command.argv):
        if all(name in values for name in find_placeholders(argument)):
            rendered.append(_TOKEN.sub(lambda token: _fill(token, values), argument))
        elif i > 0 and _is_flag(command.argv[i - 1]):
            rendered.pop()
    return rendered


def _is_flag(argument: str) -> bool:
    return argument.startswith("-") and not any(find_placeholders(argument))


def _fill(token: re.Match[str], values: Mapping[str, Any]) -> str:
    if not token["name"]:
        return token[0][0]  # {{ or }}
    value = values[token["name"]]
    return str(value) if isinstance(value, str | Path) else json.dumps(value)
