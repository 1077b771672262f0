"""Where jobs run. A launcher starts workers on trial folders; results come back as files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from hpsearch.workers.worker import Job


@dataclass(frozen=True)
class Exit:
    """A job is over, and nothing that it started is left; its folders say what came of it."""


class Launcher(Protocol):
    """What the controller asks of a place where jobs run (contract: `hpsearch.testing`)."""

    def submit(self, jobs: Sequence[Job]) -> Sequence[str]:
        """Start jobs; returns a handle for each."""
        ...

    def poll(self, handles: Sequence[str], timeout_s: float) -> Mapping[str, Exit | None]:
        """Which jobs are over; waits `timeout_s` until one is. Unknown ones are over."""
        ...

    def cancel(self, handle: str) -> None:
        """Kill a job now; `poll` reports it when it is gone. Unknown or ended ones are ignored."""
        ...

    def close(self) -> None:
        """Kill everything that still runs, and wait until it is gone."""
        ...
