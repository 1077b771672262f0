"""The parent process of one job: enforces its limits and records deaths of its worker.

The death of a group does not show which of its trials is at fault: each is marked to train alone,
under a supervisor of its own, which then records the outcome.

    launcher --parent-death pipe--> supervisor (leads a process group) --> worker and its children

The supervisor has one thread and imports nothing while it waits, so a trainer that hangs cannot
block it. The parent-death pipe reaches end of file when the launcher dies; the supervisor then
kills every process below it and exits.
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
from hpsearch.workers.command_trial import EXTERNAL_SIGNALS, signal_name
from hpsearch.workers.outcome import failure
from hpsearch.workers.worker import Job, run_job

_MEMORY_PERIOD_S = 0.25
_LOCK_PATIENCE_S = 30.0
_DYING_S = 1.0  # a killed process ends within this time unless it frees much memory
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def supervise(job: Job, parent_pipe: int, alive: int) -> None:
    """Run the job in a child process and return when it has ended.

    Afterwards every folder has an outcome, unless the job was killed from outside, the disk failed,
    or a group broke; the trials of a broken group are marked `Folder.alone` or `Folder.unfusable`.

    Args:
        job: the job. This process must lead its own process group.
        parent_pipe: a descriptor that reaches end of file when the launcher is gone.
        alive: a descriptor that no other process inherits; it closes when everything is over.
    """
    adopt_orphans()
    folders = [Folder(path) for path in job.folders]
    _redirect(folders, parent_pipe)
    for folder in folders:
        folder.clear()
    pending = [folder for folder in folders if not folder.result.exists()]
    started = time.monotonic()
    cause = _run_worker(job, max(1, len(pending)), parent_pipe, alive)
    if cause is not None:
        _record_death(pending, *cause, seconds=time.monotonic() - started)


def _run_worker(job: Job, trials: int, parent_pipe: int, alive: int) -> tuple[Reason, str] | None:
    """Fork the worker and wait until it and its children are gone.

    Returns:
        Why it died; None if it was killed from outside.
    """
    oom_kills = _oom_kills()
    wakeup, _ = wakeup_on_child_exit()
    child = os.fork()
    if child == 0:
        os.close(alive)
        _become_worker(job)
    cause = _wait(child, _Limits(job, trials), parent_pipe, wakeup)
    _, status = os.waitpid(child, 0)
    _kill_orphans()
    return cause or _cause_of_exit(status, _oom_kills() > oom_kills)


def _record_death(
    pending: Sequence[Folder], reason: Reason, message: str, *, seconds: float
) -> None:
    """Record why the worker died in every trial for which it left neither outcome nor mark."""
    is_group = len(pending) > 1
    silent = [f for f in pending if _is_silent(f) and not (is_group and f.alone.exists())]
    if not silent or pending[0].unfusable.exists():
        return
    print(f"hpsearch: {message}", file=sys.stderr, flush=True)
    for folder in silent:
        if is_group:
            files.write_text(folder.alone, message)
        else:
            folder.write_outcome(failure(folder, reason, message, seconds=seconds))


class _Limits:
    """The limits of a job: those of one trial times the number of trials."""

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
    code = 1
    try:
        supervisor = os.getppid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:
            os._exit(1)
        # When memory runs out, the kernel should kill a trial and not the controller.
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


def _wait(child: int, limits: _Limits, parent_pipe: int, wakeup: int) -> tuple[Reason, str] | None:
    """Wait for the child to end and enforce its limits; return the limit that it broke, if any."""
    deadline = None if limits.seconds is None else time.monotonic() + limits.seconds
    while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        timeout = None if limits.memory_mib is None else _MEMORY_PERIOD_S
        if deadline is not None:
            left = max(0.0, deadline - time.monotonic())
            timeout = left if timeout is None else min(left, timeout)
        ready, _, _ = select.select([parent_pipe, wakeup], [], [], timeout)
        if parent_pipe in ready:
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


def _cause_of_exit(status: int, machine_out_of_memory: bool) -> tuple[Reason, str] | None:
    """Why the worker ended, if it left no outcomes; None if it was killed from outside."""
    if os.WIFEXITED(status):
        code = os.WEXITSTATUS(status)
        return "error", f"the trainer's process ended with exit code {code} and without a result"
    number = os.WTERMSIG(status)
    if number == signal.SIGKILL and machine_out_of_memory:
        return "out_of_memory", "the kernel killed it because the machine's memory ran out"
    if number in EXTERNAL_SIGNALS:
        return None
    return "error", f"the trainer's process died of {signal_name(number)}"


def _is_silent(folder: Folder) -> bool:
    """Whether the worker has left no outcome, and the disk is not the reason."""
    if folder.result.exists() or folder.obstacle.exists():
        return False
    return files.disk_fault(None, folder.path) is None


def adopt_orphans() -> None:
    """Make this process the parent of orphaned descendants, in any session (Linux)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _kill_orphans() -> None:
    """Kill every process below this supervisor, which adopts what the worker leaves behind."""
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
    """Resident set of a process and its descendants in MiB; shared pages count in each."""
    total = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for member in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                total += member.memory_info().rss
    return total >> 20


def _oom_kills() -> int:
    """Number of out-of-memory kills so far, in this cgroup or else on this machine."""
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


def _redirect(folders: Sequence[Folder], parent_pipe: int) -> None:
    """Send stdout and stderr to the first trial's log, and read stdin from /dev/null.

    All logs stay open, and with that the folders locked, as long as a process of the job lives.
    """
    descriptor, *others = [take_log(folder.log, parent_pipe) for folder in folders]
    for folder, other in zip(folders[1:], others, strict=True):
        log = os.path.relpath(folders[0].log, folder.path)
        os.write(other, f"hpsearch: trains in a group, whose output is in {log}\n".encode())
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    os.close(null)


def take_log(log: Path, parent_pipe: int | None = None) -> int:
    """Open the log and lock it, which also locks the folder; returns the descriptor.

    After a kill, processes of the earlier attempt may hold the lock for some milliseconds. A daemon
    among them may have outlived its supervisor, so that this process has to kill it. Exits if the
    launcher dies meanwhile.

    Raises:
        BlockingIOError: another process still holds the lock after 30 s.
    """
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    parent_pipes = [] if parent_pipe is None else [parent_pipe]
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
            if select.select(parent_pipes, [], [], 0.01)[0]:
                os._exit(1)


def _kill_writers(log: Path) -> None:
    """Kill every other process of this user that has the log open for writing."""
    path = str(log.resolve())
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            writes = [file for file in process.open_files() if file.mode != "r"]
            if process.pid != os.getpid() and path in [file.path for file in writes]:
                process.kill()


def wakeup_on_child_exit() -> tuple[int, int]:
    """A pipe, of which the first descriptor becomes readable at SIGCHLD."""
    read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    return read, write


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value)
