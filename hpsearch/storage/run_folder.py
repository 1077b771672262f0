"""A run folder: the files of one study, the lock of its controller, and its frozen study file."""

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
from hpsearch.storage import trainer_copy
from hpsearch.study import Study, TrainerDescription, freeze_study, study_differences
from hpsearch.trial import Folder

_LOCK_PATIENCE_S = 1.0  # a reader that tests the lock holds it for an instant
# Finished trials cannot be used in a study in which one of these differs.
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
        """Request: the number of the last round that may begin."""
        return self.path / "end"

    @property
    def rounds_request(self) -> Path:
        """Request: the number of rounds in all."""
        return self.path / "rounds"

    @property
    def rounds_accepted(self) -> Path:
        """The last `rounds_request` that a controller has accepted."""
        return self.path / "rounds-taken"

    @property
    def cancel_requests(self) -> Path:
        """A file for each trial to end."""
        return self.path / "cancel"

    @property
    def rerun_requests(self) -> Path:
        """A file for each requested rerun, which holds its trial number once it has one."""
        return self.path / "again"

    @property
    def started(self) -> Path:
        """The launch record of the last controller."""
        return self.path / "started.json"

    @property
    def controller_log(self) -> Path:
        """Output of the controllers that had no terminal."""
        return self.path / "controller.log"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def mlflow(self) -> Path:
        """The id of this folder in MLflow, and MLflow's database if the study names no server."""
        return self.path / "mlflow"

    def trial(self, number: int) -> Folder:
        return Folder(self.path / "trials" / f"{number:05d}")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the folder's one controller; the kernel releases it with the process.

        Raises:
            LockedError: another process holds it.
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
                self.clear_stop_requests()
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
        """Process, host and start of the running controller; None when there is none."""
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

    def clear_stop_requests(self) -> None:
        """Remove stop and pause requests, which were meant for an earlier controller."""
        for path in (self.stop_request, self.pause_request):
            path.unlink(missing_ok=True)

    def stop_requested(self) -> StopLevel | None:
        try:
            return "now" if self.stop_request.read_text() == "now" else "drain"
        except FileNotFoundError:
            return None

    def freeze(self, study: Study, description: TrainerDescription, *, accept: bool) -> None:
        """Write the study and its trainer into the folder, or compare them with those it holds.

        Raises:
            ChangedError: they differ in something that affects results; shows the difference.
        """
        with writable(self.path):
            if not self.study.exists():
                # The study is written last: a folder that has one is complete.
                shutil.rmtree(self.trainer, ignore_errors=True)
                trainer_copy.copy_sources(description, self.trainer)
                files.write_text(self.study, freeze_study(study))
                return
            changed = study_differences(self.study.read_text(encoding="utf-8"), study)
            diff = trainer_copy.source_changes(description, self.trainer)
            if changed or diff:
                self._accept_or_refuse(study, changed, diff, accept=accept)
                trainer_copy.copy_sources(description, self.trainer)
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
    """The user's error for an operating system's error in a run folder, with its cure."""
    where = error.filename or path
    return RunFolderError(
        f"{where}: {error.strerror}. Finished trials in {path} are safe; free space, correct the "
        "permissions or choose another folder with --runs, then type the same command again"
    )
