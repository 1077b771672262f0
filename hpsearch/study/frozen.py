"""The frozen study in a run folder, and what makes another study of it."""

import json
from dataclasses import asdict
from typing import Any

from hpsearch.space import Choice
from hpsearch.study.load import thaw_study
from hpsearch.study.schema import Study
from hpsearch.study.source_map import Path, dotted
from hpsearch.study.yaml12 import OVERRIDE

# These change when and where the trials run, never their numbers.
_FREE = {
    ("resources", "parallel"),
    ("resources", "device"),
    ("resources", "trials_per_gpu"),
    ("resources", "trials_per_group"),
    ("limits", "search_seconds"),
    ("limits", "retries"),
}

_FROM = "frozen from "


def study_origin(frozen: str) -> str:
    """Where the study of a frozen text was read from, as its user gave the path."""
    return frozen.partition("\n")[0].removeprefix(f"# {_FROM}")


def freeze_study(study: Study) -> str:
    """The effective document in its author's words; it loads back to the same document."""
    lines = [
        f"{_FROM}{study.path}",
        *(f"{OVERRIDE}{override}" for override in study.overrides),
    ]
    header = [line if line.isprintable() else ascii(line)[1:-1] for line in lines]
    return "".join(f"# {line}\n" for line in header) + study.marks.text()


def study_differences(old_text: str, study: Study) -> list[str]:
    """What makes `study` another one than the frozen text; empty if it may go on with it.

    More rounds, other devices, other wording and another order of keys make no difference. The
    order of the space's parameters does: it says which coordinate of a draw is whose.

    Raises:
        StudyError: the frozen text is no study.
    """
    old = thaw_study(old_text, "study.yaml")
    before, after = _contents(old), _contents(study)
    lines = []
    for path in [*before, *(path for path in after if path not in before)]:
        was, now = before.get(path), after.get(path)
        if was == now or path in _FREE or _follows(path, old, study):
            continue
        if path == ("search", "rounds"):
            if study.search.rounds < old.search.rounds:
                rounds = f"{old.search.rounds} -> {study.search.rounds}"
                lines.append(f"search.rounds: {rounds} (rounds can be added, not taken back)")
            continue
        narrow = _narrowed(path, old, study)
        shown = (_shown(old, narrow, was), _shown(study, narrow, now))
        lines.append(f"{dotted(narrow)}: {shown[0]} -> {shown[1]}")
    return lines + _reordered(old, study)


def _contents(study: Study) -> dict[Path, str]:
    """Everything that the study says or leaves to a default, as JSON, which tells 1 from 1.0."""
    document = study.document
    contents: dict[Path, Any] = {
        (key,): document[key]
        for key in ("study", "trainer", "command")
        if document.get(key) is not None
    }
    contents["objective",] = {study.objective.direction: study.objective.metric}
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


def _follows(path: Path, old: Study, new: Study) -> bool:
    """Whether another line says it: a default of steps, or the condition of a lost parameter."""
    if path == ("budget", "report_every"):
        return not (old.marks.has(path) or new.marks.has(path))
    return len(path) == 3 and not (old.marks.has(path[:2]) and new.marks.has(path[:2]))


def _narrowed(path: Path, old: Study, new: Study) -> Path:
    """`space.lr.loguniform` for `space.lr`, where both have that distribution."""
    if len(path) != 2 or path[0] != "space":
        return path
    kinds = {
        type(p.domain).__name__.lower() for s in (old, new) for p in s.space if p.name == path[1]
    }
    deeper = [(*path, kind) for kind in kinds]
    return next((p for p in deeper if old.marks.has(p) and new.marks.has(p)), path)


def _shown(study: Study, path: Path, default: str | None) -> str:
    if study.marks.has(path):
        return study.marks.shown(path)
    return "absent" if default in (None, "null", "[]") else default.strip('"')


def _reordered(old: Study, new: Study) -> list[str]:
    names = [
        tuple(n for n in a.space.names if n in b.space.names) for a, b in ((old, new), (new, old))
    ]
    if names[0] == names[1]:
        return []
    orders = " -> ".join(f"[{', '.join(order)}]" for order in names)
    return [f"space: {orders} (the order decides which draw is whose; restore it)"]
