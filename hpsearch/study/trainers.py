"""The sections `trainer` and `command`; a study has exactly one of them."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpsearch.study.command import BUILTIN_PLACEHOLDERS, Command, find_placeholders
from hpsearch.study.schema import Budget, FileTrainer, ModuleTrainer
from hpsearch.study.source_map import Faults, describe_unknown

_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_FORMS = "path/to/file.py:NAME (relative to this file) or package.module:NAME"


def read(
    raw: dict[str, Any], folder: Path, must_exist: bool, faults: Faults
) -> FileTrainer | ModuleTrainer | Command | None:
    """The trainer or command; None, and faults, if it is wrong or a needed file does not exist."""
    trainer, command = raw.get("trainer"), raw.get("command")
    if trainer is None and command is None:
        faults.add(("trainer",), f"missing; write trainer: {_FORMS}, or a command: [...]")
    elif trainer is not None and command is not None:
        faults.add(("command",), "there is a trainer as well; keep one of the two")
    elif trainer is not None:
        return _trainer(trainer, folder, must_exist, faults)
    else:
        return _command(command, folder, faults)
    return None


def _trainer(
    raw: Any, folder: Path, must_exist: bool, faults: Faults
) -> FileTrainer | ModuleTrainer | None:
    rule = f"must be {_FORMS}"
    if isinstance(raw, str):
        source, _, name = raw.rpartition(":")
        if not source or name.endswith(".py"):
            rule = f"must end with the trainer's name: {_FORMS}"
        elif not name.isidentifier():
            rule = f'"{name}" cannot be the name of a trainer: {_FORMS}'
        elif source.endswith(".py"):
            file = Path(os.path.abspath(folder / source))  # noqa: PTH100 - resolve() fails on odd links
            if not must_exist or os.path.isfile(file):  # noqa: PTH113 - Path.is_file() raises on long names
                return FileTrainer(file, name)
            rule = f"no such file beside the study file ({source} is relative to it)"
        elif _MODULE.fullmatch(source):
            return ModuleTrainer(source, name)
    faults.got(("trainer",), rule)
    return None


def _command(raw: Any, folder: Path, faults: Faults) -> Command | None:
    path = ("command",)
    if not isinstance(raw, list) or not raw:
        faults.got(path, 'must be a list of arguments, as in [python, train.py, --lr, "{lr}"]')
        return None
    for i, argument in enumerate(raw):
        if not isinstance(argument, str):
            faults.add((*path, i), f"must be text, in quotes: '{faults.shown((*path, i))}'")
        elif "\0" in argument or not argument:
            faults.got((*path, i), "must be text that can be an argument of a program")
        else:
            try:
                list(find_placeholders(argument))
            except ValueError as error:
                faults.got((*path, i), str(error))
    return None if faults.within(path) else Command(tuple(raw), folder)


def check_placeholders(
    command: Command,
    space: Mapping[str, Any],
    fixed: Mapping[str, Any],
    budget: Budget | None,
    faults: Faults,
) -> None:
    """Add faults unless every {name} has a value and every parameter is in the command."""
    known = [*space, *fixed, *BUILTIN_PLACEHOLDERS]
    conditional = {
        name for name, entry in space.items() if isinstance(entry, dict) and "when" in entry
    }
    used = set()
    for i, argument in enumerate(command.argv):
        for name in find_placeholders(argument):
            used.add(name)
            if name not in known:
                message = describe_unknown(name, known, f"nothing is called {{{name}}}")
                faults.add(("command", i), message)
            elif name in conditional and argument != f"{{{name}}}":
                message = (
                    f'{name} has a "when", so "{{{name}}}" must be an argument of its own: it is'
                    " left out while inactive, with the flag before it"
                )
                faults.got(("command", i), message)
    if budget is not None and budget.growth > 1 and "budget" not in used:
        faults.add(("command",), "budget.growth is above 1, so the command must take {budget}")
    for name in space:
        if name not in used:
            cure = f'add "{{{name}}}" to the command, or take {name} out of the space'
            faults.add(("space", name), f"not used by the command; {cure}")
    for section, names in (("space", space), ("fixed", fixed)):
        for name in names:
            if name in BUILTIN_PLACEHOLDERS:
                message = f"every command already has a {{{name}}} of its own; rename this one"
                faults.add((section, name), message)
