"""A run folder: where everything of one study lies, who may write it, what it is frozen to."""

import contextlib
import fcntl
import json
import os
import shutil
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from hpsearch import files
from hpsearch.errors import ChangedError, LockedError, RunFolderError
from hpsearch.storage import trainer_copy as kept
from hpsearch.study import Study, TrainerDescription, freeze_study, study_differences
from hpsearch.trial import Folder

_LOCK_PATIENCE_S = 1.0  # a reader that looks whether the lock is held holds it for an instant
# A finished trial's place in the table rests on these; with others it means something else.
_NEVER_ACCEPTED = ("study", "objective", "budget", "search.seed", "search.trials", "search.rounds")

StopLevel = Literal["drain", "now"]


@dataclass(frozen=True)
class RunFolder:
    """The folder of one study; each of its files is named here and nowhere else."""

    path: Path

    @property
    def study(self) -> Path:
        return self.path / "study.yaml"

    @property
    def database(self) -> Path:
        return self.path / "study.db"

    @property
    def trainer(self) -> Path:
        return self.path / "trainer"

    @property
    def accepted(self) -> Path:
        return self.path / "accepted-changes.txt"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def stop_request(self) -> Path:
        return self.path / "stop"

    @property
    def pause_request(self) -> Path:
        return self.path / "pause"

    @property
    def end_request(self) -> Path:
        """The number of the last round that may begin."""
        return self.path / "end"

    @property
    def rounds_request(self) -> Path:
        """Rounds in all."""
        return self.path / "rounds"

    @property
    def rounds_taken(self) -> Path:
        """As many of them as a controller has taken up."""
        return self.path / "rounds-taken"

    @property
    def cancel_requests(self) -> Path:
        """A file for each trial that shall end."""
        return self.path / "cancel"

    @property
    def rerun_requests(self) -> Path:
        """A file for each time a trial was asked for again, with its new number once it has one."""
        return self.path / "again"

    @property
    def started(self) -> Path:
        """How the last controller was started."""
        return self.path / "started.json"

    @property
    def controller_log(self) -> Path:
        """What controllers without a terminal have said."""
        return self.path / "controller.log"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def mlflow(self) -> Path:
        """What MLflow knows this folder by, and its database if there is no other."""
        return self.path / "mlflow"

    def trial(self, number: int) -> Folder:
        return Folder(self.path / "trials" / f"{number:05d}")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Be the one controller of this folder.

        The kernel drops the lock with the process, however that ends.

        Raises:
            LockedError: another process is.
            RunFolderError: the folder cannot be written.
        """
        with writable(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._take(descriptor)
            with writable(self.path):
                os.ftruncate(descriptor, 0)
                holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": _now()}
                os.pwrite(descriptor, json.dumps(holder).encode(), 0)
                self.forget_stops()
            yield
        finally:
            os.close(descriptor)

    def _take(self, descriptor: int) -> None:
        patience = time.monotonic() + _LOCK_PATIENCE_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() < patience:
                    time.sleep(0.02)
                    continue
                holder = self.holder() or {"pid": "unknown", "host": "unknown", "since": "unknown"}
                raise LockedError(
                    f"{self.path} is being searched by process {holder['pid']} on "
                    f"{holder['host']} since {holder['since']}; wait for it, or end it with "
                    f"`hpsearch stop {self.path}`"
                ) from None

    def holder(self) -> dict[str, Any] | None:
        """Process, host and start of the controller at work here; None when there is none."""
        try:
            with self.lock.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    file.seek(0)
                    holder: dict[str, Any] = json.loads(file.read() or b"{}")
                    return {"pid": "unknown", "host": "unknown", "since": "unknown"} | holder
        except (FileNotFoundError, ValueError):
            pass
        return None

    def request_stop(self, level: StopLevel) -> None:
        with writable(self.path):
            files.write_text(self.stop_request, level)

    def forget_stops(self) -> None:
        """Drop what was asked of a controller that is gone: to start one means to go on."""
        for path in (self.stop_request, self.pause_request):
            path.unlink(missing_ok=True)

    def stop_requested(self) -> StopLevel | None:
        try:
            return "now" if self.stop_request.read_text() == "now" else "drain"
        except FileNotFoundError:
            return None

    def settle(self, study: Study, description: TrainerDescription, *, accept: bool) -> None:
        """Freeze the study and its trainer here, or compare them with what is frozen.

        Raises:
            ChangedError: they differ in what the results rest on, with the difference.
        """
        with writable(self.path):
            if not self.study.exists():
                # The study comes last: a folder with one is complete.
                shutil.rmtree(self.trainer, ignore_errors=True)
                kept.copy_sources(description, self.trainer)
                files.write_text(self.study, freeze_study(study))
                return
            changed = study_differences(self.study.read_text(encoding="utf-8"), study)
            diff = kept.source_changes(description, self.trainer)
            if changed or diff:
                self._accept_or_refuse(study, changed, diff, accept=accept)
                kept.copy_sources(description, self.trainer)
            files.write_text(self.study, freeze_study(study))

    def _accept_or_refuse(
        self, study: Study, changed: list[str], diff: list[str], *, accept: bool
    ) -> None:
        final = [line for line in changed if line.startswith(_NEVER_ACCEPTED)]
        shown = "\n".join(f"  {line}" for line in changed + diff)
        elsewhere = f"`hpsearch run {study.path} --runs OTHER_FOLDER`"
        if final:
            raise ChangedError(
                f"{self.path} was started with another study:\n{shown}\n"
                f"Its trials cannot be used with this one. Undo the change, or start afresh with "
                f"{elsewhere}"
            )
        if not accept:
            what = "study" if changed else "trainer"
            raise ChangedError(
                f"{self.path} was started with another {what}:\n{shown}\n"
                f"Undo the change, start afresh with {elsewhere}, or go on with "
                f"--accept-changes (finished trials stay as they are)"
            )
        with self.accepted.open("a", encoding="utf-8") as file:
            file.write(f"{_now()}\n{shown}\n\n")


def _now() -> str:
    return datetime.now().isoformat(sep=" ", timespec="seconds")


@contextlib.contextmanager
def writable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise explain_os_error(path, error) from error


def explain_os_error(path: Path, error: OSError) -> RunFolderError:
    """What an operating system's error means for a run folder, and its cure."""
    where = error.filename or path
    return RunFolderError(
        f"{where}: {error.strerror}. What is finished in {path} is safe; free the disk, mend the "
        "permissions or choose another folder with --runs, then type the same command again"
    )
