"""Results that are computed once on a machine and read by every trial afterwards.

They lie in $HPSEARCH_CACHE, or ~/.cache/hpsearch. joblib keeps them by the function's source and
arguments; a lock makes a process that wants what another is computing wait for it.
"""

import fcntl
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import joblib

P = ParamSpec("P")
T = TypeVar("T")


def folder() -> Path:
    return Path(os.environ.get("HPSEARCH_CACHE") or Path.home() / ".cache" / "hpsearch")


def remember(function: Callable[P, T]) -> Callable[P, T]:
    """Keep the function's results on disk, and in this process."""

    @functools.cache
    def recall(*args: P.args, **kwargs: P.kwargs) -> T:
        place = folder()
        place.mkdir(parents=True, exist_ok=True)
        kept = joblib.Memory(place, verbose=0).cache(function)
        with (place / f"{function.__name__}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # ends with the file, also when the process dies
            return kept(*args, **kwargs)

    return functools.wraps(function)(recall)
