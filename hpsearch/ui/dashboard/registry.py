"""The run folders that a dashboard shows, with a cached snapshot of each."""

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from hpsearch.errors import HpsearchError
from hpsearch.storage import RunFolder, Snapshot, View

# A snapshot up to this age is reused: many requests must not slow a search on this machine.
_MAX_AGE_S = 0.25


class UnknownStudyError(HpsearchError):
    """There is no such run folder; retrying helps only once a search has created it."""


@dataclass
class _Entry:
    view: View
    lock: threading.Lock = field(default_factory=threading.Lock)
    read_at: float = 0.0
    snapshot: Snapshot | None = None


class Registry:
    """Run folders by name, in a folder of them; `runs` may also be one run folder."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        self._entries: dict[str, _Entry] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """The names of the run folders that exist now."""
        if _is_run_folder(self.runs):
            return [self.runs.absolute().name]
        try:
            return sorted(path.name for path in self.runs.iterdir() if _is_run_folder(path))
        except FileNotFoundError:
            return []

    def path(self, name: str) -> Path:
        """Raises UnknownStudyError if there is no run folder of this name."""
        if name not in self.names():
            raise UnknownStudyError(f"{name}: no such run folder in {self.runs}")
        return self.runs if _is_run_folder(self.runs) else self.runs / name

    def snapshot(self, name: str) -> Snapshot:
        """The study's state, at most 0.25 s old.

        Raises:
            UnknownStudyError: there is no such run folder.
            RunFolderError: the study has not started, or cannot be read.
        """
        path = self.path(name)
        with self._lock:
            if name not in self._entries:
                self._entries[name] = _Entry(View(path))
            entry = self._entries[name]
        with entry.lock:
            if entry.snapshot is None or time.monotonic() - entry.read_at > _MAX_AGE_S:
                entry.snapshot = None
                entry.snapshot = entry.view.read()
                entry.read_at = time.monotonic()
            return entry.snapshot

    def close(self) -> None:
        for entry in self._entries.values():
            with entry.lock:
                entry.view.close()


def _is_run_folder(path: Path) -> bool:
    folder = RunFolder(path)
    return folder.study.is_file() or folder.database.is_file()
