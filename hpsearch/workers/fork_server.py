"""The fork server: forks trials with torch and the trainer's imports already loaded.

It reads JSON lines, {"preload": [module, ...]}, {"start": id, "job": ...} and {"cancel": id}, and
writes {"ended": id}. When its input ends, the controller is dead: it kills every process group and
exits. If it is killed itself, the parent-death pipe of its supervisors closes, and they kill their
jobs. Processes that a killed supervisor leaves behind, in any session, become children of the fork
server (a subreaper), which kills them. Supervisors hold the output open, so it ends when the fork
server and all of them are gone.
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

from hpsearch.workers import supervisor
from hpsearch.workers.worker import Job


def main() -> None:
    answers = os.dup(1)
    os.dup2(2, 1)  # modules that print at import must not write answers
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    supervisor.adopt_orphans()
    _ForkServer(answers).serve()


def _preload(modules: list[str]) -> None:
    for name in modules:
        # Private and optional modules may fail to import by name alone.
        with contextlib.suppress(Exception):
            importlib.import_module(name)


class _ForkServer:
    def __init__(self, answers: int) -> None:
        self._answers = answers
        self._helpers: set[int] = set()  # processes started by preloaded modules
        self._supervisors: dict[int, str] = {}  # job ids by process number
        self._parent_pipe, self._parent_pipe_end = os.pipe2(os.O_CLOEXEC)
        self._wakeup, self._wakeup_end = supervisor.wakeup_on_child_exit()

    def serve(self) -> None:
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
                    self._execute(json.loads(line))

    def _execute(self, command: dict[str, Any]) -> None:
        if "start" in command:
            self._start(command["start"], Job.from_record(command["job"]))
        elif "preload" in command:
            _preload(command["preload"])
            self._helpers = {child.pid for child in psutil.Process().children()}
        else:
            for pid, job_id in self._supervisors.items():
                if job_id == command["cancel"]:
                    _kill_group(pid)

    def _start(self, job_id: str, job: Job) -> None:
        pid = os.fork()
        if pid == 0:
            self._become_supervisor(job)
        # Parent and child both set the group, so that it exists before either continues.
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        self._supervisors[pid] = job_id

    def _become_supervisor(self, job: Job) -> None:
        code = 1
        try:
            with contextlib.suppress(OSError):
                os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            for descriptor in (self._parent_pipe_end, self._wakeup, self._wakeup_end):
                os.close(descriptor)
            supervisor.supervise(job, self._parent_pipe, self._answers)
            code = 0
        finally:
            os._exit(code)

    def _reap(self) -> None:
        """Report ended supervisors, once every process that they started is gone."""
        for pid, job_id in list(self._supervisors.items()):
            ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                continue
            self._clear(pid)
            if (ended.si_code, ended.si_status) != (os.CLD_EXITED, 0):
                self._kill_strays()
            # The controller may be gone; the end of the input shows that next.
            with contextlib.suppress(BrokenPipeError):
                os.write(self._answers, json.dumps({"ended": job_id}).encode() + b"\n")

    def _clear(self, pid: int) -> None:
        # Until the supervisor is reaped, its number cannot belong to another process.
        _kill_group(pid)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-pid, 0)
        del self._supervisors[pid]

    def _kill_strays(self) -> None:
        """Kill the processes that a killed supervisor has left behind."""
        known = self._supervisors.keys() | self._helpers
        while strays := [p for p in psutil.Process().children() if p.pid not in known]:
            for process in strays:
                with contextlib.suppress(psutil.NoSuchProcess):
                    for member in [*process.children(recursive=True), process]:
                        member.kill()
            for process in strays:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(process.pid, 0)

    def _kill_all(self) -> None:
        for pid in self._supervisors:
            _kill_group(pid)
        for pid in list(self._supervisors):
            self._clear(pid)
        self._kill_strays()


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


if __name__ == "__main__":
    main()
