"""What people have asked of a search: small files that they write and its controller reads.

A request is not a message that is lost when the controller dies. It stands as a file until it has
come true, and doing it twice does what doing it once does; so a search that is killed around one
ends as it would have. Nobody but the controller acts on them.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from hpsearch import files
from hpsearch.errors import RunFolderError
from hpsearch.storage.run_folder import RunFolder, StopLevel, writable

_RERUN = re.compile(r"(\d+)-(\d+)")  # the trial, and how often it was asked for before


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
        """The last round that may begin; None for the study's."""
        return _number(self.folder.end_request)

    def end(self, round: int) -> None:
        self._write(self.folder.end_request, str(round))

    def withdraw_end(self) -> None:
        self._remove(self.folder.end_request)

    @property
    def rounds(self) -> int | None:
        """Rounds in all that were asked for, which the study may have by itself."""
        return _number(self.folder.rounds_request)

    @property
    def rounds_to_take_up(self) -> int | None:
        """The same, while no controller has heard of it."""
        asked, taken = self.rounds, _number(self.folder.rounds_taken)
        return asked if asked is not None and asked > (taken or 0) else None

    def ask_rounds(self, total: int) -> None:
        self._write(self.folder.rounds_request, str(total))

    def take_up_rounds(self, total: int) -> None:
        self._write(self.folder.rounds_taken, str(total))

    def cancelled(self) -> list[int]:
        """Trials that shall end as "killed", by number."""
        try:
            names = [path.name for path in self.folder.cancel_requests.iterdir()]
        except FileNotFoundError:
            return []
        return sorted(int(name) for name in names if name.isdecimal())

    def cancel(self, trial: int) -> None:
        self._write(self._cancel(trial), "")

    def drop_cancel(self, trial: int) -> None:
        """The trial has ended, in whatever way."""
        self._remove(self._cancel(trial))

    def _cancel(self, trial: int) -> Path:
        return self.folder.cancel_requests / f"{trial:05d}"

    def reruns(self) -> list[tuple[int, int]]:
        """Requested reruns that are not recorded yet: the trial, and how many reruns it had before."""
        try:
            paths = sorted(self.folder.rerun_requests.iterdir())
        except FileNotFoundError:
            return []
        named = [(path, match) for path in paths if (match := _RERUN.fullmatch(path.name))]
        return sorted((int(m[1]), int(m[2])) for path, m in named if path.stat().st_size == 0)

    def request_rerun(self, trial: int) -> int:
        """Request a rerun of a trial; returns how many were requested before.

        The file is never removed: two simultaneous requests are two reruns, and the count stays right.
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
    """What has been asked of a search and has not happened yet."""

    stop: StopLevel | None = None
    paused: bool = False
    end_after: int | None = None  # the last round that may begin; stands until it is withdrawn
    rounds: int | None = None  # in all
    reruns: tuple[int, ...] = ()  # trials
    cancel: tuple[int, ...] = ()  # trials

    def __bool__(self) -> bool:
        return self != PendingRequests()


def pending_requests(folder: RunFolder) -> PendingRequests:
    """What has been asked for and has not happened yet; looks at a handful of files."""
    wanted = Requests(folder)
    at_work = folder.holder() is not None
    return PendingRequests(
        stop=folder.stop_requested() if at_work else None,
        paused=at_work and wanted.paused,
        end_after=wanted.end_after,
        rounds=wanted.rounds_to_take_up,
        reruns=tuple(trial for trial, _repeat in wanted.reruns()),
        cancel=tuple(n for n in wanted.cancelled() if not folder.trial(n).result.exists()),
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
            f"{path}: must be a whole number, got {text[:40]!r}; mend it or delete the file"
        ) from None
