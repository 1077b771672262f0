"""Reads a study file into a frozen `Study`, or raises all of its faults at once."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import yaml

from hpsearch.errors import Fault, StudyError
from hpsearch.study import overrides as override_tree
from hpsearch.study import sections, spaces, trainers
from hpsearch.study.command import Command
from hpsearch.study.renamed_keys import RENAMED_HYPERPARAMETERS, rename_old_keys
from hpsearch.study.schema import Budget, Confirm, Fuse, Limits, Resources, Study
from hpsearch.study.source_map import Faults, SourceMap, describe_unknown, to_plain
from hpsearch.study.yaml12 import compose, location_after

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
_FUSE: Any = Fuse  # pydantic checks it; mypy has no type for a Literal as an argument
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


def load_study(path: Path | str, overrides: Sequence[str] = ()) -> Study:
    """Read a study file.

    Args:
        overrides: as for `--set`: "search.rounds=2". One with a distribution
            ("space.lr.uniform=[0,1]") replaces the parameter's distribution.

    Raises:
        StudyError: holds all faults, in the order of the file, the overrides' last.
    """
    return _parse(_read_text(Path(path)), Path(path), tuple(overrides), is_frozen=False)


def thaw_study(text: str, path: Path | str) -> Study:
    """Read a study from its frozen text; its trainer's file need not exist.

    Args:
        text: as `freeze_study` returned it, in this or an earlier version.

    Raises:
        StudyError: holds all faults.
    """
    return _parse(text, Path(path), (), is_frozen=True)


def _read_text(path: Path) -> str:
    data = b""
    location = str(path)
    try:
        data = path.read_bytes()
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        message = "no such file; check the path"
    except IsADirectoryError:
        message = "is a folder; give the study file in it"
    except UnicodeDecodeError as error:
        location = location_after(location, data[: error.start].decode("utf-8", "replace"))
        message = f"is not UTF-8 text (byte 0x{data[error.start]:02x}); save it as UTF-8"
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        message = f"cannot be read ({reason}); check the path"
    raise StudyError([Fault(location, "", message)])


def _parse(text: str, path: Path, overrides: tuple[str, ...], is_frozen: bool) -> Study:
    root = compose(text, str(path))
    if isinstance(root, Fault):
        raise StudyError([root])
    if not isinstance(root, yaml.MappingNode):
        state = "is empty" if root is None else "is not a mapping"
        message = f'{state}; a study file begins with "study: NAME"'
        raise StudyError([Fault(f"{path}:1:1", "", message)])
    if is_frozen:
        rename_old_keys(root)
    faults = Faults(SourceMap(root))
    override_tree.apply(root, overrides, faults)
    document = to_plain(root, faults)
    fields = _check(document, path.absolute().parent, not is_frozen, faults)
    if all_faults := list(faults):
        raise StudyError(all_faults)
    return Study(
        document=document,
        path=path,
        overrides=overrides,
        source_map=faults.source_map,
        **fields,
    )


def _check(raw: dict[str, Any], folder: Path, must_exist: bool, faults: Faults) -> dict[str, Any]:
    """The fields of the study that the document gives; the wrong ones are None."""
    _check_keys(raw, faults)
    search = sections.search(raw.get("search", {}), faults)
    budget = sections.read(Budget, raw["budget"], ("budget",), faults) if "budget" in raw else None
    sections.check_relations(search, budget, raw.get("start"), faults)
    fixed = spaces.read_fixed(raw.get("fixed", {}), faults)
    domains = spaces.read_domains(raw["space"], fixed, faults) if "space" in raw else {}
    space = spaces.read_space(raw.get("space"), domains, faults)
    trainer = trainers.read(raw, folder, must_exist, faults)
    if isinstance(trainer, Command) and domains:
        trainers.check_placeholders(trainer, raw["space"], fixed, budget, faults)
    return {
        "name": raw.get("study"),
        "trainer": trainer,
        "objective": sections.objective(raw["objective"], faults) if "objective" in raw else None,
        "search": search,
        "budget": budget,
        "confirm": sections.read(Confirm, raw.get("confirm", {}), ("confirm",), faults),
        "limits": sections.read(Limits, raw.get("limits", {}), ("limits",), faults),
        "resources": sections.read(Resources, raw.get("resources", {}), ("resources",), faults),
        "fuse": sections.read(_FUSE, raw.get("fuse", "auto"), ("fuse",), faults),
        "loggers": sections.loggers(raw.get("loggers", []), faults),
        "fixed": fixed,
        "start": spaces.read_starts(raw.get("start", []), domains, space, faults),
        "space": space,
    }


def _check_keys(raw: dict[str, Any], faults: Faults) -> None:
    """Add faults for unknown and missing sections and for a wrong name of the study."""
    for key in raw:
        if key not in SECTIONS:
            faults.add((key,), describe_unknown(key, SECTIONS, "unknown section"))
    for key, cure in _REQUIRED.items():
        if key not in raw:
            faults.add((key,), f"missing; {cure}")
    name = raw.get("study", "")
    if not isinstance(name, str):
        faults.add(("study",), f"must be text, in quotes: '{faults.shown(('study',))}'")
    elif "study" in raw and not _NAME.fullmatch(name):
        rule = "must be up to 100 letters, digits, - _ . and begin with a letter, digit or _"
        faults.got(("study",), f"{rule} (it names a folder)")


def unknown_parameters(study: Study, known: Collection[str], trainer_name: str) -> list[Fault]:
    """A fault for each parameter in `space` or `fixed` that is not `known` to the trainer."""
    names = list(known) if isinstance(known, Sequence) else sorted(known)
    message = f"unknown to trainer {trainer_name}"
    return [
        Fault(
            study.source_map.location((section, name)),
            f"{section}.{name}",
            describe_unknown(RENAMED_HYPERPARAMETERS.get(name, name), names, message),
        )
        for section, parameters in (("space", study.space.names), ("fixed", study.fixed))
        for name in parameters
        if name not in names
    ]
