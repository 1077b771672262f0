"""Read-only snapshots of a run folder, for everything that shows a search.

A `View` reads a folder repeatedly, and each time only the changes. A `Snapshot` is one state of the
folder: trials and rounds come from the database, running trials from the trials' folders.
"""

import fcntl
import secrets
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from hpsearch.errors import RunFolderError
from hpsearch.storage import requests
from hpsearch.storage.reader import Changes, StudyReader, not_started
from hpsearch.storage.result import Result
from hpsearch.storage.round_record import SearchPlan
from hpsearch.storage.run_folder import RunFolder
from hpsearch.storage.snapshot import RunningTrial, Snapshot
from hpsearch.study import Study, thaw_study
from hpsearch.trial import Folder, Report, Trial

_REPORTS_CACHED = 512  # trials whose reports stay in memory


def read_snapshot(path: str | Path) -> Snapshot:
    """The current state of the study in a run folder.

    Raises:
        RunFolderError: there is no study, or it cannot be read.
    """
    view = View(path)
    try:
        return view.read()
    finally:
        view.close()


class View:
    """Reads one run folder repeatedly; not thread-safe.

    Raises:
        RunFolderError: the folder does not exist.
    """

    def __init__(self, path: str | Path) -> None:
        self.folder = RunFolder(Path(path))
        if not self.folder.path.is_dir():
            raise RunFolderError(f"{path}: no such run folder; `hpsearch run STUDY` makes one")
        self._reader: StudyReader | None = None
        self._forget()

    def _forget(self) -> None:
        self._trials: dict[int, Trial] = {}
        self._stamps: dict[int, int] = {}
        self._unfinished: set[int] = set()
        self._version = 0
        self._changed = False  # since the last snapshot
        self._foreign = 0
        self._epoch = secrets.token_hex(4)
        self._result: Result | None = None
        self._plan: SearchPlan | None = None
        self._last: Snapshot | None = None
        self._study: tuple[int, Study] | None = None
        self._database: object = None
        self._ended_reports = lru_cache(maxsize=_REPORTS_CACHED)(self._read_reports)

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def read(self) -> Snapshot:
        """The current state; the same object while nothing has changed.

        Raises:
            RunFolderError: the search has not begun, or cannot be read.
        """
        self._update()
        study = self._frozen()
        holder = self.folder.holder()
        pending = requests.pending_requests(self.folder)
        running = self._running() if holder else ()
        last = self._last
        if last is not None and not self._changed:
            before = (last.study, last.holder, last.pending, last.running)
            if (study, holder, pending, running) == before:
                return last
        assert self._result is not None and self._plan is not None
        self._version += 1
        self._changed = False
        self._last = Snapshot(
            result=self._result,
            plan=self._plan,
            study=study,
            holder=holder,
            pending=pending,
            running=running,
            version=self._version,
            epoch=self._epoch,
            stamps=dict(self._stamps),
            read_reports=self._reports,
            foreign=self._foreign,
        )
        return self._last

    def _update(self) -> None:
        """Read the changes from the database."""
        path = self.folder.database
        status = path.stat() if path.exists() else None
        database = None if status is None else (status.st_dev, status.st_ino)
        if self._reader is None or database != self._database:
            # The file was replaced: somebody has started the study afresh.
            self.close()
            self._forget()
            self._reader = StudyReader(path)
            self._database = database
        changes = self._reader.read()
        if changes is not None:
            self._take(changes, self._reader)
        if self._plan is None:
            raise RunFolderError(not_started(path))

    def _take(self, changes: Changes, reader: StudyReader) -> None:
        for trial in changes.trials:
            number = trial.spec.number
            self._trials[number] = trial
            self._stamps[number] = self._version + 1
            if trial.outcome is None:
                self._unfinished.add(number)
            else:
                self._unfinished.discard(number)
        self._changed = True
        self._foreign = changes.foreign
        self._plan = changes.plan
        self._result = Result(
            name=reader.name,
            folder=self.folder.path,
            metric=reader.metric,
            direction=reader.direction,
            records=tuple(self._trials[number] for number in sorted(self._trials)),
            rounds=changes.rounds,
        )

    def _frozen(self) -> Study:
        path = self.folder.study
        try:
            changed = path.stat().st_mtime_ns
            if self._study is None or self._study[0] != changed:
                self._study = changed, thaw_study(path.read_text(encoding="utf-8"), path)
        except OSError as error:
            raise RunFolderError(
                f"{path}: {error.strerror}; every run folder has one: restore it, or start the "
                "study afresh in another folder with --runs"
            ) from error
        return self._study[1]

    def _running(self) -> tuple[RunningTrial, ...]:
        trials = (self._running_trial(self._trials[n]) for n in sorted(self._unfinished))
        return tuple(trial for trial in trials if trial is not None)

    def _running_trial(self, trial: Trial) -> RunningTrial | None:
        folder = self.folder.trial(trial.spec.number)
        if not _is_training(folder):
            return None
        try:
            spec, started = folder.read_spec(), folder.spec.stat().st_mtime
        except OSError:
            return None
        last = folder.last_report()
        return RunningTrial(
            number=trial.spec.number,
            step=last.step if last else 0,
            budget=trial.spec.budget,
            metrics=last.metrics if last else {},
            device=spec.device,
            started=datetime.fromtimestamp(started),
            group=spec.group,
        )

    def _reports(self, number: int) -> tuple[Report, ...]:
        ended = number in self._trials and self._trials[number].outcome is not None
        return self._ended_reports(number) if ended else self._read_reports(number)

    def _read_reports(self, number: int) -> tuple[Report, ...]:
        return tuple(self.folder.trial(number).read_reports())


def _is_training(folder: Folder) -> bool:
    """Whether a process trains the trial: its supervisor holds a lock on the log."""
    try:
        with folder.log.open("rb") as log:
            fcntl.flock(log, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return not folder.result.exists()
    except OSError:
        pass
    return False
