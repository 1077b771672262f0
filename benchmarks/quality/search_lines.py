"""Searches that were made, a line each, and the making of those that are missing."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from .lines import Lines
from .pool import Failed, answers

LIMIT_S = 600.0  # for one job
SAY_EVERY_S = 30.0


def complete(
    lines: Lines,
    jobs: Iterator[Any],
    work: Callable[[Any], list[dict[str, Any]]],
    *,
    processes: int,
) -> None:
    """Run the jobs and append their records.

    Args:
        lines: of the records.
        jobs: arguments of `work`.
        work: a function of a module.
        processes: that work at a time.

    Raises:
        SystemExit: naming a job that did not end; what is done before it is kept.
    """
    began = said = time.monotonic()
    done = 0
    for job, answer in answers(
        work, lambda: next(jobs, None), processes=processes, limit_s=LIMIT_S
    ):
        if isinstance(answer, Failed):
            raise SystemExit(f"{job}: {answer}")
        for record in answer:
            lines.append(record)
        done += len(answer)
        if time.monotonic() - said > SAY_EVERY_S:
            said = time.monotonic()
            print(f"{done} searches in {said - began:.0f} s", flush=True)
    print(f"{done} searches in {time.monotonic() - began:.0f} s", flush=True)
