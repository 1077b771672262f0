"""One trial as JSON records: for its page, for the tooltip of its cell, and its log."""

import os
import re
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from hpsearch import files
from hpsearch.space import Choice, Logint, Loguniform
from hpsearch.storage import Snapshot, mean_step_seconds, value_of
from hpsearch.trial import Folder, Trial
from hpsearch.ui.dashboard.api import Record, trial_fields
from hpsearch.ui.figures.style import rounded
from hpsearch.ui.formatting import plain

_LOG_BYTES = 1 << 16  # in one answer
_STEP = re.compile(r"^(?P<series>.*?)[-_.]?(?P<step>\d+)(?P<kind>\.[A-Za-z0-9]+)$")


def trial(snapshot: Snapshot, number: int) -> Record:
    """The record of a trial's page, without curves and log."""
    record = snapshot.trial(number)
    outcome, folder = record.outcome, snapshot.folder(number)
    running = next((r for r in snapshot.running if r.number == number), None)
    latest = outcome or running
    return {
        **summary(snapshot, record),
        "message": outcome.message if outcome else "",
        "note": folder.read_note(),
        "objective": snapshot.result.metric,
        "metrics": {k: rounded(v) for k, v in latest.metrics.items()} if latest else {},
        "steps": outcome.steps if outcome else running.step if running else 0,
        "seconds": outcome.seconds if outcome else None,
        "step_seconds": rounded(mean_step_seconds(snapshot.reports(number)), 3),
        "started": record.started.isoformat(" ", "seconds") if record.started else None,
        "ended": record.ended.isoformat(" ", "seconds") if record.ended else None,
        "children": [
            {"number": t.spec.number, "role": t.spec.role, "value": rounded(value_of(t))}
            for t in snapshot.result.records
            if t.spec.parent == number
        ],
        "neighbors": _neighbors(snapshot, record),
        "artifacts": artifacts(folder),
        "spec": _read_json(folder.spec) or asdict(record.spec),
        "result": _read_json(folder.result),
        "folder": str(folder.path),
        "command": f"hpsearch replay {shlex.quote(str(snapshot.result.folder))} {number}",
    }


def summary(snapshot: Snapshot, record: Trial) -> Record:
    """The record of a trial's tooltip: the trial, its ancestors, their parameters."""
    spec = record.spec
    ancestry = snapshot.lineage(spec.number)
    return {
        **trial_fields(record),
        "running": any(r.number == spec.number for r in snapshot.running),
        "budget": spec.budget,
        "seed": spec.seed,
        "parent": ancestry.parent,
        "weights_of": spec.weights_of,
        "donors": sorted(set(ancestry.donors.values())),
        "params": _params(snapshot, record),
    }


def _params(snapshot: Snapshot, record: Trial) -> list[Record]:
    """The active parameters with the parent's values and their donors, in the study's order."""
    ancestry = snapshot.lineage(record.spec.number)
    parent = {} if ancestry.parent is None else snapshot.trial(ancestry.parent).spec.params
    values = record.spec.params
    domains = {parameter.name: parameter.domain for parameter in snapshot.space}
    # Parameters that only an earlier version of the study's space has come last.
    names = [name for name in {**domains, **values} if name in values]
    return [
        {
            "name": name,
            "value": values[name],
            "parent": parent.get(name),
            "inherited": name in parent,
            "changed": bool(parent) and (name not in parent or parent[name] != values[name]),
            "donor": ancestry.donors.get(name),
            "log": isinstance(domains.get(name), Loguniform | Logint),
            "choice": isinstance(domains.get(name), Choice),
        }
        for name in names
    ]


def _neighbors(snapshot: Snapshot, record: Trial) -> Record:
    """The previous and the next trial of its round, or among those of its role."""
    if record in snapshot.searched:
        group = snapshot.members(record.spec.round)
    else:
        group = tuple(t for t in snapshot.result.records if t.spec.role == record.spec.role)
    numbers = [None, *(t.spec.number for t in group), None]
    i = numbers.index(record.spec.number)
    return {"previous": numbers[i - 1], "next": numbers[i + 1]}


def artifacts(folder: Folder) -> list[Record]:
    """The trial's artifacts; files whose names differ only in a step number form a series."""
    try:
        names = sorted(path.name for path in folder.artifacts.iterdir() if is_regular(path))
    except FileNotFoundError:
        return []
    records = map(_artifact, names)
    return sorted(records, key=lambda a: (a["series"], a["step"] is None, a["step"] or 0))


def _artifact(name: str) -> Record:
    if (match := _STEP.match(name)) is None:
        return {"name": name, "series": name, "step": None}
    return {"name": name, "series": match["series"] + match["kind"], "step": int(match["step"])}


def is_regular(path: Path) -> bool:
    """Whether this is a file, not a link out of the folder, and completely written."""
    return path.is_file() and not path.is_symlink() and not path.name.startswith(".")


def log(
    folder: Folder, *, start: int | None = None, until: int | None = None, growing: bool = False
) -> Record:
    """A part of a log, at most 64 KiB: from `start`, else the last lines before `until`.

    Args:
        folder: the trial's.
        start: first byte.
        until: byte after the last; the log's end if None.
        growing: whether the trial is running; then an incomplete last line is left out.

    Returns:
        text, without escape codes; from, next: its first byte and the one after it; size: of the
        log, in bytes.
    """
    try:
        with folder.log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            if start is None:
                begin, data = _lines_before(file, size if until is None else min(until, size))
            else:
                begin = file.seek(min(max(0, start), size))
                data = file.read(_LOG_BYTES)
    except FileNotFoundError:
        return {"text": "", "from": 0, "next": 0, "size": 0}
    # Cut at a line's end, so that neither an escape code nor a character is split.
    if until is None and (growing or begin + len(data) < size):
        data = data[: data.rfind(b"\n") + 1] or (data if len(data) == _LOG_BYTES else b"")
    text = plain(data.decode(errors="replace"))
    return {"text": text, "from": begin, "next": begin + len(data), "size": size}


def _lines_before(file: BinaryIO, until: int) -> tuple[int, bytes]:
    """The first byte and the content of the last whole lines that fit into one answer."""
    begin = file.seek(max(0, until - _LOG_BYTES))
    data = file.read(until - begin)
    if begin > 0 and 0 <= (end := data.find(b"\n")) < len(data) - 1:
        begin, data = begin + end + 1, data[end + 1 :]
    return begin, data


def _read_json(path: Path) -> Any:
    try:
        return files.read_json(path)
    except (OSError, ValueError):
        return None
