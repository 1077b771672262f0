"""The frozen study in a run folder, and its differences from a changed study file."""

import json
from dataclasses import asdict
from typing import Any

from hpsearch.space import Choice
from hpsearch.study.load import thaw_study
from hpsearch.study.schema import Study
from hpsearch.study.source_map import KeyPath, dotted
from hpsearch.study.yaml12 import OVERRIDE

# These change when and where trials run, never their results.
_WITHOUT_EFFECT = {
    ("resources", "parallel"),
    ("resources", "device"),
    ("resources", "trials_per_gpu"),
    ("resources", "trials_per_group"),
    ("limits", "search_seconds"),
    ("limits", "retries"),
}

_ORIGIN = "frozen from "


def study_origin(frozen: str) -> str:
    """The path that a frozen study was read from, as its user gave it."""
    return frozen.partition("\n")[0].removeprefix(f"# {_ORIGIN}")


def freeze_study(study: Study) -> str:
    """The study with its overrides as YAML, in its author's words.

    `thaw_study` reads it back to the same document.
    """
    lines = [
        f"{_ORIGIN}{study.path}",
        *(f"{OVERRIDE}{override}" for override in study.overrides),
    ]
    header = [line if line.isprintable() else ascii(line)[1:-1] for line in lines]
    return "".join(f"# {line}\n" for line in header) + study.source_map.text()


def study_differences(old_text: str, study: Study) -> list[str]:
    """One line for each difference that changes results; empty if the search may go on.

    More rounds, other devices, other wording and another order of keys change no result. The order
    of the parameters does: it assigns the coordinates of a draw to them.

    Raises:
        StudyError: the frozen text is no study.
    """
    old = thaw_study(old_text, "study.yaml")
    before, after = _contents(old), _contents(study)
    lines = []
    for path in [*before, *(path for path in after if path not in before)]:
        was, now = before.get(path), after.get(path)
        if was == now or path in _WITHOUT_EFFECT or _is_implied(path, old, study):
            continue
        if path == ("search", "rounds"):
            if study.search.rounds < old.search.rounds:
                rounds = f"{old.search.rounds} -> {study.search.rounds}"
                lines.append(f"search.rounds: {rounds} (rounds can be added, not removed)")
            continue
        deepest = _deepen(path, old, study)
        shown = f"{_shown(old, deepest, was)} -> {_shown(study, deepest, now)}"
        lines.append(f"{dotted(deepest)}: {shown}")
    return lines + _reordering(old, study)


def _contents(study: Study) -> dict[KeyPath, str]:
    """Every setting, written or default, as JSON, in which 1 and 1.0 differ."""
    document = study.document
    contents: dict[KeyPath, Any] = {
        (key,): document[key]
        for key in ("study", "trainer", "command")
        if document.get(key) is not None
    }
    contents["objective",] = {study.objective.direction.value: study.objective.metric}
    for section in ("search", "budget", "confirm", "limits", "resources"):
        for name, value in asdict(getattr(study, section)).items():
            contents[section, name] = value
    for name, value in study.fixed.items():
        contents["fixed", name] = value
    contents["fuse",] = study.fuse
    contents["start",] = study.start
    for parameter in study.space:
        domain = parameter.domain
        values = domain.options if isinstance(domain, Choice) else [domain.low, domain.high]
        contents["space", parameter.name] = [type(domain).__name__.lower(), values]
        contents["space", parameter.name, "within"] = getattr(domain, "within", None)
        conditions = {c.parent: c.values for c in parameter.when}
        contents["space", parameter.name, "when"] = conditions or None
    return {path: json.dumps(value, sort_keys=True) for path, value in contents.items()}


def _is_implied(path: KeyPath, old: Study, new: Study) -> bool:
    """Whether another line shows it: a default from `steps`, or a key of a removed parameter."""
    if path == ("budget", "report_every"):
        return not (old.source_map.has(path) or new.source_map.has(path))
    return len(path) == 3 and not (old.source_map.has(path[:2]) and new.source_map.has(path[:2]))


def _deepen(path: KeyPath, old: Study, new: Study) -> KeyPath:
    """`space.lr.loguniform` for `space.lr`, where both have that distribution."""
    if len(path) != 2 or path[0] != "space":
        return path
    kinds = {
        type(p.domain).__name__.lower() for s in (old, new) for p in s.space if p.name == path[1]
    }
    deeper = [(*path, kind) for kind in kinds]
    return next((p for p in deeper if old.source_map.has(p) and new.source_map.has(p)), path)


def _shown(study: Study, path: KeyPath, default: str | None) -> str:
    if study.source_map.has(path):
        return study.source_map.shown(path)
    return "absent" if default in (None, "null", "[]") else default.strip('"')


def _reordering(old: Study, new: Study) -> list[str]:
    names = [
        tuple(n for n in a.space.names if n in b.space.names) for a, b in ((old, new), (new, old))
    ]
    if names[0] == names[1]:
        return []
    orders = " -> ".join(f"[{', '.join(order)}]" for order in names)
    return [f"space: {orders} (the order assigns a draw's values to parameters; restore it)"]
