"""What the pool's processes do in its tests."""

import os
import signal
import time


def act(job):
    """`job` is what to do, and a value for it."""
    kind, value = job
    if kind == "sleep":
        time.sleep(value)
    elif kind == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif kind == "threads":
        return os.environ["OMP_NUM_THREADS"]
    return value
