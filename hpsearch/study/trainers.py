"""The sections `trainer` and `command`, of which a study has exactly one."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpsearch.study.command import GIVEN, Command, placeholders
from hpsearch.study.schema import Budget, FileTrainer, ModuleTrainer
from hpsearch.study.source_map import Faults, did_you_mean

_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_FORMS = "path/to/file.py:NAME (relative to this file) or package.module:NAME"


def read(
    raw: dict[str, Any], folder: Path, must_exist: bool, faults: Faults
) -> FileTrainer | ModuleTrainer | Command | None:
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
    path = ("trainer",)
    if not isinstance(raw, str):
        faults.got(path, f"must be {_FORMS}")
        return None
    where, colon, name = raw.rpartition(":")
    if not colon or name.endswith(".py") or not where:
        faults.got(path, f"must end with the trainer's name: {_FORMS}")
    elif not name.isidentifier():
        faults.got(path, f'"{name}" cannot be the name of a trainer: {_FORMS}')
    elif where.endswith(".py"):
        file = Path(os.path.abspath(folder / where))  # noqa: PTH100 - resolve() fails on odd links
        if not must_exist or os.path.isfile(file):  # noqa: PTH113 - Path.is_file() raises on long names
            return FileTrainer(file, name)
        faults.got(path, f"no such file beside the study file ({where} is relative to it)")
    elif _MODULE.fullmatch(where):
        return ModuleTrainer(where, name)
    else:
        faults.got(path, f"must be {_FORMS}")
    return None


def _command(raw: Any, folder: Path, faults: Faults) -> Command | None:
    path = ("command",)
    if not isinstance(raw, list) or not raw:
        faults.got(path, 'must be a list of arguments, as in [python, train.py, --lr, "{lr}"]')
        return None
    for i, argument in enumerate(raw):
        if not isinstance(argument, str):
            shown = faults.shown("command", i)
            faults.add(("command", i), f"must be text, in quotes: '{shown}'")
        elif "\0" in argument or not argument:
            faults.got(("command", i), "must be text that a program can be given")
        else:
            try:
                list(placeholders(argument))
            except ValueError as error:
                faults.got(("command", i), str(error))
    return None if faults.within("command") else Command(tuple(raw), folder)


def placeholders_fit(
    command: Command,
    space: Mapping[str, Any],
    fixed: Mapping[str, Any],
    budget: Budget | None,
    faults: Faults,
) -> None:
    """Every {name} has a value, and every parameter has its place in the command."""
    known = [*space, *fixed, *GIVEN]
    conditional = {
        name for name, entry in space.items() if isinstance(entry, dict) and "when" in entry
    }
    used = set()
    for i, argument in enumerate(command.argv):
        for name in placeholders(argument):
            used.add(name)
            if name not in known:
                near = did_you_mean(name, known)
                message = f"nothing is called {{{name}}} (has: {', '.join(known)}){near}"
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
            faults.add(("space", name), f"never reaches the command; {cure}")
    for section, given in (("space", space), ("fixed", fixed)):
        for name in given:
            if name in GIVEN:
                faults.add((section, name), f"{{{name}}} is what a command gets anyway; rename it")
