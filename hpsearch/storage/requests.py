"""Requests to a search: small files that people write and the controller reads.

A request stays on disk until it has been carried out, and carrying it out is idempotent, so a
search that is killed in between ends as an undisturbed one. Only the controller carries out
requests.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from hpsearch import files
from hpsearch.errors import RunFolderError
from hpsearch.storage.run_folder import RunFolder, StopLevel, writable

_RERUN = re.compile(r"(\d+)-(\d+)")  # the trial, and its number of earlier reruns


@dataclass(frozen=True)
class Requests:
    """The requests in a run folder."""

    folder: RunFolder

    @property
    def paused(self) -> bool:
        return self.folder.pause_request.exists()

    def pause(self) -> None:
        self._write(self.folder.pause_request, "")

    def lift_pause(self) -> None:
        self._remove(self.folder.pause_request)

    @property
    def end_after(self) -> int | None:
        """The last round that may begin; None for the last of the study."""
        return _number(self.folder.end_request)

    def end(self, round: int) -> None:
        self._write(self.folder.end_request, str(round))

    def withdraw_end(self) -> None:
        self._remove(self.folder.end_request)

    @property
    def rounds(self) -> int | None:
        """Requested number of rounds in all; None if rounds were never added."""
        return _number(self.folder.rounds_request)

    @property
    def rounds_to_accept(self) -> int | None:
        """The same, until a controller has accepted it."""
        requested, accepted = self.rounds, _number(self.folder.rounds_accepted)
        return requested if requested is not None and requested > (accepted or 0) else None

    def request_rounds(self, total: int) -> None:
        self._write(self.folder.rounds_request, str(total))

    def accept_rounds(self, total: int) -> None:
        self._write(self.folder.rounds_accepted, str(total))

    def cancelled(self) -> list[int]:
        """Numbers of the trials to end as "killed"."""
        try:
            names = [path.name for path in self.folder.cancel_requests.iterdir()]
        except FileNotFoundError:
            return []
        return sorted(int(name) for name in names if name.isdecimal())

    def cancel(self, trial: int) -> None:
        self._write(self._cancel(trial), "")

    def drop_cancel(self, trial: int) -> None:
        """Remove the request; the trial has ended."""
        self._remove(self._cancel(trial))

    def _cancel(self, trial: int) -> Path:
        return self.folder.cancel_requests / f"{trial:05d}"

    def reruns(self) -> list[tuple[int, int]]:
        """Requested reruns that are not recorded: the trial, and its number of earlier reruns."""
        try:
            paths = sorted(self.folder.rerun_requests.iterdir())
        except FileNotFoundError:
            return []
        open_requests = [path.name for path in paths if path.stat().st_size == 0]
        matches = filter(None, map(_RERUN.fullmatch, open_requests))
        return sorted((int(match[1]), int(match[2])) for match in matches)

    def request_rerun(self, trial: int) -> int:
        """Request a rerun of a trial; returns how many were requested before.

        The file is never removed, so that two simultaneous requests are two reruns.
        """
        with writable(self.folder.path):
            self.folder.rerun_requests.mkdir(exist_ok=True)
            repeat = 0
            while True:
                path = self._rerun(trial, repeat)
                try:
                    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
                except FileExistsError:
                    repeat += 1
                    continue
                files.sync_folder(path.parent)
                return repeat

    def record_rerun(self, trial: int, repeat: int, number: int) -> None:
        """Note that the rerun is recorded as trial `number`."""
        self._write(self._rerun(trial, repeat), str(number))

    def _rerun(self, trial: int, repeat: int) -> Path:
        return self.folder.rerun_requests / f"{trial:05d}-{repeat}"

    def _write(self, path: Path, text: str) -> None:
        with writable(self.folder.path):
            path.parent.mkdir(exist_ok=True)
            files.write_text(path, text)

    def _remove(self, path: Path) -> None:
        with writable(self.folder.path):
            path.unlink(missing_ok=True)


@dataclass(frozen=True)
class PendingRequests:
    """The requests to a search that have not been carried out."""

    stop: StopLevel | None = None
    paused: bool = False
    end_after: int | None = None  # the last round that may begin; stays until withdrawn
    rounds: int | None = None  # in all
    reruns: tuple[int, ...] = ()  # trials
    cancel: tuple[int, ...] = ()  # trials

    def __bool__(self) -> bool:
        return self != PendingRequests()


def pending_requests(folder: RunFolder) -> PendingRequests:
    """The requests that have not been carried out."""
    requests = Requests(folder)
    is_running = folder.holder() is not None
    return PendingRequests(
        stop=folder.stop_requested() if is_running else None,
        paused=is_running and requests.paused,
        end_after=requests.end_after,
        rounds=requests.rounds_to_accept,
        reruns=tuple(trial for trial, _repeat in requests.reruns()),
        cancel=tuple(n for n in requests.cancelled() if not folder.trial(n).result.exists()),
    )


def _number(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        return int(text)
    except ValueError:
        raise RunFolderError(
            f"{path}: must be a whole number, got {text[:40]!r}; correct it or delete the file"
        ) from None
