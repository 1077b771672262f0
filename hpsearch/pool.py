"""Trials on places: start what is waiting, collect what has ended, try again what was killed."""

import signal
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any

from hpsearch import files
from hpsearch.errors import InterruptedSearch
from hpsearch.events import Event, Stopping, TrialEnded, TrialRetried, TrialStarted
from hpsearch.launchers import Launcher
from hpsearch.runfolder import RunFolder
from hpsearch.trial import Outcome, Spec
from hpsearch.worker import Job, failure

_POLL_S = 0.5  # how often requests to stop are looked for while nothing ends


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
        self._folder.stop_request.unlink(missing_ok=True)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._interrupts += 2 if number == signal.SIGTERM else 1

    @property
    def level(self) -> str | None:
        """None, "drain" or "now"."""
        requested = self._folder.stop_requested()
        if self._interrupts >= 2 or requested == "now":
            return "now"
        return "drain" if self._interrupts or requested else None


@dataclass
class _Running:
    spec: Spec
    place: int


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
        self._devices = devices
        self._job = job
        self._attempts = attempts
        self._stop = stop
        self._watch = watch

    def run(self, specs: Sequence[Spec], land: Callable[[Spec, Outcome], None]) -> None:
        """Run the trials that have no outcome; `land` is called once for each, as they end.

        Raises:
            InterruptedSearch: on request; trials that have not landed run again next time.
            OSError: the disk is full or read-only; likewise.
        """
        waiting = deque(specs)
        free = list(range(len(self._devices)))[::-1]
        running: dict[str, _Running] = {}
        tries: dict[int, int] = {}
        said: str | None = None
        while waiting or running:
            level = self._stop.level
            if level != said:
                self._watch(Stopping(level or "", len(running)))
                said = level
            if level == "now" or (level == "drain" and not running):
                raise InterruptedSearch(
                    "stopped; `hpsearch run` with the same arguments goes on with "
                    f"{self._folder.path}"
                )
            while waiting and free and level is None:
                spec = waiting.popleft()
                if (outcome := self._folder.trial(spec.number).read_outcome()) is not None:
                    self._end(spec, outcome, land)
                    continue
                place = free.pop()
                handle = self._start(replace(spec, device=self._devices[place]), place)
                running[handle] = _Running(spec, place)
                tries[spec.number] = tries.get(spec.number, 0) + 1
            if not running:
                continue
            ended = [h for h, e in self._launcher.poll(list(running), _POLL_S).items() if e]
            for handle in ended:
                over = running.pop(handle)
                free.append(over.place)
                outcome = self._outcome(over.spec, tries[over.spec.number])
                if outcome is None:
                    waiting.appendleft(over.spec)
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

    def _end(self, spec: Spec, outcome: Outcome, land: Callable[[Spec, Outcome], None]) -> None:
        land(spec, outcome)
        self._watch(TrialEnded(spec, outcome))
