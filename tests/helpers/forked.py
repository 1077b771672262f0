"""Processes of the command line that need not import it again.

`hpsearch` takes a second to import, and the tests type hundreds of commands. One process a test
worker imports it; a command is a fork of that process, with folder, environment and files of its
own, in a session of its own. It has all signals, exit codes and children that it has when it is
typed. What is tested there is not the start of Python; where a test is about that, or about kills
at any moment, it starts the command afresh (`Search.fresh`).
"""

import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any

HERE = Path(__file__).parent
# As long as the mark of a search, which overwrites it: /proc shows the environment at its start.
MARK = "HPSEARCH_TEST"
BLANK = "-" * 36
_NUMBER = struct.Struct("=i")
_SERVER = f"import sys; sys.path.insert(0, {str(HERE)!r}); import forked; forked.serve()"


class Forked:
    """A command at work; of `subprocess.Popen` what tests of processes need."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdout: IO[bytes],
        stderr: IO[bytes],
    ) -> None:
        self.args = ["hpsearch", *arguments]
        self.returncode: int | None = None
        self._said, end = os.pipe()
        order = {"arguments": list(arguments), "cwd": str(cwd), "env": dict(env)}
        try:
            socket.send_fds(
                _server(), [json.dumps(order).encode()], [end, stdout.fileno(), stderr.fileno()]
            )
        finally:
            os.close(end)
        self.pid = self._heard()

    def __del__(self) -> None:
        os.close(self._said)

    def _heard(self) -> int:
        """The next number that is told of it: its own, then its exit code."""
        number = os.read(self._said, _NUMBER.size)
        if not number:
            raise ChildProcessError("the process that commands are forked from has gone")
        return int(_NUMBER.unpack(number)[0])

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._said], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
            self.returncode = self._heard()
        return self.returncode

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run(
    arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float
) -> "subprocess.CompletedProcess[str]":
    """A command from start to end, and what it has said."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        command = Forked(arguments, cwd=cwd, env=env, stdout=stdout, stderr=stderr)
        try:
            code = command.wait(timeout)
        finally:
            command.kill()
        said = []
        for file in (stdout, stderr):
            file.seek(0)
            said.append(file.read().decode())
    return subprocess.CompletedProcess(command.args, code, *said)


@cache
def _server() -> socket.socket:
    """The way to this worker's process; it ends when this end is closed."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-c", _SERVER],
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            # Whether there is a width is seen at import; which, when something is printed.
            env=os.environ | {"PYTHONPATH": str(HERE.parents[1]), MARK: BLANK, "COLUMNS": "200"},
            start_new_session=True,
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def serve() -> None:
    """Fork a command for each order; in the command's process, become it."""
    from hpsearch.ui import main

    for late in (
        "hpsearch.controller.control", "hpsearch.controller.loop", "hpsearch.controller.start",
        "hpsearch.method.acquisition", "hpsearch.storage.view", "hpsearch.storage.writer",
        "hpsearch.study.load", "hpsearch.ui.figures", "hpsearch.ui.terminal.tables",
        "alembic.command", "scipy.stats", "sqlalchemy.dialects.sqlite",
    ):  # fmt: skip
        importlib.import_module(late)
    gc.freeze()  # or each command, when it ends, copies and clears all of this
    orders = socket.socket(fileno=os.dup(0))
    orders.set_inheritable(False)
    wakeup, end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(end, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    ends: dict[int, int] = {}  # process number: where its end is told
    while True:
        ready, _, _ = select.select([orders, wakeup], [], [])
        if wakeup in ready:
            os.read(wakeup, 512)
            _tell_of_ends(ends)
        if orders not in ready:
            continue
        text, files, _, _ = socket.recv_fds(orders, 1 << 20, 3)
        if not text:
            os._exit(0)
        for descriptor in files:
            os.set_inheritable(descriptor, False)
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            orders.close()
            for descriptor in (wakeup, end, *ends.values()):
                os.close(descriptor)
            _become(json.loads(text), files[1:])
            os.write(files[0], _NUMBER.pack(os.getpid()))
            os.close(files[0])
            return main()
        for descriptor in files[1:]:
            os.close(descriptor)
        ends[pid] = files[0]


def _tell_of_ends(ends: dict[int, int]) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            with contextlib.suppress(BrokenPipeError):  # nobody waits for it
                os.write(ends[pid], _NUMBER.pack(os.waitstatus_to_exitcode(status)))
            os.close(ends.pop(pid))


def _become(order: dict[str, Any], files: Sequence[int]) -> None:
    """Have what the command has been given, and `files` as stdout and stderr."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, descriptor in enumerate((nothing, *files)):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(order["cwd"])
    _mark(order["env"].get(MARK, BLANK))
    os.environ.clear()
    os.environ.update(order["env"])
    sys.path[0] = order["cwd"]
    sys.argv = ["hpsearch", *order["arguments"]]


def _mark(mark: str) -> None:
    """Show this mark in /proc, where the environment is that of the start, overwritten or not."""
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_void_p
    assert len(mark) == len(BLANK)
    ctypes.memmove(getenv(MARK.encode()), mark.encode(), len(mark))
