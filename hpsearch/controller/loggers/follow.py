"""A thread for each logger, which follows the running trials' folders and logs what is new.

The search tells it of its events and never waits for it, but for a bounded time at the end. What
goes wrong is said once and tried again, less and less often.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hpsearch.controller.loggers import Logger, connect
from hpsearch.controller.loggers.standing import Standing, StandingReader
from hpsearch.events import Event, LoggerFailed, TrialEnded, TrialFound, TrialStarted
from hpsearch.storage import RunFolder
from hpsearch.study import Study
from hpsearch.trial import Outcome, Spec

Watch = Callable[[Event], None]

_PERIOD_S = 1.0  # how often running trials are looked at
_RETRY_S = (1.0, 60.0)  # from the first wait after a failure, doubled, to the longest
_PATIENCE_S = 20.0  # at the end, for the next thing to succeed
_LONGEST_S = 120.0  # at the end, for all
_INTERRUPTED_S = 5.0  # for all, when the search was stopped
_LAST_S = 2.0  # for the request under way, once the time is up


@contextlib.contextmanager
def following(study: Study, folder: RunFolder, watch: Watch) -> Iterator[Watch]:
    """What tells both `watch` and the study's loggers of a search's events.

    `watch` is told of failures of loggers too, always in the thread that calls it.
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
    reader: StandingReader
    outcome: Outcome | None = None
    logged: Standing | None = None
    wait_s: float = 0.0
    due: float = 0.0  # not to be tried before


class _TimeIsUp(Exception):
    """The search has ended and will not wait any longer; the next session logs the rest."""


class Follower(threading.Thread):
    """Keeps one logger up to date.

    Attributes:
        failures: for the user, oldest first.
    """

    def __init__(self, logger: Logger, folder: RunFolder) -> None:
        super().__init__(name=f"hpsearch {logger.name}", daemon=True)
        self._logger = logger
        self._folder = folder
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._trials: dict[int, _Followed] = {}
        self._ended: set[int] = set()  # trials with an outcome that is not logged
        self._abandoned = False
        self._done = 0
        self._has_failed = False
        self.failures: list[LoggerFailed] = []

    def tell(self, event: Event | None) -> None:
        """Take an event; None ends the thread as soon as it has logged what there is."""
        if isinstance(event, TrialFound | TrialEnded):
            self._ended.add(event.spec.number)
        self._events.put(event)

    def wait(self, longest_s: float) -> None:
        """Wait for the thread's end, while it gets on; then leave it, and say what is missing."""
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
        if count := len(self._ended):
            are, them = ("is", "it") if count == 1 else ("are", "them")
            self._fail(
                f"{count} of the finished trials {are} not logged; once the cause is mended, the "
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
            self._take(event)
        self._log_all(None)
        with contextlib.suppress(Exception):
            self._logger.close()

    def _take(self, event: Event) -> None:
        if not isinstance(event, TrialStarted | TrialFound | TrialEnded):
            return
        number = event.spec.number
        trial = self._trials.get(number)
        if trial is None:
            reader = StandingReader(self._folder.trial(number))
            trial = self._trials[number] = _Followed(event.spec, reader)
        trial.spec = event.spec
        trial.outcome = None if isinstance(event, TrialStarted) else event.outcome
        # At once, so that a logger sees every start, and an end right after it as another thing.
        self._log(trial, time.monotonic())

    def _log_all(self, now: float | None) -> None:
        for trial in list(self._trials.values()):
            self._log(trial, now)

    def _log(self, trial: _Followed, now: float | None) -> None:
        """Log what is new of a trial, unless it failed just before `now`; None is a last try."""
        if self._abandoned or (now is not None and now < trial.due):
            return
        number = trial.spec.number
        try:
            standing = trial.reader.read(trial.spec, trial.outcome)
            if standing != trial.logged:
                self._logger.log(standing, self._step)
                trial.logged = standing
        except _TimeIsUp:
            return
        except Exception as error:
            trial.wait_s = min(max(_RETRY_S[0], 2 * trial.wait_s), _RETRY_S[1])
            trial.due = time.monotonic() + trial.wait_s
            self._say(number, error)
            return
        self._done += 1
        trial.wait_s = 0.0
        if trial.outcome is not None:
            del self._trials[number]
            self._ended.discard(number)

    def _step(self) -> None:
        if self._abandoned:
            raise _TimeIsUp
        self._done += 1

    def _say(self, number: int, error: Exception) -> None:
        """Tell the user, once; the end says what is missing."""
        if not self._has_failed:
            self._has_failed = True
            self._fail(
                f"trial {number} cannot be logged ({_said(error)}); the search goes on, and what "
                "is missing is tried again"
            )

    def _fail(self, message: str) -> None:
        self.failures.append(LoggerFailed(self._logger.name, message))


def _said(error: BaseException) -> str:
    """In one line: what failed, and what lies at the bottom of it."""
    bottom = error
    while (below := bottom.__cause__ or bottom.__context__) is not None:
        bottom = below
    lines = [" ".join(f"{type(e).__name__}: {e}".split())[:200] for e in (error, bottom)]
    return lines[0] if bottom is error else f"{lines[0]} ... {lines[1]}"
