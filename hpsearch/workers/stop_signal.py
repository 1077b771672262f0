"""Stops a search on Ctrl-C, SIGTERM or a request in the run folder."""

import signal
import threading
from types import FrameType
from typing import Any

from hpsearch.storage import RunFolder


class StopSignal:
    """The strongest request to stop: Ctrl-C, SIGTERM or `hpsearch stop` in another terminal.

    The first Ctrl-C lets running trials finish ("drain"); a second Ctrl-C or SIGTERM ends them now.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._interrupts = 0
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "StopSignal":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._folder.clear_stop_requests()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._interrupts += 2 if number == signal.SIGTERM else 1

    @property
    def level(self) -> str | None:
        """None, "drain" or "now"."""
        requested = self._folder.stop_requested()
        if self._interrupts >= 2 or requested == "now":
            return "now"
        return "drain" if self._interrupts or requested else None
