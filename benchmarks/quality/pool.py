"""Processes that each do one job after another, and that may be ended when one takes too long.

A process outlives its jobs, because the peers' imports take seconds; it is replaced when a job
ended it or had to be ended. The processes end with the one that started them.
"""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

Job = TypeVar("Job")
Answer = TypeVar("Answer")

# One BLAS thread, and memory that glibc keeps: giving small arrays' pages back and faulting them in
# again took a fifth of a run of Optuna's GPSampler, and as much of the other core's time.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "MALLOC_TOP_PAD_": str(256 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),  # the most that it takes
}


class Failed(str):
    """Why a job has no answer."""


@dataclass
class _Worker(Generic[Job]):
    work: Callable[[Any], Any]
    job: Job | None = None
    deadline: float = 0.0
    process: Any = field(init=False)
    pipe: Connection = field(init=False)

    def __post_init__(self) -> None:
        self.pipe, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        self.process = context.Process(target=_serve, args=(theirs, self.work), daemon=True)
        self.process.start()
        theirs.close()

    def begin(self, job: Job, limit_s: float) -> None:
        self.job, self.deadline = job, time.monotonic() + limit_s
        self.pipe.send(job)

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def answers(
    work: Callable[[Job], Answer],
    jobs: Callable[[], Job | None],
    *,
    processes: int,
    limit_s: float,
) -> Iterator[tuple[Job, Answer | Failed]]:
    """The answers to the jobs, in the order in which they come.

    Args:
        work: a function of a module, run in the processes with one BLAS thread.
        jobs: the next job, None when there is none left.
        processes: that work at a time.
        limit_s: for one job; the first of a process has 60 s more, for its imports.
    """
    before = {name: os.environ.get(name) for name in ENVIRONMENT}
    os.environ.update(ENVIRONMENT)
    workers: list[_Worker[Job]] = []
    try:
        for _ in range(processes):
            if (job := jobs()) is None:
                break
            workers.append(_started(work, job, limit_s))
        while workers:
            for worker in _ready(workers):
                job, answer = _finished(worker, limit_s)
                yield job, answer
                following = jobs()
                if following is None or isinstance(answer, Failed):
                    worker.end()
                    workers.remove(worker)
                    if following is not None:
                        workers.append(_started(work, following, limit_s))
                else:
                    worker.begin(following, limit_s)
    finally:
        for worker in workers:
            worker.end()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _started(work: Callable[[Job], Any], job: Job, limit_s: float) -> _Worker[Job]:
    worker: _Worker[Job] = _Worker(work)
    worker.begin(job, limit_s + 60)
    return worker


def _ready(workers: list[_Worker[Job]]) -> list[_Worker[Job]]:
    """Those that have answered, died or passed their time."""
    while True:
        now = time.monotonic()
        answered = wait([w.pipe for w in workers], max(0.0, min(w.deadline for w in workers) - now))
        ready = [w for w in workers if w.pipe in answered or w.deadline <= time.monotonic()]
        if ready:
            return ready


def _finished(worker: _Worker[Job], limit_s: float) -> tuple[Job, Any]:
    job = worker.job
    assert job is not None
    try:
        if worker.pipe.poll():
            return job, worker.pipe.recv()
    except EOFError:
        worker.process.join()
        return job, Failed(f"its process ended with {worker.process.exitcode}")
    return job, Failed(f"more than {limit_s:g} s")


def _serve(pipe: Connection, work: Callable[[Any], Any]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            pipe.send(work(pipe.recv()))
        except (EOFError, BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
            return  # who has started this process is gone


def _end_with_parent() -> None:
    """A job may take minutes, and nobody waits for it any more."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
