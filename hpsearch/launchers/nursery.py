"""The process that trials are forked from, with torch and the trainer's imports already loaded.

It speaks JSON lines: {"preload": [module, ...]}, {"start": id, "job": ...} and {"cancel": id} come
in, {"ended": id} goes out.
When its input ends, the controller is gone: it kills every group and goes too. Killed itself, it
takes the lifeline of its guards with it, and they kill their groups.
"""

import contextlib
import importlib
import json
import os
import select
import signal
import sys
from typing import IO, Any

from hpsearch import guard
from hpsearch.worker import Job


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # a module that prints while it is imported must not speak for us
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _Nursery(answers).serve()


def _preload(modules: list[str]) -> None:
    for name in modules:
        # Private and optional modules of packages may not import by name alone.
        with contextlib.suppress(Exception):
            importlib.import_module(name)


class _Nursery:
    def __init__(self, answers: IO[str]) -> None:
        self._answers = answers
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
        else:
            for pid, job_id in self._guards.items():
                if job_id == command["cancel"]:
                    os.killpg(pid, signal.SIGKILL)

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
            for descriptor in (self._answers.fileno(), self._lifeline_end):
                os.close(descriptor)
            os.close(self._wakeup)
            os.close(self._wakeup_end)
            guard.watch(job, self._lifeline)
            code = 0
        finally:
            os._exit(code)

    def _reap(self) -> None:
        """Report guards that have ended, once nothing of their group is left."""
        for pid, job_id in list(self._guards.items()):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            # While the guard is not reaped its number cannot belong to another process.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            del self._guards[pid]
            print(json.dumps({"ended": job_id}), file=self._answers, flush=True)

    def _kill_all(self) -> None:
        for pid in self._guards:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        for pid in self._guards:
            os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
