"""Runs a trial as a command in any language that prints or appends JSON lines."""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpsearch.errors import TrainerError
from hpsearch.space import is_number
from hpsearch.study import Command, render_command
from hpsearch.trainer import Run

# Signals that are sent from outside; a trial that dies of one is retried.
EXTERNAL_SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
_PERIOD_S = 0.2  # between checks of the appended file while stdout is silent


def run_command(command: Command, run: Run, *, threads: int) -> None:
    """Run the command and pass on its reports.

    A report is a JSON object with an integer `step` on a line of its own, on stdout or appended to
    the file that HPSEARCH_REPORTS names; its other numbers are metrics. Stdout goes to the log.

    Raises:
        TrainerError: the command cannot be started, or exits with a code other than 0.
        NonfiniteError: it reported an objective that is not finite.
    """
    appended = run.folder.path / "appended.jsonl"
    _repair(appended)
    values: dict[str, Any] = dict(run.hp) | {
        "seed": run.seed,
        "budget": run.budget,
        "device": run.device,
        "checkpoint": run.folder.checkpoint,
        "trial": run.folder.path,
    }
    argv = render_command(command, values)
    try:
        process = subprocess.Popen(
            argv,
            cwd=command.folder,
            env=os.environ | _environment(run, appended, threads),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
    except OSError as error:
        raise TrainerError(f"the command cannot be started: {error} ({' '.join(argv)})") from None
    try:
        code = _follow(process, appended, run)
    except BaseException:
        process.kill()
        process.wait()
        raise
    if -code in EXTERNAL_SIGNALS:
        # A signal from outside is meant for the trial: die of it, so that the trial is retried.
        os.kill(os.getpid(), signal.SIGKILL)
    if code != 0:
        ending = f"died of {signal_name(-code)}" if code < 0 else f"ended with exit code {code}"
        raise TrainerError(f"the command {ending}; its output is in log.txt")


def signal_name(number: int) -> str:
    try:
        return f"{signal.Signals(number).name} ({signal.strsignal(number)})"
    except ValueError:
        return f"signal {number}"


def _environment(run: Run, appended: Path, threads: int) -> dict[str, str]:
    # `python` in a command is the Python that hpsearch runs in, activated or not.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return dict.fromkeys(THREAD_VARIABLES, str(threads)) | {
        "PATH": path,
        "HPSEARCH_REPORTS": str(appended),
        "HPSEARCH_SEED": str(run.seed),
        "HPSEARCH_BUDGET": str(run.budget),
        "HPSEARCH_DEVICE": run.device,
        "HPSEARCH_CHECKPOINT": str(run.folder.checkpoint),
    }


def _repair(appended: Path) -> None:
    """Cut off a line that a killed attempt left unfinished."""
    if appended.exists():
        whole = appended.read_bytes().rfind(b"\n") + 1
        os.truncate(appended, whole)


def _follow(process: subprocess.Popen[bytes], appended: Path, run: Run) -> int:
    """Pass on reports from stdout and the appended file until the command ends.

    Either may end first: a command can close its stdout, or a child of it can keep stdout open.

    Returns:
        The exit code, negative for a signal.
    """
    assert process.stdout is not None
    read, buffer = 0, b""
    stdout = process.stdout.fileno()
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        while True:
            code = process.poll()
            ready = selector.select(_PERIOD_S if code is None else 0)
            chunk = os.read(stdout, 65536) if ready else None
            if chunk:
                sys.stdout.buffer.write(chunk)
                sys.stdout.buffer.flush()
                *lines, buffer = (buffer + chunk).split(b"\n")
                # Bound the memory of a line that never ends: it is output and not a report.
                buffer = buffer[-65536:]
                _report(lines, run)
            read = _report_appended(appended, read, run)
            if code is not None and not chunk:
                _report([buffer], run)
                return code
            if chunk == b"":
                selector.unregister(stdout)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_PERIOD_S)


def _report_appended(path: Path, start: int, run: Run) -> int:
    """Pass on the whole lines from byte `start` on; return the offset of their end."""
    if not path.exists() or path.stat().st_size == start:
        return start
    with path.open("rb") as file:
        file.seek(start)
        text = file.read()
    whole = text[: text.rfind(b"\n") + 1]
    _report(whole.split(b"\n"), run)
    return start + len(whole)


def _report(lines: list[bytes], run: Run) -> None:
    for line in lines:
        record = _record(line)
        if record is not None:
            step, metrics = record
            run.report(step, **metrics)


def _record(line: bytes) -> tuple[int, Mapping[str, float]] | None:
    if not line.lstrip().startswith(b"{"):
        return None
    try:
        record = json.loads(line)
    except ValueError:
        return None
    step = record.pop("step", None)
    if type(step) is not int:
        return None
    metrics = {name: float(value) for name, value in record.items() if is_number(value)}
    return (step, metrics) if metrics else None
