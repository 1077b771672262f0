"""The run folders that a dashboard shows, each with a view that is read when it is asked for."""

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from hpsearch.errors import HpsearchError
from hpsearch.storage import RunFolder, Snapshot, View

# Whoever asks sooner gets the last snapshot: many requests must not slow a search on this machine.
_FRESH_S = 0.25


class UnknownStudyError(HpsearchError):
    """There is no such run folder; look at the list of studies."""


@dataclass
class _Place:
    """A run folder on the shelf."""

    view: View
    lock: threading.Lock = field(default_factory=threading.Lock)
    read_at: float = 0.0
    snapshot: Snapshot | None = None


class Registry:
    """Run folders by name.

    Args:
        runs: a folder of run folders, or one run folder.
    """

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        self._places: dict[str, _Place] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """The run folders that there are at the moment."""
        if _is_run_folder(self.runs):
            return [self.runs.absolute().name]
        try:
            return sorted(path.name for path in self.runs.iterdir() if _is_run_folder(path))
        except FileNotFoundError:
            return []

    def path(self, name: str) -> Path:
        """Raises UnknownStudyError if no run folder of this name is here."""
        if name not in self.names():
            raise UnknownStudyError(f"{name}: no such run folder in {self.runs}")
        return self.runs if _is_run_folder(self.runs) else self.runs / name

    def snapshot(self, name: str) -> Snapshot:
        """The study as it stands, a quarter of a second old at most.

        Raises:
            UnknownStudyError: there is no such run folder.
            RunFolderError: it has not begun, or cannot be read.
        """
        place = self._place(name)
        with place.lock:
            now = time.monotonic()
            if place.snapshot is None or now - place.read_at > _FRESH_S:
                place.snapshot = None
                place.snapshot = place.view.read()
                place.read_at = time.monotonic()
            return place.snapshot

    def close(self) -> None:
        for place in self._places.values():
            with place.lock:
                place.view.close()

    def _place(self, name: str) -> _Place:
        path = self.path(name)
        with self._lock:
            if name not in self._places:
                self._places[name] = _Place(View(path))
            return self._places[name]


def _is_run_folder(path: Path) -> bool:
    folder = RunFolder(path)
    return folder.study.is_file() or folder.database.is_file()
