"""Trials on places: start what is waiting, collect what has ended, try again what was killed."""

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import Any

from hpsearch import files, guard
from hpsearch.errors import InterruptedSearch
from hpsearch.events import (
    Event,
    GoesOn,
    Paused,
    Stopping,
    TrialEnded,
    TrialRetried,
    TrialStarted,
)
from hpsearch.launchers import Launcher
from hpsearch.requests import Requests
from hpsearch.runfolder import RunFolder
from hpsearch.trial import STOPPED, Outcome, Spec
from hpsearch.worker import Job, failure

_POLL_S = 0.5  # how often requests are looked for while nothing ends


class Stop:
    """Requests to end the search: Ctrl-C, SIGTERM, or `hpsearch stop` from another terminal.

    The first Ctrl-C drains (running trials finish), the second ends them now; SIGTERM ends now.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._interrupts = 0
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "Stop":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._folder.forget_stops()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._interrupts += 2 if number == signal.SIGTERM else 1

    @property
    def level(self) -> str | None:
        """None, "drain" or "now"."""
        requested = self._folder.stop_requested()
        if self._interrupts >= 2 or requested == "now":
            return "now"
        return "drain" if self._interrupts or requested else None


Land = Callable[[Spec, Outcome], None]


@dataclass
class _Running:
    spec: Spec
    place: int


@dataclass
class _Work:
    """What is where while trials run."""

    waiting: deque[Spec]
    free: list[int]  # places
    running: dict[str, _Running] = field(default_factory=dict)  # by the launcher's handle
    tries: dict[int, int] = field(default_factory=dict)  # by trial


class Pool:
    """Runs trials on a fixed number of places.

    Args:
        launcher: starts the jobs.
        folder: of the study.
        devices: the device of each place.
        job: what every trial's job has in common; its folders and device are set here.
        attempts: how often a trial that was killed from outside is started in all.
        stop: requests to end the search.
        watch: is told of every event.
    """

    def __init__(
        self,
        launcher: Launcher,
        folder: RunFolder,
        *,
        devices: Sequence[str],
        job: Job,
        attempts: int,
        stop: Stop,
        watch: Callable[[Event], None],
    ) -> None:
        self._launcher = launcher
        self._folder = folder
        self._requests = Requests(folder)
        self._devices = devices
        self._job = job
        self._attempts = attempts
        self._stop = stop
        self._watch = watch
        self._said: str | None = None  # how far it is stopping
        self._paused = False

    def run(self, specs: Sequence[Spec], land: Land, more: Callable[[], Sequence[Spec]]) -> None:
        """Run the trials that have no outcome.

        Args:
            specs: the trials, in the order in which they start.
            land: is called once for each, as they end.
            more: gives further trials, or none; asked when a place is free that none waits for.

        Raises:
            InterruptedSearch: on request; trials that have not landed run again next time.
            OSError: the disk is full or read-only; likewise.
        """
        work = _Work(deque(specs), list(range(len(self._devices)))[::-1])
        while True:
            if work.free and not work.waiting:
                work.waiting.extend(more())
            if not (work.waiting or work.running):
                return
            held = self._heed(len(work.running))
            self._cancel(work, land)
            if not held:
                self._fill(work, land)
            if work.running:
                self._collect(work, land)
            elif held:
                time.sleep(_POLL_S)

    def wait_while_paused(self) -> None:
        """As `run` does, but with nothing in hand.

        Raises:
            InterruptedSearch: on request.
        """
        while self._requests.paused:
            self._heed(0)
            time.sleep(_POLL_S)

    def _heed(self, running: int) -> bool:
        """Whether no trial may start now; says so when that changes."""
        level = self._stop.level
        if level is not None and level != self._said:
            self._watch(Stopping(level, running))
        self._said = level
        if level == "now" or (level == "drain" and not running):
            raise InterruptedSearch(
                f"stopped; `hpsearch run` with the same arguments goes on with {self._folder.path}"
            )
        paused = self._requests.paused
        if paused != self._paused:
            self._watch(Paused(running) if paused else GoesOn())
            self._paused = paused
        return paused or level is not None

    def _cancel(self, work: _Work, land: Land) -> None:
        """End the trials that people no longer want; one that waits ends without having begun."""
        for number in self._requests.cancelled():
            handles = [h for h, r in work.running.items() if r.spec.number == number]
            waiting = [spec for spec in work.waiting if spec.number == number]
            for handle in handles:
                self._launcher.cancel(handle)
            for spec in waiting:
                work.waiting.remove(spec)
                self._end(spec, self._cancelled(spec), land)
            if not handles and not waiting and self._folder.trial(number).result.exists():
                self._requests.drop_cancel(number)  # an earlier session ended it

    def _cancelled(self, spec: Spec) -> Outcome:
        """The outcome of a trial that was cancelled, unless it was quicker."""
        folder = self._folder.trial(spec.number)
        if not folder.spec.exists():
            folder.write_spec(spec)
        # An attempt of an earlier session may still be dying, and must not write after us.
        os.close(guard.take_log(folder.log))
        if (outcome := folder.read_outcome()) is None:
            outcome = failure(folder, "killed", STOPPED)
            folder.write_outcome(outcome)
        return outcome

    def _fill(self, work: _Work, land: Land) -> None:
        """Start what is waiting on the free places; what has ended already only lands."""
        while work.waiting and work.free:
            spec = work.waiting.popleft()
            if (outcome := self._folder.trial(spec.number).read_outcome()) is not None:
                self._end(spec, outcome, land)
                continue
            place = work.free.pop()
            handle = self._start(replace(spec, device=self._devices[place]), place)
            work.running[handle] = _Running(spec, place)
            work.tries[spec.number] = work.tries.get(spec.number, 0) + 1

    def _collect(self, work: _Work, land: Land) -> None:
        """Wait for a trial's end, but not for long."""
        ended = [h for h, e in self._launcher.poll(list(work.running), _POLL_S).items() if e]
        for handle in ended:
            over = work.running.pop(handle)
            work.free.append(over.place)
            outcome = self._outcome(over.spec, work.tries[over.spec.number])
            if outcome is None:
                work.waiting.appendleft(over.spec)
            else:
                self._end(over.spec, outcome, land)

    def _start(self, spec: Spec, place: int) -> str:
        folder = self._folder.trial(spec.number)
        folder.write_spec(spec)
        # Absolute, because a command runs in another working directory.
        job = replace(self._job, folders=(folder.path.absolute(),), device=spec.device)
        [handle] = self._launcher.submit([job])
        self._watch(TrialStarted(spec, place))
        return handle

    def _outcome(self, spec: Spec, tries: int) -> Outcome | None:
        """What came of a job that is over; None when it was killed and shall run again."""
        folder = self._folder.trial(spec.number)
        outcome = folder.read_outcome()
        if outcome is not None:
            return outcome
        if spec.number in self._requests.cancelled():
            return self._cancelled(spec)
        fault = folder.read_obstacle() or files.disk_fault(None, folder.path)
        if fault is not None:
            raise fault
        if tries < self._attempts:
            self._watch(TrialRetried(spec, tries + 1, self._attempts))
            return None
        message = f"its process was killed from outside {tries} times (limits.retries)"
        outcome = failure(folder, "killed", message)
        folder.write_outcome(outcome)
        return outcome

    def _end(self, spec: Spec, outcome: Outcome, land: Land) -> None:
        land(spec, outcome)
        self._requests.drop_cancel(spec.number)
        self._watch(TrialEnded(spec, outcome))
