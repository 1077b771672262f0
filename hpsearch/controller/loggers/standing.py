"""What a trial's folder holds at a moment, read on cheaply while the trial reports."""

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from hpsearch.trial import Folder, Outcome, Report, Spec


@dataclass(frozen=True)
class Artifact:
    """A file below artifacts/; another time or size means other contents."""

    path: Path
    name: str  # relative to artifacts/, with "/"
    changed_ns: int
    size: int


@dataclass(frozen=True)
class Standing:
    """A trial as a logger sees it.

    Attributes:
        spec: what the trial was asked to do.
        folder: the trial's.
        reports: those of reports.jsonl.
        artifacts: by name.
        outcome: None while the trial has not ended.
        written: when the last report was, in seconds since the epoch; the start without one.
    """

    spec: Spec
    folder: Folder
    reports: tuple[Report, ...]
    artifacts: tuple[Artifact, ...]
    outcome: Outcome | None
    written: float

    def times(self) -> list[float]:
        """When each report was made, in seconds since the epoch.

        A report knows only its seconds within an attempt, so they are counted back from the last;
        where the seconds fall, another attempt began.
        """
        times: list[float] = []
        time, later = self.written, None
        for report in reversed(self.reports):
            if later is not None:
                time -= max(0.0, later - report.seconds)
            later = report.seconds
            times.append(time)
        return times[::-1]

    @property
    def started(self) -> float:
        return self.times()[0] - self.reports[0].seconds if self.reports else self.written

    @property
    def ended(self) -> float:
        """When the outcome was written; now and for ever the last report's time if that is lost."""
        with contextlib.suppress(FileNotFoundError):
            return self.folder.result.stat().st_mtime
        return self.written


class StandingReader:
    """Reads one trial's folder again and again."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._status: tuple[int, int, int] | None = None
        self._seen = b""  # whole lines of reports.jsonl
        self._reports: list[Report] = []
        self._written = 0.0

    def read(self, spec: Spec, outcome: Outcome | None) -> Standing:
        self._read_reports()
        return Standing(
            spec,
            self._folder,
            tuple(self._reports),
            tuple(self._artifacts()),
            outcome,
            self._written,
        )

    def _read_reports(self) -> None:
        """Parse only what is new, unless the file has been rewound."""
        try:
            with self._folder.reports.open("rb") as file:
                status = os.fstat(file.fileno())
                signature = (status.st_ino, status.st_size, status.st_mtime_ns)
                if signature == self._status:
                    return
                text = file.read()
        except FileNotFoundError:
            self._seen, self._reports, self._status = b"", [], None
            with contextlib.suppress(FileNotFoundError):
                self._written = self._folder.spec.stat().st_mtime
            return
        if not text.startswith(self._seen):
            self._seen, self._reports = b"", []
        end = len(self._seen)
        for line in text[end:].split(b"\n")[:-1]:
            try:
                self._reports.append(Report(**json.loads(line)))
            except (ValueError, TypeError):
                break  # torn by a power cut; the next attempt mends it
            end += len(line) + 1
        self._seen = text[:end]
        self._status, self._written = signature, status.st_mtime

    def _artifacts(self) -> list[Artifact]:
        found = []
        for path in sorted(self._folder.artifacts.rglob("*")):
            if path.name.startswith("."):
                continue  # half written
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                if path.is_file():
                    name = path.relative_to(self._folder.artifacts).as_posix()
                    found.append(Artifact(path, name, status.st_mtime_ns, status.st_size))
        return found
