"""Questions to a child process, which imports the trainer so that this process need not."""

import atexit
import ctypes
import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hpsearch import files
from hpsearch.errors import TrainerError

_PR_SET_PDEATHSIG = 1
_ATTEMPTS = 3
_KILLED = (-signal.SIGKILL, -signal.SIGTERM)


def ask_child(module: str, question: Any, *, failure: str) -> Any:
    """Run `python -m module`, which calls `answer_parent`, and return its answer.

    A child that a signal killed from outside is started again, at most twice.

    Args:
        question: JSON; paths become strings.
        failure: what an error message calls a child that gave no answer.

    Raises:
        TrainerError: the child raised one, or ended without an answer; with the end of its output.
    """
    with tempfile.TemporaryDirectory(prefix="hpsearch-") as folder:
        asked, answered = Path(folder) / "question.json", Path(folder) / "answer.json"
        asked.write_text(json.dumps(question, default=str))
        for _attempt in range(_ATTEMPTS):
            child = subprocess.run(
                [sys.executable, "-m", module, str(asked), str(answered)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
            if child.returncode not in _KILLED:
                break
        if not answered.exists():
            tail = "\n".join((child.stderr or child.stdout).splitlines()[-12:])
            raise TrainerError(f"{failure} (exit {child.returncode}):\n{tail}")
        reply = files.read_json(answered)
    if "error" in reply:
        raise TrainerError(reply["error"])
    return reply["answer"]


def answer_parent(answer: Callable[[Any], Any]) -> None:
    """Answer the question of `ask_child`; the whole program of the child."""
    # A child whose import of the trainer hangs must not outlive its parent.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    gc.disable()  # collections during `import torch` take a tenth of its time and free nothing
    asked, answered = map(Path, sys.argv[1:])
    try:
        reply = {"answer": answer(files.read_json(asked))}
    except TrainerError as error:
        reply = {"error": str(error)}
    files.write_json(answered, reply)
    # Python's own exit tears down torch's modules, which takes a third of their import's time.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
