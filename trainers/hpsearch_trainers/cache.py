"""Results that are computed once per machine and read by all later trials.

joblib stores them in $HPSEARCH_CACHE, or ~/.cache/hpsearch, by the source and the arguments of the
function. A process that needs a result that another one is computing waits for it.
"""

import fcntl
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def folder() -> Path:
    return Path(os.environ.get("HPSEARCH_CACHE") or Path.home() / ".cache" / "hpsearch")


def remember(function: Callable[P, T]) -> Callable[P, T]:
    """Cache the function's results on disk and in this process."""

    @functools.cache
    def recall(*args: P.args, **kwargs: P.kwargs) -> T:
        import joblib  # here, because `hpsearch check` needs no cached result

        place = folder()
        place.mkdir(parents=True, exist_ok=True)
        cached = joblib.Memory(place, verbose=0).cache(function)
        with (place / f"{function.__name__}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # ends with the file, also when the process dies
            return cached(*args, **kwargs)

    return functools.wraps(function)(recall)
