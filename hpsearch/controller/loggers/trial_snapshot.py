"""What a trial's folder holds at a moment; only new reports are parsed."""

import contextlib
import math
import os
from dataclasses import dataclass
from pathlib import Path

from hpsearch import files
from hpsearch.trial import Folder, Outcome, Report, Spec


@dataclass(frozen=True)
class Artifact:
    """A file below artifacts/; another time or size means other contents."""

    path: Path
    name: str  # relative to artifacts/, with "/"
    changed_ns: int
    size: int


@dataclass(frozen=True)
class TrialSnapshot:
    """A trial as a logger sees it.

    Attributes:
        spec: the trial's.
        folder: the trial's.
        reports: those of reports.jsonl.
        artifacts: sorted by name.
        outcome: None while the trial has not ended.
        written: time of the last report, or of the start if there is none, in seconds since the
            epoch, as all times here.
    """

    spec: Spec
    folder: Folder
    reports: tuple[Report, ...]
    artifacts: tuple[Artifact, ...]
    outcome: Outcome | None
    written: float

    def starts_with(self, reports: tuple[Report, ...]) -> bool:
        return self.reports[: len(reports)] == reports

    def new_reports(self, logged: tuple[Report, ...]) -> list[tuple[float, Report]]:
        """Time and report of those after `logged`; of all if they do not start with `logged`."""
        first = len(logged) if self.starts_with(logged) else 0
        return list(zip(self.times(), self.reports, strict=True))[first:]

    def times(self) -> list[float]:
        """The time of each report.

        A report has only the seconds since its attempt began, so times are counted back from the
        last report; where the seconds fall, another attempt began.
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
        """When the outcome was written; if result.json is lost, the time of the last report."""
        with contextlib.suppress(FileNotFoundError):
            return self.folder.result.stat().st_mtime
        return self.written

    @property
    def is_complete(self) -> bool:
        return self.outcome is not None and self.outcome.state == "complete"


def values_of(report: Report) -> dict[str, float]:
    """The report's metrics; NaN for one that was not finite."""
    return {k: math.nan if value is None else value for k, value in report.metrics.items()}


class SnapshotReader:
    """Reads one trial's folder repeatedly."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._status: tuple[int, int, int] | None = None
        self._parsed = b""  # the start of reports.jsonl that is in `_reports`
        self._reports: list[Report] = []
        self._written = 0.0

    def read(self, spec: Spec, outcome: Outcome | None) -> TrialSnapshot:
        self._read_reports()
        reports, artifacts = tuple(self._reports), tuple(self._artifacts())
        return TrialSnapshot(spec, self._folder, reports, artifacts, outcome, self._written)

    def _read_reports(self) -> None:
        """Parse the lines after those that were parsed before; all if the file was rewound."""
        try:
            with self._folder.reports.open("rb") as file:
                status = os.fstat(file.fileno())
                signature = (status.st_ino, status.st_size, status.st_mtime_ns)
                if signature == self._status:
                    return
                text = file.read()
        except FileNotFoundError:
            self._parsed, self._reports, self._status = b"", [], None
            with contextlib.suppress(FileNotFoundError):
                self._written = self._folder.spec.stat().st_mtime
            return
        if not text.startswith(self._parsed):
            self._parsed, self._reports = b"", []
        records, size = files.parse_json_lines(text[len(self._parsed) :])
        self._reports += [Report(**record) for record in records]
        self._parsed = text[: len(self._parsed) + size]
        self._status, self._written = signature, status.st_mtime

    def _artifacts(self) -> list[Artifact]:
        artifacts = []
        for path in sorted(self._folder.artifacts.rglob("*")):
            if path.name.startswith("."):
                continue  # half written
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                if path.is_file():
                    name = path.relative_to(self._folder.artifacts).as_posix()
                    artifacts.append(Artifact(path, name, status.st_mtime_ns, status.st_size))
        return artifacts
