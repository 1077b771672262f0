"""One trial, as its page and the hover over its cell are told it."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from hpsearch import files
from hpsearch.space import Choice, Logint, Loguniform
from hpsearch.storage import RunningTrial, Snapshot, mean_step_seconds, state_of, value_of
from hpsearch.trial import Folder, Trial
from hpsearch.ui.dashboard.api import Record, brief
from hpsearch.ui.formatting import plain

_LOG_BYTES = 1 << 16  # in one answer
_STEP = re.compile(r"^(?P<series>.*?)[-_.]?(?P<step>\d+)(?P<kind>\.[A-Za-z0-9]+)$")


def trial(snapshot: Snapshot, number: int) -> Record:
    """Everything about a trial but its curves and its log."""
    found = snapshot.trial(number)
    spec, outcome = found.spec, found.outcome
    folder = snapshot.folder(number)
    live = next((r for r in snapshot.running if r.number == number), None)
    return {
        **summary(snapshot, found),
        "message": outcome.message if outcome else "",
        "note": folder.read_note(),
        "objective": snapshot.result.metric,
        "metrics": {k: brief(v) for k, v in _metrics(found, live).items()},
        "steps": outcome.steps if outcome else live.step if live else 0,
        "seconds": outcome.seconds if outcome else None,
        "step_seconds": brief(mean_step_seconds(snapshot.reports(number)), 3),
        "started": found.started.isoformat(" ", "seconds") if found.started else None,
        "ended": found.ended.isoformat(" ", "seconds") if found.ended else None,
        "children": [
            {"number": t.spec.number, "role": t.spec.role, "value": brief(value_of(t))}
            for t in snapshot.result.records
            if t.spec.parent == number
        ],
        "beside": _beside(snapshot, found),
        "artifacts": artifacts(folder),
        "spec": _read_json(folder.spec) or asdict(spec),
        "result": _read_json(folder.result),
        "folder": str(folder.path),
        "command": f"hpsearch replay {shlex.quote(str(snapshot.result.folder))} {number}",
    }


def summary(snapshot: Snapshot, found: Trial) -> Record:
    """What the hover over a cell shows: what it is, its ancestors, its parameters beside theirs."""
    spec = found.spec
    ancestry = snapshot.lineage(spec.number)
    return {
        "number": spec.number,
        "round": spec.round,
        "index": spec.index,
        "role": spec.role,
        "state": state_of(found),
        "running": any(r.number == spec.number for r in snapshot.running),
        "value": brief(value_of(found)),
        "reason": found.outcome.reason if found.outcome else None,
        "budget": spec.budget,
        "seed": spec.seed,
        "parent": ancestry.parent,
        "weights_of": spec.weights_of,
        "donors": sorted(set(ancestry.donors.values())),
        "params": _params(snapshot, found),
    }


def _params(snapshot: Snapshot, found: Trial) -> list[Record]:
    """Each active parameter beside the parent's and the donor's value, in the study's order."""
    ancestry = snapshot.lineage(found.spec.number)
    theirs = {} if ancestry.parent is None else snapshot.trial(ancestry.parent).spec.params
    values = found.spec.params
    order = [*(name for name in snapshot.space.names if name in values)]
    order += [name for name in values if name not in order]  # of an accepted, former space
    domains = {parameter.name: parameter.domain for parameter in snapshot.space}
    records = []
    for name in order:
        domain = domains.get(name)
        records.append(
            {
                "name": name,
                "value": values[name],
                "parent": theirs.get(name),
                "inherited": name in theirs,
                "changed": bool(theirs) and (name not in theirs or theirs[name] != values[name]),
                "donor": ancestry.donors.get(name),
                "log": isinstance(domain, Loguniform | Logint),
                "choice": isinstance(domain, Choice),
            }
        )
    return records


def _metrics(found: Trial, live: RunningTrial | None) -> Mapping[str, float | None]:
    """Of its last report; the objective comes first on the page, wherever the trainer has it."""
    if found.outcome is not None:
        return found.outcome.metrics
    return live.metrics if live else {}


def _beside(snapshot: Snapshot, found: Trial) -> Record:
    """The trials before and after it: in its round, or among the confirmations and repeats."""
    if found in snapshot.searched:
        group = [t.spec.number for t in snapshot.members(found.spec.round)]
    else:
        group = [t.spec.number for t in snapshot.result.records if t.spec.role == found.spec.role]
    place = group.index(found.spec.number)
    before, after = group[:place], group[place + 1 :]
    return {"previous": before[-1] if before else None, "next": after[0] if after else None}


def artifacts(folder: Folder) -> list[Record]:
    """The files that a trial has kept; those that differ in a number alone are one series."""
    try:
        names = sorted(path.name for path in folder.artifacts.iterdir() if is_plain(path))
    except FileNotFoundError:
        return []
    found = []
    for name in names:
        match = _STEP.match(name)
        found.append(
            {
                "name": name,
                "series": (match["series"] + match["kind"]) if match else name,
                "step": int(match["step"]) if match else None,
            }
        )
    return sorted(found, key=lambda a: (a["series"], a["step"] is None, a["step"] or 0))


def is_plain(path: Path) -> bool:
    """A file of the trial's own: no link out of its folder, nothing half-written."""
    return path.is_file() and not path.is_symlink() and not path.name.startswith(".")


def log(folder: Folder, start: int | None, *, grows: bool) -> Record:
    """The log from a byte on; its last part if that is None.

    Returns:
        text, without escape codes; from, next: the bytes that it comes from; size: of the log.
    """
    try:
        size = folder.log.stat().st_size
        with folder.log.open("rb") as file:
            if start is None:
                begin, data = _part_before(file, size)
            else:
                begin = min(max(0, start), size)
                file.seek(begin)
                data = file.read(_LOG_BYTES)
    except FileNotFoundError:
        return {"text": "", "from": 0, "next": 0, "size": 0}
    # Up to a line's end while more is to come, so that no escape code and no letter is cut in two.
    if grows or begin + len(data) < size:
        data = data[: data.rfind(b"\n") + 1] or (data if len(data) == _LOG_BYTES else b"")
    return {
        "text": plain(data.decode(errors="replace")),
        "from": begin,
        "next": begin + len(data),
        "size": size,
    }


def log_before(folder: Folder, until: int) -> Record:
    """The part of a log that ends at a byte, as `log` tells of it."""
    try:
        size = folder.log.stat().st_size
        with folder.log.open("rb") as file:
            begin, data = _part_before(file, min(until, size))
    except FileNotFoundError:
        return {"text": "", "from": 0, "next": 0, "size": 0}
    return {
        "text": plain(data.decode(errors="replace")),
        "from": begin,
        "next": begin + len(data),
        "size": size,
    }


def _part_before(file: BinaryIO, until: int) -> tuple[int, bytes]:
    """The lines before a byte, as many as one answer takes, and where they begin."""
    begin = max(0, until - _LOG_BYTES)
    file.seek(begin)
    data = file.read(until - begin)
    if begin > 0 and 0 <= (end := data.find(b"\n")) < len(data) - 1:
        begin, data = begin + end + 1, data[end + 1 :]
    return begin, data


def _part(data: bytes, begin: int, size: int) -> Record:
    text = plain(data.decode(errors="replace"))
    return {"text": text, "from": begin, "next": begin + len(data), "size": size}


def _read_json(path: Path) -> Any:
    try:
        return files.read_json(path)
    except (OSError, ValueError):
        return None
