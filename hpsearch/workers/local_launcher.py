"""Runs jobs as processes of this machine, forked from a fork server with warm imports."""

import contextlib
import itertools
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from hpsearch.workers.command_trial import THREAD_VARIABLES
from hpsearch.workers.launcher import Exit
from hpsearch.workers.worker import Job

# Intel MKL picks a kernel by processor and memory address, so a matrix product's last bits would
# depend on a trial's position in its group. AUTO fixes the kernel for each processor ("Conditional
# Numerical Reproducibility" in Intel's oneMKL developer guide); MKL reads it at its first call.
_MKL_MODE = {"MKL_CBWR": "AUTO"}


def environment(threads: int) -> dict[str, str]:
    """The environment variables of a trial's process; its numbers depend on them."""
    counts = dict.fromkeys(THREAD_VARIABLES, str(threads))
    # A hash order that differs between processes would make trainers irreproducible.
    return _MKL_MODE | os.environ | counts | {"PYTHONHASHSEED": "0"}


class LocalLauncher:
    """Starts each job in a process group of its own, which dies with the controller.

    Args:
        preload: modules that the fork server imports before the first job.
    """

    def __init__(self, *, preload: Sequence[str] = (), threads: int = 1) -> None:
        self._preload = [*preload]
        self._threads = threads
        self._ids = itertools.count()
        self._running: set[str] = set()
        self._has_had_jobs = False
        self._server: subprocess.Popen[bytes] | None = None
        self._buffer = b""

    def warm(self, modules: Sequence[str]) -> None:
        """Let the fork server import further modules."""
        self._preload += modules
        if self._server is None:
            self._send()
        else:
            self._send({"preload": list(modules)})

    def submit(self, jobs: Sequence[Job]) -> Sequence[str]:
        handles = []
        for job in jobs:
            handle = str(next(self._ids))
            self._running.add(handle)
            self._has_had_jobs = True
            handles.append(handle)
            self._send({"start": handle, "job": job.to_record()})
        return handles

    def poll(self, handles: Sequence[str], timeout_s: float) -> Mapping[str, Exit | None]:
        if all(handle in self._running for handle in handles):
            self._listen(timeout_s)
        return {handle: None if handle in self._running else Exit() for handle in handles}

    def cancel(self, handle: str) -> None:
        if handle in self._running:
            self._send({"cancel": handle})

    def close(self) -> None:
        """Kill everything that still runs; the fork server exits when its groups are gone."""
        if self._server is None:
            return
        if not self._has_had_jobs:
            self._server.kill()  # it may be busy with an import for seconds
        self._close_server()

    def _send(self, *commands: Mapping[str, object]) -> None:
        if self._server is None:
            self._server = self._start()
            commands = ({"preload": self._preload}, *commands)
        assert self._server.stdin is not None
        try:
            for command in commands:
                self._server.stdin.write(json.dumps(command).encode() + b"\n")
            self._server.stdin.flush()
        except BrokenPipeError:
            self._close_server()

    def _start(self) -> subprocess.Popen[bytes]:
        self._buffer = b""
        return subprocess.Popen(
            [sys.executable, "-m", "hpsearch.workers.fork_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(self._threads),
            process_group=0,  # the terminal's Ctrl-C is for the controller
        )

    def _listen(self, timeout_s: float) -> None:
        """Read reports of ended jobs until one arrives or the time is up; EOF ends all jobs."""
        if self._server is None:
            return
        assert self._server.stdout is not None
        descriptor = self._server.stdout.fileno()
        deadline = time.monotonic() + timeout_s
        while True:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([descriptor], [], [], left)[0]:
                return
            chunk = os.read(descriptor, 1 << 16)
            if not chunk:
                self._close_server()
                return
            *lines, self._buffer = (self._buffer + chunk).split(b"\n")
            for line in lines:
                self._running.discard(json.loads(line)["ended"])
            if lines:
                return

    def _close_server(self) -> None:
        """Wait until the fork server and its supervisors are gone; the next job starts another."""
        server, self._server = self._server, None
        assert server is not None and server.stdin is not None and server.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            server.stdin.close()
        server.stdout.read()
        server.stdout.close()
        server.wait()
        self._running.clear()
