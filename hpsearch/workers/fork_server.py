"""The process that trials are forked from, with torch and the trainer's imports already loaded.

It speaks JSON lines: {"preload": [module, ...]}, {"start": id, "job": ...} and {"cancel": id} come
in, {"ended": id} goes out.
When its input ends, the controller is gone: it kills every group and goes too. Killed itself, it
takes the lifeline of its guards with it, and they kill what they watch. Whatever a killed guard
leaves behind, in whatever session, becomes a child of the nursery (a subreaper), which kills it.
Guards keep the output open, so it ends when the nursery and all of them are gone.
"""

import contextlib
import importlib
import json
import os
import select
import signal
import sys
from typing import Any

import psutil

from hpsearch.workers import supervisor as guard
from hpsearch.workers.worker import Job


def main() -> None:
    answers = os.dup(1)
    os.dup2(2, 1)  # a module that prints while it is imported must not speak for us
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    guard.adopt_orphans()
    _Nursery(answers).serve()


def _preload(modules: list[str]) -> None:
    for name in modules:
        # Private and optional modules of packages may not import by name alone.
        with contextlib.suppress(Exception):
            importlib.import_module(name)


class _Nursery:
    def __init__(self, answers: int) -> None:
        self._answers = answers
        self._helpers: set[int] = set()  # processes that preloaded modules have started
        self._guards: dict[int, str] = {}  # process number: job id
        self._lifeline, self._lifeline_end = os.pipe2(os.O_CLOEXEC)
        self._wakeup, self._wakeup_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def serve(self) -> None:
        signal.set_wakeup_fd(self._wakeup_end, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        commands = sys.stdin.fileno()
        buffer = b""
        while True:
            ready, _, _ = select.select([commands, self._wakeup], [], [])
            if self._wakeup in ready:
                os.read(self._wakeup, 512)
                self._reap()
            if commands in ready:
                chunk = os.read(commands, 1 << 16)
                if not chunk:
                    self._kill_all()
                    return
                *lines, buffer = (buffer + chunk).split(b"\n")
                for line in lines:
                    self._obey(json.loads(line))

    def _obey(self, command: dict[str, Any]) -> None:
        if "start" in command:
            self._start(command["start"], Job.from_record(command["job"]))
        elif "preload" in command:
            _preload(command["preload"])
            self._helpers = {child.pid for child in psutil.Process().children()}
        else:
            for pid, job_id in self._guards.items():
                if job_id == command["cancel"]:
                    _kill_group(pid)

    def _start(self, job_id: str, job: Job) -> None:
        pid = os.fork()
        if pid == 0:
            self._become_guard(job)
        # Both sides set the group, so that it exists before either goes on.
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        self._guards[pid] = job_id

    def _become_guard(self, job: Job) -> None:
        code = 1
        try:
            with contextlib.suppress(OSError):
                os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            for descriptor in (self._lifeline_end, self._wakeup, self._wakeup_end):
                os.close(descriptor)
            guard.supervise(job, self._lifeline, self._answers)
            code = 0
        finally:
            os._exit(code)

    def _reap(self) -> None:
        """Report guards that have ended, once nothing that they started is left."""
        for pid, job_id in list(self._guards.items()):
            ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                continue
            self._clear(pid)
            if (ended.si_code, ended.si_status) != (os.CLD_EXITED, 0):
                self._kill_strays()
            # The controller may be gone; our input says so next.
            with contextlib.suppress(BrokenPipeError):
                os.write(self._answers, json.dumps({"ended": job_id}).encode() + b"\n")

    def _clear(self, pid: int) -> None:
        """Kill and reap a guard's group, which we inherit from it."""
        # While the guard is not reaped its number cannot belong to another process.
        _kill_group(pid)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-pid, 0)
        del self._guards[pid]

    def _kill_strays(self) -> None:
        """Kill what a guard could not clear away because it was killed itself."""
        known = self._guards.keys() | self._helpers
        while strays := [p for p in psutil.Process().children() if p.pid not in known]:
            for process in strays:
                with contextlib.suppress(psutil.NoSuchProcess):
                    for member in [*process.children(recursive=True), process]:
                        member.kill()
            for process in strays:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(process.pid, 0)

    def _kill_all(self) -> None:
        for pid in self._guards:
            _kill_group(pid)
        for pid in list(self._guards):
            self._clear(pid)
        self._kill_strays()


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


if __name__ == "__main__":
    main()
