"""Trials on places: start what is waiting, collect what has ended, try again what was killed."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from hpsearch import files
from hpsearch.errors import InterruptedSearch
from hpsearch.events import (
    Event,
    GoesOn,
    GroupBroke,
    Paused,
    Stopping,
    TrialEnded,
    TrialRetried,
    TrialStarted,
    Unfused,
)
from hpsearch.storage import Requests, RunFolder
from hpsearch.trial import STOPPED, Folder, Outcome, Spec
from hpsearch.workers import supervisor as guard
from hpsearch.workers.launcher import Launcher
from hpsearch.workers.outcome import failure
from hpsearch.workers.queue import JobQueue, QueuedGroup, Running, Work
from hpsearch.workers.stop_signal import StopSignal
from hpsearch.workers.worker import Job

_POLL_S = 0.5  # how often requests and early outcomes are looked for while no job ends
_STOP_PATIENCE_S = 10.0  # for a group to let go of a trial that is to end

Land = Callable[[Spec, Outcome], None]


class Pool:
    """Runs trials on a fixed number of places.

    Args:
        launcher: starts the jobs.
        folder: of the study.
        devices: the device of each place.
        job: what every trial's job has in common; folders, device and shape are set here.
        waiting: says which trials train together.
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
        waiting: JobQueue,
        attempts: int,
        stop: StopSignal,
        watch: Callable[[Event], None],
    ) -> None:
        self._launcher = launcher
        self._folder = folder
        self._requests = Requests(folder)
        self._devices = devices
        self._job = job
        self._waiting = waiting
        self._attempts = attempts
        self._stop = stop
        self._watch = watch
        self._said: str | None = None  # how far it is stopping
        self._paused = False
        self._why_unfused: set[str] = set()  # that have been said

    def run(self, specs: Sequence[Spec], land: Land, more: Callable[[], Sequence[Spec]]) -> None:
        """Run the trials that have no outcome.

        Args:
            specs: the trials, in the order in which they start, but for larger groups going first.
            land: is called once for each, as they end.
            more: gives further trials, or none; asked when a place is free that none waits for.

        Raises:
            InterruptedSearch: on request; trials that have not landed run again next time.
            OSError: the disk is full or read-only; likewise.
        """
        work = Work(self._waiting, list(range(len(self._devices)))[::-1])
        self._gather(specs, work, land)
        while True:
            if work.free and not work.waiting:
                self._gather(more(), work, land)
            if not (work.waiting or work.running):
                return
            held = self._heed(work.trials)
            self._cancel(work, land)
            if not held:
                self._fill(work)
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

    def _gather(self, specs: Sequence[Spec], work: Work, land: Land) -> None:
        """Put trials into groups; what has ended already only lands."""
        left = []
        for spec in specs:
            if (outcome := self._trial(spec).read_outcome()) is not None:
                self._end(spec, outcome, land)
            else:
                left.append(spec)
        marked = [spec for spec in left if self._trial(spec).alone.exists()]
        work.waiting.add([spec for spec in left if spec not in marked])
        work.waiting.add_alone(marked)

    def _cancel(self, work: Work, land: Land) -> None:
        """End the trials that people no longer want; one that waits ends without having begun."""
        cancelled = self._requests.cancelled()
        for number in cancelled:
            handles = [
                handle
                for handle, running in work.running.items()
                if number in [spec.number for spec in running.specs]
            ]
            for handle in handles:
                self._cancel_running(number, handle, work.running[handle], cancelled)
            if (spec := work.waiting.take(number)) is not None:
                self._end(spec, self._cancelled(spec), land)
            elif not handles and self._folder.trial(number).result.exists():
                self._requests.drop_cancel(number)  # an earlier session ended it

    def _cancel_running(
        self, number: int, handle: str, running: Running, cancelled: Sequence[int]
    ) -> None:
        """A trial of a group is asked to leave it; one that nobody else trains with is killed."""
        if all(spec.number in cancelled for spec in running.specs):
            self._launcher.cancel(handle)
        elif number not in running.stopping:
            self._folder.trial(number).stop.touch()
            running.stopping[number] = time.monotonic()
        elif time.monotonic() - running.stopping[number] > _STOP_PATIENCE_S:
            running.is_cancelled = True
            self._launcher.cancel(handle)

    def _cancelled(self, spec: Spec) -> Outcome:
        """The outcome of a trial that was cancelled, unless it was quicker."""
        folder = self._trial(spec)
        if not folder.spec.exists():
            folder.write_spec(spec)
        # An attempt of an earlier session may still be dying, and must not write after us.
        os.close(guard.take_log(folder.log))
        if (outcome := folder.read_outcome()) is None:
            outcome = failure(folder, "killed", STOPPED)
            folder.write_outcome(outcome)
        return outcome

    def _fill(self, work: Work) -> None:
        """Start what is waiting on the free places."""
        while work.free and (group := work.waiting.next()) is not None:
            place = work.free.pop()
            handle, specs = self._start(group, place)
            work.running[handle] = Running(group, specs, place)

    def _start(self, group: QueuedGroup, place: int) -> tuple[str, list[Spec]]:
        """Start a group; returns the launcher's handle, and the trials as they are trained."""
        numbers = tuple(spec.number for spec in group.specs) if group.shape is not None else ()
        device = self._devices[place]
        specs = [replace(spec, device=device, group=numbers) for spec in group.specs]
        for spec in specs:
            self._trial(spec).stop.unlink(missing_ok=True)
            self._trial(spec).write_spec(spec)
        # Absolute, because a command runs in another working directory.
        folders = tuple(self._trial(spec).path.absolute() for spec in specs)
        job = replace(self._job, folders=folders, device=device, shape=group.shape)
        [handle] = self._launcher.submit([job])
        for spec in specs:
            self._watch(TrialStarted(spec, place))
        return handle, specs

    def _collect(self, work: Work, land: Land) -> None:
        """Wait for a job's end, but not for long; trials of a group land as soon as they end."""
        answer = self._launcher.poll(list(work.running), _POLL_S)
        for handle, exit in answer.items():
            running = work.running[handle]
            if exit is not None or len(running.group.specs) > 1:
                self._land(running, land)
            if exit is not None:
                del work.running[handle]
                work.free.append(running.place)
                self._sort_out(running, work, land)

    def _land(self, running: Running, land: Land) -> None:
        """Take in the trials of a job that have an outcome."""
        for spec in list(running.specs):
            if (outcome := self._trial(spec).read_outcome()) is not None:
                running.specs.remove(spec)
                self._end(spec, outcome, land)

    def _sort_out(self, over: Running, work: Work, land: Land) -> None:
        """What becomes of the trials that a job has left without an outcome."""
        refused = self._is_refused(over.group, work)
        cancelled = self._requests.cancelled()
        for spec in [spec for spec in over.specs if spec.number in cancelled]:
            over.specs.remove(spec)
            self._end(spec, self._cancelled(spec), land)
        for folder in map(self._trial, over.specs):
            if (fault := folder.read_obstacle() or files.disk_fault(None, folder.path)) is not None:
                raise fault
        left = over.specs
        if not refused:
            left = self._without_broken(over, work)
            if not over.is_cancelled:
                left = [spec for spec in left if self._may_try_again(spec, work, land)]
        work.waiting.put_back(QueuedGroup(tuple(left), over.group.shape))

    def _is_refused(self, group: QueuedGroup, work: Work) -> bool:
        """Whether the trainer cannot train such a group; its trials then train unfused."""
        marks = [self._trial(spec).unfusable for spec in group.specs]
        marks = [mark for mark in marks if mark.exists()]
        if not marks or group.shape is None:
            return False
        why = marks[0].read_text(encoding="utf-8")
        if why not in self._why_unfused:
            self._why_unfused.add(why)
            self._watch(Unfused(why))
        work.waiting.refuse(group.shape)
        return True

    def _without_broken(self, over: Running, work: Work) -> list[Spec]:
        """The trials of a job but for those of a broken group, which wait to train alone."""
        if len(over.group.specs) == 1:
            return over.specs
        broken = [spec for spec in over.specs if self._trial(spec).alone.exists()]
        if broken:
            why = self._trial(broken[0]).alone.read_text(encoding="utf-8")
            self._watch(GroupBroke(tuple(spec.number for spec in broken), why))
            work.waiting.add_alone(broken)
        return [spec for spec in over.specs if spec not in broken]

    def _may_try_again(self, spec: Spec, work: Work, land: Land) -> bool:
        """Whether a trial that was killed from outside is started once more; else it has ended."""
        kills = work.kills[spec.number] = work.kills.get(spec.number, 0) + 1
        if kills < self._attempts:
            self._watch(TrialRetried(spec, kills + 1, self._attempts))
            return True
        message = f"its process was killed from outside {kills} times (limits.retries)"
        folder = self._trial(spec)
        outcome = failure(folder, "killed", message)
        folder.write_outcome(outcome)
        self._end(spec, outcome, land)
        return False

    def _end(self, spec: Spec, outcome: Outcome, land: Land) -> None:
        land(spec, outcome)
        self._requests.drop_cancel(spec.number)
        self._trial(spec).stop.unlink(missing_ok=True)
        self._watch(TrialEnded(spec, outcome))

    def _trial(self, spec: Spec) -> Folder:
        return self._folder.trial(spec.number)
