"""A thread for each logger, which follows the folders of running trials and logs what is new.

The search passes its events to the threads and waits for them only at its end, for a bounded time.
A failure is reported once and retried, less and less often.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hpsearch.controller.loggers import Logger, connect
from hpsearch.controller.loggers.trial_snapshot import SnapshotReader, TrialSnapshot
from hpsearch.events import Event, LoggerFailed, TrialEnded, TrialFound, TrialStarted
from hpsearch.storage import RunFolder
from hpsearch.study import Study
from hpsearch.trial import Outcome, Spec

Watch = Callable[[Event], None]

_PERIOD_S = 1.0  # between two looks at the running trials
_RETRY_S = (1.0, 60.0)  # the first wait after a failure, and the longest; it doubles in between
# At the end of the search:
_PATIENCE_S = 20.0  # within which some request or write must succeed
_LONGEST_S = 120.0  # for all of them
_INTERRUPTED_S = 5.0  # for all of them if the search was stopped
_LAST_S = 2.0  # for the request in progress when the time is up


@contextlib.contextmanager
def following(study: Study, folder: RunFolder, watch: Watch) -> Iterator[Watch]:
    """A function that passes events to `watch` and to the study's loggers.

    `watch` also gets the failures of loggers, and is always called in the thread of the search.
    """
    followers = [Follower(logger, folder) for logger in connect(study, folder)]

    def pass_on_failures() -> None:
        for follower in followers:
            while follower.failures:
                watch(follower.failures.pop(0))

    def tell(event: Event) -> None:
        watch(event)
        for follower in followers:
            follower.tell(event)
        pass_on_failures()

    longest = _LONGEST_S
    for follower in followers:
        follower.start()
    try:
        yield tell
    except BaseException:
        longest = _INTERRUPTED_S
        raise
    finally:
        for follower in followers:
            follower.tell(None)
        for follower in followers:
            follower.wait(longest)
        pass_on_failures()


@dataclass
class _Followed:
    spec: Spec
    reader: SnapshotReader
    outcome: Outcome | None = None
    logged: TrialSnapshot | None = None
    wait_s: float = 0.0
    due: float = 0.0  # not retried before


class _TimeIsUp(Exception):
    """The search has ended and waits no longer; the next session logs the rest."""


class Follower(threading.Thread):
    """Keeps one logger up to date.

    Attributes:
        failures: events for the user, oldest first.
    """

    def __init__(self, logger: Logger, folder: RunFolder) -> None:
        super().__init__(name=f"hpsearch {logger.name}", daemon=True)
        self._logger = logger
        self._folder = folder
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._trials: dict[int, _Followed] = {}
        self._missing: set[int] = set()  # ended trials whose outcome is not logged
        self._abandoned = False
        self._done = 0  # requests, writes and trials
        self._has_failed = False
        self.failures: list[LoggerFailed] = []

    def tell(self, event: Event | None) -> None:
        """Queue an event; None ends the thread once everything is logged."""
        if isinstance(event, TrialFound | TrialEnded):
            self._missing.add(event.spec.number)
        self._events.put(event)

    def wait(self, longest_s: float) -> None:
        """Wait for the thread's end while it makes progress; then report what is missing."""
        began = progress = time.monotonic()
        done = self._done
        while self.is_alive():
            now = time.monotonic()
            if self._done != done:
                done, progress = self._done, now
            if now - progress > _PATIENCE_S or now - began > longest_s:
                break
            self.join(0.05)
        self._abandoned = True
        self.join(_LAST_S)
        if count := len(self._missing):
            are, them = ("is", "it") if count == 1 else ("are", "them")
            self._report(
                f"{count} of the finished trials {are} not logged; once the cause is removed, the "
                f"same command logs {them}"
            )

    def run(self) -> None:
        look = time.monotonic() + _PERIOD_S
        while not self._abandoned:
            if (now := time.monotonic()) >= look:
                self._log_all(now)
                look = time.monotonic() + _PERIOD_S
            try:
                event = self._events.get(timeout=max(0.0, look - now))
            except queue.Empty:
                continue
            if event is None:
                break
            if isinstance(event, TrialStarted | TrialFound | TrialEnded):
                self._take(event)
        self._log_all(None)
        with contextlib.suppress(Exception):
            self._logger.close()

    def _take(self, event: TrialStarted | TrialFound | TrialEnded) -> None:
        number = event.spec.number
        if number not in self._trials:
            reader = SnapshotReader(self._folder.trial(number))
            self._trials[number] = _Followed(event.spec, reader)
        trial = self._trials[number]
        trial.spec = event.spec
        trial.outcome = None if isinstance(event, TrialStarted) else event.outcome
        # At once, so that the logger sees the start of each attempt apart from the end before it.
        self._log(trial, time.monotonic())

    def _log_all(self, now: float | None) -> None:
        for trial in list(self._trials.values()):
            self._log(trial, now)

    def _log(self, trial: _Followed, now: float | None) -> None:
        """Log what is new of a trial, unless its retry is due after `now`; None is the last try."""
        if self._abandoned or (now is not None and now < trial.due):
            return
        number = trial.spec.number
        try:
            snapshot = trial.reader.read(trial.spec, trial.outcome)
            if snapshot != trial.logged:
                self._logger.log(snapshot, self._step)
                trial.logged = snapshot
        except _TimeIsUp:
            return
        except Exception as error:
            trial.wait_s = min(max(_RETRY_S[0], 2 * trial.wait_s), _RETRY_S[1])
            trial.due = time.monotonic() + trial.wait_s
            self._report_first(number, error)
            return
        self._done += 1
        trial.wait_s = 0.0
        if trial.outcome is not None:
            del self._trials[number]
            self._missing.discard(number)

    def _step(self) -> None:
        if self._abandoned:
            raise _TimeIsUp
        self._done += 1

    def _report_first(self, number: int, error: Exception) -> None:
        if not self._has_failed:
            self._has_failed = True
            self._report(
                f"trial {number} cannot be logged ({_describe(error)}); the search continues, and "
                "what is missing is retried"
            )

    def _report(self, message: str) -> None:
        self.failures.append(LoggerFailed(self._logger.name, message))


def _describe(error: BaseException) -> str:
    """The error and its root cause, in one line."""
    cause = error
    while (earlier := cause.__cause__ or cause.__context__) is not None:
        cause = earlier
    lines = [" ".join(f"{type(e).__name__}: {e}".split())[:200] for e in (error, cause)]
    return lines[0] if cause is error else f"{lines[0]} ... {lines[1]}"
