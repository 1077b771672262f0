"""A run folder, finished or at work, as everything that shows it sees it: read-only snapshots.

A `View` reads a folder again and again, and each time only what has changed. A `Snapshot` is one
state of it: trials and rounds from the database, what runs at the moment from the trials' folders.
"""

import fcntl
import secrets
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from hpsearch.errors import RunFolderError
from hpsearch.storage import requests
from hpsearch.storage.reader import Changes, StudyReader, not_begun
from hpsearch.storage.result import Result
from hpsearch.storage.round_record import SearchPlan
from hpsearch.storage.run_folder import RunFolder
from hpsearch.storage.snapshot import RunningTrial, Snapshot
from hpsearch.study import Study, thaw_study
from hpsearch.trial import Folder, Report, Trial

_REPORTS_KEPT = 512  # trials whose reports stay in memory


def read_snapshot(path: str | Path) -> Snapshot:
    """The study in a run folder, as it stands.

    Raises:
        RunFolderError: there is none, or it cannot be read.
    """
    view = View(path)
    try:
        return view.read()
    finally:
        view.close()


class View:
    """A run folder, to be read again and again.

    Not to be read by two threads at once.

    Args:
        path: of the run folder.

    Raises:
        RunFolderError: there is none.
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
        self._epoch = secrets.token_hex(4)
        self._result: Result | None = None
        self._plan: SearchPlan | None = None
        self._last: Snapshot | None = None
        self._study: tuple[int, Study] | None = None
        self._database: object = None
        self._landed_reports = lru_cache(maxsize=_REPORTS_KEPT)(self._read_reports)

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def read(self) -> Snapshot:
        """The study as it stands; the same object again while nothing has changed.

        Raises:
            RunFolderError: it has not begun, or cannot be read.
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
        )
        return self._last

    def _update(self) -> None:
        """Take in what the database has that this view has not."""
        path = self.folder.database
        found = path.stat() if path.exists() else None
        database = None if found is None else (found.st_dev, found.st_ino)
        if self._reader is None or database != self._database:
            # Another file of this name is another study: somebody began it anew.
            self.close()
            self._forget()
            self._reader = StudyReader(path)
            self._database = database
        changes = self._reader.read()
        if changes is not None:
            self._take(changes, self._reader)
        if self._plan is None:
            raise RunFolderError(not_begun(path))

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
        found = (self._running_trial(self._trials[n]) for n in sorted(self._unfinished))
        return tuple(trial for trial in found if trial is not None)

    def _running_trial(self, trial: Trial) -> RunningTrial | None:
        folder = self.folder.trial(trial.spec.number)
        if not _is_at_work(folder):
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
        landed = number in self._trials and self._trials[number].outcome is not None
        return self._landed_reports(number) if landed else self._read_reports(number)

    def _read_reports(self, number: int) -> tuple[Report, ...]:
        return tuple(self.folder.trial(number).read_reports())


def _is_at_work(folder: Folder) -> bool:
    """Whether a process trains the trial: its guard holds the log's lock."""
    try:
        with folder.log.open("rb") as log:
            fcntl.flock(log, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return not folder.result.exists()
    except OSError:
        pass
    return False
