"""Runs that were made, kept one a line, so that none is made twice.

A line is found by optimizer, regime, task and seed, and counts only while its `key` is that of the
present code, package and task. A torn last line, as a kill may leave, is ignored and made again.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import tasks

HERE = Path(__file__).parent
CACHE = HERE / "cache"
_PROBES = (0.07, 0.31, 0.77)  # where a task's function is looked at to know it again


@dataclass(frozen=True)
class Cell:
    """What is to be run."""

    regime: str
    optimizer: str  # a spec
    task: str
    seed: int


@dataclass(frozen=True)
class Record:
    """What came out.

    `truths` belong to the regime's points; where `missing` says why there are none, they are empty.
    """

    cell: Cell
    key: str
    package: str  # and its version
    truths: tuple[float, ...] = ()
    ask_s: float = 0.0  # CPU seconds of the whole run
    tell_s: float = 0.0
    missing: str = ""


def task_key(name: str) -> str:
    """Changes when the task's space or function does."""
    task = tasks.load(name)
    seen: list[str] = [repr(task.space)]
    for u in _PROBES:
        params = task.space.decode([(u + 0.137 * j) % 1 for j in range(len(task.space))])
        seen += [f"{task.truth(params):.9g}", f"{task.value(params, 1):.9g}"]
    return _digest("|".join(seen))


def key(identity: str, task: str) -> str:
    """Of a run: of its optimizer (`optimizers.identity`) and of its task (`task_key`)."""
    return _digest(f"{identity}|{task}")


class Cache:
    """The lines of one folder.

    Args:
        folder: made when the first line is written; a file per regime and optimizer.
    """

    def __init__(self, folder: Path = CACHE) -> None:
        self._folder = folder
        self._files: dict[Path, dict[tuple[str, int], Record]] = {}

    def path(self, regime: str, optimizer: str) -> Path:
        return self._folder / regime / f"{optimizer.replace('/', '_')}.jsonl"

    def get(self, cell: Cell, key: str) -> Record | None:
        """The latest run of the cell, if it was made with this key."""
        found = self.latest(cell)
        return found if found is not None and found.key == key else None

    def latest(self, cell: Cell) -> Record | None:
        """The latest run of the cell, whatever code and task it was made with."""
        return self._file(cell.regime, cell.optimizer).get((cell.task, cell.seed))

    def all(self, regime: str, optimizer: str) -> Iterable[Record]:
        """The latest run of every cell."""
        return self._file(regime, optimizer).values()

    def put(self, record: Record) -> None:
        cell = record.cell
        path = self.path(cell.regime, cell.optimizer)
        self._file(cell.regime, cell.optimizer)[cell.task, cell.seed] = record
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as file:
            end = file.seek(0, 2)
            if end and (file.seek(end - 1), file.read(1))[1] != b"\n":
                file.write(b"\n")
            # One write in append mode: two programs may fill one file.
            file.write(_line(record))

    def _file(self, regime: str, optimizer: str) -> dict[tuple[str, int], Record]:
        path = self.path(regime, optimizer)
        if path not in self._files:
            self._files[path] = {}
            for line in path.read_bytes().splitlines() if path.exists() else ():
                record = _record(regime, optimizer, line)
                if record is not None:
                    self._files[path][record.cell.task, record.cell.seed] = record
        return self._files[path]


def _line(record: Record) -> bytes:
    content: dict[str, Any] = {
        "t": record.cell.task, "s": record.cell.seed, "k": record.key, "v": record.package
    }  # fmt: skip
    if record.missing:
        content["m"] = record.missing[:120]
    else:
        content["r"] = [float(f"{truth:.6g}") for truth in record.truths]
        content["c"] = [round(record.ask_s, 4), round(record.tell_s, 4)]
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"


def _record(regime: str, optimizer: str, line: bytes) -> Record | None:
    try:
        content: Mapping[str, Any] = json.loads(line)
        cell = Cell(regime, optimizer, content["t"], content["s"])
        if "m" in content:
            return Record(cell, content["k"], content["v"], missing=content["m"])
        truths, (ask_s, tell_s) = tuple(content["r"]), content["c"]
        return Record(cell, content["k"], content["v"], truths, ask_s, tell_s)
    except (ValueError, KeyError, TypeError):
        return None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]
