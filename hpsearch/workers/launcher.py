"""The launcher interface: start jobs on trial folders; results come back as files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from hpsearch.workers.worker import Job


@dataclass(frozen=True)
class Exit:
    """A job and every process that it started are gone; its outcomes are in its folders."""


class Launcher(Protocol):
    """Starts, watches and kills jobs (contract: `hpsearch.testing`)."""

    def submit(self, jobs: Sequence[Job]) -> Sequence[str]:
        """Start jobs and return a handle for each."""
        ...

    def poll(self, handles: Sequence[str], timeout_s: float) -> Mapping[str, Exit | None]:
        """Wait at most `timeout_s` for a job to end; None for running jobs, Exit for all others."""
        ...

    def cancel(self, handle: str) -> None:
        """Kill a job; `poll` reports it when it is gone. Unknown and ended jobs are ignored."""
        ...

    def close(self) -> None:
        """Kill everything that still runs, and wait until it is gone."""
        ...
