"""The parent of one job: it enforces the limits, and says why a job died that could not say itself.

A group that dies is no proof against any of its trials: they are marked to train alone, each under
a guard of its own, and that one judges.

    launcher --lifeline--> guard (leads a process group) --> the worker, and whatever it starts

The guard has one thread and imports nothing while it watches, so no hang of a trainer can stop it.
When the lifeline breaks because the launcher is gone, it kills all that it has started, and ends.
"""

import contextlib
import ctypes
import fcntl
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from hpsearch import files
from hpsearch.trial import Folder, Reason
from hpsearch.workers.command_trial import FOREIGN, signal_name
from hpsearch.workers.outcome import failure
from hpsearch.workers.worker import Job, run_job

_MEMORY_PERIOD_S = 0.25
_LOCK_PATIENCE_S = 30.0
_DYING_S = 1.0  # within which a killed process is gone, unless it has much memory to give back
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def supervise(job: Job, lifeline: int, alive: int) -> None:
    """Run the job in a child and return when it has ended.

    Every folder then has an outcome, unless the job was killed from outside, the disk failed, or
    it was a group that broke: its trials are then marked as `Folder.alone` or `Folder.unfusable`.

    Args:
        job: what to run. This process must lead its own process group.
        lifeline: a descriptor that becomes readable (end of file) when the launcher is gone.
        alive: a descriptor that nobody else inherits; that it is closed says that all is over.
    """
    adopt_orphans()
    folders = [Folder(path) for path in job.folders]
    _redirect(folders, lifeline)
    for folder in folders:
        folder.clear()
    pending = [folder for folder in folders if not folder.result.exists()]
    started = time.monotonic()
    oom_kills = _oom_kills()
    wakeup = _wakeup_on_child_exit()
    child = os.fork()
    if child == 0:
        os.close(alive)
        _become_worker(job)
    verdict = _wait(child, _Limits(job, max(1, len(pending))), lifeline, wakeup)
    _, status = os.waitpid(child, 0)
    _kill_orphans()
    reason = verdict or _reason_of(status, _oom_kills() > oom_kills)
    is_group = len(pending) > 1
    silent = [f for f in pending if _is_silent(f) and not (is_group and f.alone.exists())]
    if reason is None or not silent or pending[0].unfusable.exists():
        return
    print(f"hpsearch: {reason[1]}", file=sys.stderr, flush=True)
    for folder in silent:
        if is_group:
            files.write_text(folder.alone, reason[1])
        else:
            folder.write_outcome(failure(folder, *reason, seconds=time.monotonic() - started))


class _Limits:
    """Those of a job, each trial's share times the trials; messages name them as the study does."""

    def __init__(self, job: Job, trials: int) -> None:
        self._job = job
        self._trials = trials
        self.seconds = None if job.trial_seconds is None else trials * job.trial_seconds
        self.memory_mib = None if job.trial_memory_mib is None else trials * job.trial_memory_mib

    def timeout(self) -> tuple[Reason, str]:
        limit = f"limits.trial_seconds = {self._job.trial_seconds:g} s"
        return "timeout", f"ran longer than {self._times}{limit}"

    def out_of_memory(self, used_mib: int) -> tuple[Reason, str]:
        limit = f"limits.trial_memory_mib = {self._job.trial_memory_mib} MiB"
        return "out_of_memory", f"used {used_mib} MiB, more than {self._times}{limit}"

    @property
    def _times(self) -> str:
        return f"{self._trials} times " if self._trials > 1 else ""


def _become_worker(job: Job) -> None:
    """The rest of the child's life."""
    code = 1
    try:
        guard = os.getppid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:
            os._exit(1)
        # When the machine's memory ends, the kernel should take a trial and not the controller.
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("500")
        run_job(job)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        # No exit handlers: they belong to the process that this one was forked from.
        os._exit(code)


def _wait(child: int, limits: _Limits, lifeline: int, wakeup: int) -> tuple[Reason, str] | None:
    """Return when the child has ended; with a verdict if it was this guard that ended it."""
    deadline = None if limits.seconds is None else time.monotonic() + limits.seconds
    while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        timeout = None if limits.memory_mib is None else _MEMORY_PERIOD_S
        if deadline is not None:
            left = max(0.0, deadline - time.monotonic())
            timeout = left if timeout is None else min(left, timeout)
        ready, _, _ = select.select([lifeline, wakeup], [], [], timeout)
        if lifeline in ready:
            _kill_orphans()
            os._exit(1)
        if wakeup in ready:
            os.read(wakeup, 512)
            continue
        if deadline is not None and time.monotonic() >= deadline:
            os.kill(child, signal.SIGKILL)
            return limits.timeout()
        used = _resident_mib(child) if limits.memory_mib is not None else 0
        if limits.memory_mib is not None and used > limits.memory_mib:
            os.kill(child, signal.SIGKILL)
            return limits.out_of_memory(used)
    return None


def _reason_of(status: int, machine_out_of_memory: bool) -> tuple[Reason, str] | None:
    """Why the worker ended; None when it was killed from outside, or left outcomes."""
    if os.WIFEXITED(status):
        code = os.WEXITSTATUS(status)
        return "error", f"the trainer's process ended with exit code {code} and without a result"
    number = os.WTERMSIG(status)
    if number == signal.SIGKILL and machine_out_of_memory:
        return "out_of_memory", "the kernel killed it because the machine's memory ran out"
    if number in FOREIGN:
        return None
    return "error", f"the trainer's process died of {signal_name(number)}"


def _is_silent(folder: Folder) -> bool:
    """Whether it is for the guard to say what became of a trial."""
    if folder.result.exists() or folder.obstacle.exists():
        return False
    return files.disk_fault(None, folder.path) is None


def adopt_orphans() -> None:
    """Become the parent of whatever loses its own below this process, in any session (Linux)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _kill_orphans() -> None:
    """Kill everything below this guard, which inherits what the worker leaves behind."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] != 0:
                continue
        except ChildProcessError:
            return
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, 0)


def _resident_mib(pid: int) -> int:
    """Resident set of a process and its descendants, shared pages counted in each, in MiB."""
    total = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for member in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                total += member.memory_info().rss
    return total >> 20


def _oom_kills() -> int:
    """Processes that the kernel has killed for want of memory, in this cgroup or machine."""
    for path in _oom_counters():
        with contextlib.suppress(OSError, ValueError):
            for line in path.read_text().splitlines():
                name, _, count = line.partition(" ")
                if name == "oom_kill":
                    return int(count)
    return 0


def _oom_counters() -> Iterator[Path]:
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            if line.startswith("0::"):
                yield Path("/sys/fs/cgroup") / line[4:] / "memory.events"
    yield Path("/proc/vmstat")


def _redirect(folders: Sequence[Folder], lifeline: int) -> None:
    """Send stdout and stderr to the first log, which the others name, and read nothing.

    All logs stay open, and with that the folders locked, as long as a process of the job lives.
    """
    descriptor, *others = [take_log(folder.log, lifeline) for folder in folders]
    for folder, other in zip(folders[1:], others, strict=True):
        where = os.path.relpath(folders[0].log, folder.path)
        os.write(other, f"hpsearch: trains in a group, whose output is in {where}\n".encode())
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    os.close(null)


def take_log(log: Path, lifeline: int | None = None) -> int:
    """Open the log once nobody else writes it; this process ends if the lifeline does meanwhile.

    The log is also the folder's lock: whoever has it open works here. After a kill, the processes
    of an earlier attempt may take some milliseconds to be gone. A daemon of theirs may have lost
    everyone who would have killed it: this process does.
    """
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    lifelines = [] if lifeline is None else [lifeline]
    began = time.monotonic()
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            waited = time.monotonic() - began
            if waited > _LOCK_PATIENCE_S:
                raise
            if waited > _DYING_S:
                _kill_writers(log)
            if select.select(lifelines, [], [], 0.01)[0]:
                os._exit(1)


def _kill_writers(log: Path) -> None:
    """Kill the processes of this user that have the log open for writing, but for this one."""
    path = str(log.resolve())
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            writes = [file for file in process.open_files() if file.mode != "r"]
            if process.pid != os.getpid() and path in [file.path for file in writes]:
                process.kill()


def _wakeup_on_child_exit() -> int:
    """A descriptor that becomes readable at SIGCHLD."""
    read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    return read


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value)
