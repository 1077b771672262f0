"""The door: a file of YAML comes in, a frozen `Study` or every fault of it goes out."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import yaml

from hpsearch.errors import Fault, StudyError
from hpsearch.study import loggers, sections, spaces, trainers
from hpsearch.study import overrides as overriding
from hpsearch.study.command import Command
from hpsearch.study.renamed_keys import rename_old_keys
from hpsearch.study.schema import Budget, Confirm, Limits, Resources, Search, Study
from hpsearch.study.source_map import Faults, Marks, did_you_mean, plain
from hpsearch.study.yaml12 import compose

SECTIONS = (
    "study", "trainer", "command", "objective", "search", "budget", "confirm", "limits",
    "resources", "fuse", "loggers", "fixed", "start", "space",
)  # fmt: skip
_REQUIRED = {
    "study": "name the study, as in study: digits-gan",
    "objective": "write objective: {minimize: METRIC} or {maximize: METRIC}",
    "budget": "say how many steps a trial trains for, as in budget: {steps: 1000}",
    "space": "write the parameters to search, as in space: {lr: {loguniform: [1e-5, 1e-2]}}",
}
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


def load_study(path: Path | str, overrides: Sequence[str] = ()) -> Study:
    """A study file with `--set` overrides such as "search.rounds=2".

    An override with a distribution (`space.lr.uniform=[0,1]`) replaces the former one.

    Raises:
        StudyError: holds all faults at once, in the file's order, the overrides' last.
    """
    return _read(_text(Path(path)), Path(path), tuple(overrides), is_frozen=False)


def thaw_study(text: str, path: Path | str) -> Study:
    """A study from its frozen text; a trainer's file need not be beside a run folder.

    Args:
        text: as `freeze` wrote it.
        path: begins the places of faults.
    """
    return _read(text, Path(path), (), is_frozen=True)


def _text(path: Path) -> str:
    data = b""
    try:
        data = path.read_bytes()
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        message = "no such file; check the path"
    except IsADirectoryError:
        message = "is a folder; give the study file in it"
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        place = f"{path}:{line}:{column}"
        message = f"is not UTF-8 text (byte 0x{data[error.start]:02x}); save it as UTF-8"
        raise StudyError([Fault(place, "", message)]) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        message = f"cannot be read ({reason}); check the path"
    raise StudyError([Fault(str(path), "", message)])


def _read(text: str, path: Path, overrides: tuple[str, ...], is_frozen: bool) -> Study:
    root = compose(text, str(path))
    if isinstance(root, Fault):
        raise StudyError([root])
    if not isinstance(root, yaml.MappingNode):
        state = "is empty" if root is None else "is not a mapping"
        raise StudyError(
            [Fault(f"{path}:1:1", "", f'{state}; a study file begins with "study: NAME"')]
        )
    if is_frozen:
        rename_old_keys(root)
    faults = Faults()
    overriding.apply(root, overrides, faults)
    faults.marks = Marks(root)
    document = plain(root, faults)
    return _checked(document, path, overrides, is_frozen, faults)


def _checked(
    raw: dict[str, Any], path: Path, overrides: tuple[str, ...], is_frozen: bool, faults: Faults
) -> Study:
    _head(raw, faults)
    search = sections.read(Search, raw.get("search", {}), ("search",), faults)
    budget = sections.read(Budget, raw["budget"], ("budget",), faults) if "budget" in raw else None
    confirm = sections.read(Confirm, raw.get("confirm", {}), ("confirm",), faults)
    limits = sections.read(Limits, raw.get("limits", {}), ("limits",), faults)
    resources = sections.read(Resources, raw.get("resources", {}), ("resources",), faults)
    fuse = sections.fuse(raw.get("fuse", "auto"), faults)
    logs = loggers.read(raw.get("loggers", []), faults)
    objective = sections.objective(raw["objective"], faults) if "objective" in raw else None
    sections.relations(search, budget, raw.get("start"), faults)
    fixed = spaces.fixed(raw.get("fixed", {}), faults)
    domains = spaces.domains(raw["space"], fixed, faults) if "space" in raw else {}
    space = spaces.read(raw.get("space"), domains, faults)
    start = spaces.starts(raw.get("start", []), domains, space, faults)
    trainer = trainers.read(raw, path.absolute().parent, not is_frozen, faults)
    if isinstance(trainer, Command) and domains:
        trainers.placeholders_fit(trainer, raw["space"], fixed, budget, faults)
    if faults.found:
        raise StudyError(faults.sorted())
    assert search and budget and confirm and limits and resources and objective
    assert space and trainer and faults.marks
    return Study(
        name=raw["study"],
        trainer=trainer,
        objective=objective,
        search=search,
        budget=budget,
        confirm=confirm,
        limits=limits,
        resources=resources,
        fuse=fuse,
        loggers=logs,
        fixed=fixed,
        start=start,
        space=space,
        document=raw,
        path=path,
        overrides=overrides,
        marks=faults.marks,
    )


def _head(raw: dict[str, Any], faults: Faults) -> None:
    for key in raw:
        if key not in SECTIONS:
            near = did_you_mean(key, SECTIONS)
            faults.add((key,), f"unknown section (has: {', '.join(SECTIONS)}){near}")
    for key, cure in _REQUIRED.items():
        if key not in raw:
            faults.add((key,), f"missing; {cure}")
    name = raw.get("study", "")
    if not isinstance(name, str):
        faults.add(("study",), f"must be text, in quotes: '{faults.shown('study')}'")
    elif "study" in raw and not _NAME.fullmatch(name):
        rule = "must be up to 100 letters, digits, - _ . and begin with a letter, digit or _"
        faults.got(("study",), f"{rule} (it names a folder)")


def unknown_parameters(study: Study, known: Collection[str], trainer_name: str) -> list[Fault]:
    """Parameters of the space, or fixed, that the trainer does not have."""
    has = list(known) if isinstance(known, Sequence) else sorted(known)
    return [
        Fault(
            study.marks.place((section, name)),
            f"{section}.{name}",
            f"unknown to trainer {trainer_name} (has: {', '.join(has)}){did_you_mean(name, has)}",
        )
        for section, names in (("space", study.space.names), ("fixed", study.fixed))
        for name in names
        if name not in has
    ]
