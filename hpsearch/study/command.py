"""A trainer that is a command: an unmodified script, in any language, with {placeholders}."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# What a command may name beside its parameters; the worker gives the values.
GIVEN = ("seed", "budget", "device", "checkpoint", "trial")

_TOKEN = re.compile(r"\{\{|\}\}|\{(?P<name>[^\W\d]\w*)\}|[{}]")


@dataclass(frozen=True)
class Command:
    argv: tuple[str, ...]
    folder: Path  # the study file's, absolute: the command's working directory


def placeholders(argument: str) -> Iterator[str]:
    """The names in an argument, in order.

    Raises:
        ValueError: a brace is neither doubled nor part of a {name}.
    """
    for token in _TOKEN.finditer(argument):
        if token["name"]:
            yield token["name"]
        elif len(token[0]) == 1:
            raise ValueError(f'a lone "{token[0]}"; a brace that is meant is written twice')


def render_command(command: Command, values: Mapping[str, Any]) -> list[str]:
    """The arguments with `values` in place: text as it is, everything else as JSON.

    A name without a value is an inactive parameter. It stands alone in its argument (the study
    was checked for that), which is left out, and so is a flag right before it: a literal argument
    that starts with "-".
    """
    rendered: list[str] = []
    for i, argument in enumerate(command.argv):
        if all(name in values for name in placeholders(argument)):
            rendered.append(_TOKEN.sub(lambda token: _filled(token, values), argument))
        elif i > 0 and _is_flag(command.argv[i - 1]):
            rendered.pop()
    return rendered


def _is_flag(argument: str) -> bool:
    return argument.startswith("-") and not any(placeholders(argument))


def _filled(token: re.Match[str], values: Mapping[str, Any]) -> str:
    if not token["name"]:
        return token[0][0]  # {{ or }}
    value = values[token["name"]]
    return str(value) if isinstance(value, str | Path) else json.dumps(value)
