"""Runs trials on device slots: starts, collects, cancels and retries them."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, replace

from hpsearch import files
from hpsearch.errors import InterruptedSearch
from hpsearch.events import (
    Event,
    GroupBroke,
    Paused,
    Resumed,
    Stopping,
    TrialEnded,
    TrialRetried,
    TrialStarted,
    Unfused,
)
from hpsearch.storage import Requests, RunFolder
from hpsearch.trial import STOPPED, Folder, Outcome, Spec
from hpsearch.workers.launcher import Launcher
from hpsearch.workers.outcome import failure
from hpsearch.workers.queue import JobQueue, QueuedGroup, RecordOutcome, Running, Work
from hpsearch.workers.stop_signal import StopSignal
from hpsearch.workers.supervisor import take_log
from hpsearch.workers.worker import Job

_POLL_S = 0.5  # between checks of requests and early outcomes
_STOP_PATIENCE_S = 10.0  # within which a group must end a trial on request


@dataclass(eq=False)
class Pool:
    """Runs trials on a fixed number of device slots.

    Attributes:
        devices: the device of each slot.
        job: the settings of every job; folders, device and shape are set here.
        attempts: how often a trial that is killed from outside is started in all.
    """

    launcher: Launcher
    folder: RunFolder
    _: KW_ONLY
    devices: Sequence[str]
    job: Job
    queue: JobQueue
    attempts: int
    stop: StopSignal
    on_event: Callable[[Event], None]

    def __post_init__(self) -> None:
        self._requests = Requests(self.folder)
        self._stop_level: str | None = None  # the last that was announced
        self._paused = False
        self._announced: set[str] = set()  # reasons against fusion

    def run(
        self,
        specs: Sequence[Spec],
        record_outcome: RecordOutcome,
        more: Callable[[], Sequence[Spec]],
    ) -> None:
        """Run trials; those that have an outcome already are only recorded.

        Args:
            specs: the trials in the order of their starts, except that larger groups start first.
            record_outcome: called once for each trial when it has ended.
            more: gives further trials, or none; called when a slot is free and no trial waits.

        Raises:
            InterruptedSearch: on request; trials without a recorded outcome run next time.
            OSError: the disk is full or read-only; likewise.
        """
        free = list(range(len(self.devices)))[::-1]
        work = Work(self.queue, free, record_outcome)
        self._enqueue(specs, work)
        while True:
            if work.free and not work.queue:
                self._enqueue(more(), work)
            if not (work.queue or work.running):
                return
            is_held = self._check_requests(work.running_trials)
            self._cancel(work)
            if not is_held:
                self._fill(work)
            if work.running:
                self._collect(work)
            elif is_held:
                time.sleep(_POLL_S)

    def wait_while_paused(self) -> None:
        """Wait until the search is not paused, while no trial is running.

        Raises:
            InterruptedSearch: on request.
        """
        while self._requests.paused:
            self._check_requests(0)
            time.sleep(_POLL_S)

    def _check_requests(self, running: int) -> bool:
        """Whether the search is paused or stopping, so that no trial may start."""
        level = self.stop.level
        if level is not None and level != self._stop_level:
            self.on_event(Stopping(level, running))
        self._stop_level = level
        if level == "now" or (level == "drain" and not running):
            raise InterruptedSearch(
                f"stopped; `hpsearch run` with the same arguments resumes {self.folder.path}"
            )
        paused = self._requests.paused
        if paused != self._paused:
            self.on_event(Paused(running) if paused else Resumed())
            self._paused = paused
        return paused or level is not None

    def _enqueue(self, specs: Sequence[Spec], work: Work) -> None:
        """Queue the trials without an outcome and record the others."""
        pending = []
        for spec in specs:
            if (outcome := self._trial(spec).read_outcome()) is not None:
                self._end(spec, outcome, work)
            else:
                pending.append(spec)
        alone = [spec for spec in pending if self._trial(spec).alone.exists()]
        work.queue.add([spec for spec in pending if spec not in alone])
        work.queue.add_alone(alone)

    def _cancel(self, work: Work) -> None:
        """End the trials that users asked to stop; a waiting one ends without a start."""
        cancelled = self._requests.cancelled()
        for number in cancelled:
            handles = [
                handle
                for handle, running in work.running.items()
                if number in [spec.number for spec in running.specs]
            ]
            for handle in handles:
                self._cancel_running(number, handle, work.running[handle], cancelled)
            if (spec := work.queue.take(number)) is not None:
                self._end(spec, self._cancelled(spec), work)
            elif not handles and self.folder.trial(number).result.exists():
                self._requests.drop_cancel(number)  # an earlier session ended it

    def _cancel_running(
        self, number: int, handle: str, running: Running, cancelled: Sequence[int]
    ) -> None:
        """Kill the job if all its trials are cancelled, else ask the trial to leave its group."""
        if all(spec.number in cancelled for spec in running.specs):
            self.launcher.cancel(handle)
        elif number not in running.stopping:
            self.folder.trial(number).stop.touch()
            running.stopping[number] = time.monotonic()
        elif time.monotonic() - running.stopping[number] > _STOP_PATIENCE_S:
            running.is_cancelled = True
            self.launcher.cancel(handle)

    def _cancelled(self, spec: Spec) -> Outcome:
        """The outcome of a cancelled trial, which may have ended by itself before."""
        folder = self._trial(spec)
        if not folder.spec.exists():
            folder.write_spec(spec)
        # A dying process of an earlier session must not write after this one.
        os.close(take_log(folder.log))
        if (outcome := folder.read_outcome()) is None:
            outcome = failure(folder, "killed", STOPPED)
            folder.write_outcome(outcome)
        return outcome

    def _fill(self, work: Work) -> None:
        while work.free and (group := work.queue.next()) is not None:
            slot = work.free.pop()
            handle, specs = self._start(group, slot)
            work.running[handle] = Running(group, specs, slot)

    def _start(self, group: QueuedGroup, slot: int) -> tuple[str, list[Spec]]:
        """Start a group; returns the launcher's handle, and the specs with device and group set."""
        numbers = tuple(spec.number for spec in group.specs) if group.shape is not None else ()
        device = self.devices[slot]
        specs = [replace(spec, device=device, group=numbers) for spec in group.specs]
        for spec in specs:
            self._trial(spec).stop.unlink(missing_ok=True)
            self._trial(spec).write_spec(spec)
        # Absolute, because a command runs in another working directory.
        folders = tuple(self._trial(spec).path.absolute() for spec in specs)
        job = replace(self.job, folders=folders, device=device, shape=group.shape)
        [handle] = self.launcher.submit([job])
        for spec in specs:
            self.on_event(TrialStarted(spec, slot))
        return handle, specs

    def _collect(self, work: Work) -> None:
        """Wait up to `_POLL_S` for a job's end; members of a group are recorded as they end."""
        exits = self.launcher.poll(list(work.running), _POLL_S)
        for handle, exit in exits.items():
            running = work.running[handle]
            if exit is not None or len(running.group.specs) > 1:
                self._record_ended(running, work)
            if exit is not None:
                del work.running[handle]
                work.free.append(running.slot)
                self._requeue(running, work)

    def _record_ended(self, running: Running, work: Work) -> None:
        for spec in list(running.specs):
            if (outcome := self._trial(spec).read_outcome()) is not None:
                running.specs.remove(spec)
                self._end(spec, outcome, work)

    def _requeue(self, ended: Running, work: Work) -> None:
        """End or queue again the trials that an ended job has left without an outcome.

        Raises:
            OSError: the disk failed, which is not the trials' fault.
        """
        is_refused = self._is_refused(ended.group, work)
        specs = self._end_cancelled(ended.specs, work)
        for folder in map(self._trial, specs):
            if (fault := folder.read_obstacle() or files.disk_fault(None, folder.path)) is not None:
                raise fault
        if not is_refused:
            specs = self._without_broken(ended.group, specs, work)
            if not ended.is_cancelled:
                specs = [spec for spec in specs if self._may_retry(spec, work)]
        work.queue.put_back(QueuedGroup(tuple(specs), ended.group.shape))

    def _end_cancelled(self, specs: Sequence[Spec], work: Work) -> list[Spec]:
        cancelled = self._requests.cancelled()
        for spec in specs:
            if spec.number in cancelled:
                self._end(spec, self._cancelled(spec), work)
        return [spec for spec in specs if spec.number not in cancelled]

    def _is_refused(self, group: QueuedGroup, work: Work) -> bool:
        """Whether the trainer cannot train groups of this shape; its trials then train unfused."""
        marks = [self._trial(spec).unfusable for spec in group.specs]
        marks = [mark for mark in marks if mark.exists()]
        if not marks or group.shape is None:
            return False
        reason = marks[0].read_text(encoding="utf-8")
        if reason not in self._announced:
            self._announced.add(reason)
            self.on_event(Unfused(reason))
        work.queue.refuse(group.shape)
        return True

    def _without_broken(self, group: QueuedGroup, specs: list[Spec], work: Work) -> list[Spec]:
        """Queue the trials of a broken group to train alone, and return the others."""
        if len(group.specs) == 1:
            return specs
        broken = [spec for spec in specs if self._trial(spec).alone.exists()]
        if broken:
            reason = self._trial(broken[0]).alone.read_text(encoding="utf-8")
            self.on_event(GroupBroke(tuple(spec.number for spec in broken), reason))
            work.queue.add_alone(broken)
        return [spec for spec in specs if spec not in broken]

    def _may_retry(self, spec: Spec, work: Work) -> bool:
        """Whether a trial that was killed from outside is started once more; else end it."""
        kills = work.kills[spec.number] = work.kills.get(spec.number, 0) + 1
        if kills < self.attempts:
            self.on_event(TrialRetried(spec, kills + 1, self.attempts))
            return True
        message = f"its process was killed from outside {kills} times (limits.retries)"
        folder = self._trial(spec)
        outcome = failure(folder, "killed", message)
        folder.write_outcome(outcome)
        self._end(spec, outcome, work)
        return False

    def _end(self, spec: Spec, outcome: Outcome, work: Work) -> None:
        work.record_outcome(spec, outcome)
        self._requests.drop_cancel(spec.number)
        self._trial(spec).stop.unlink(missing_ok=True)
        self.on_event(TrialEnded(spec, outcome))

    def _trial(self, spec: Spec) -> Folder:
        return self.folder.trial(spec.number)
