"""The picture of a search in a terminal, redrawn while the search runs."""

import contextlib
import threading
import time
from pathlib import Path

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from hpsearch.errors import RunFolderError
from hpsearch.events import Event, SearchStarted, Severity
from hpsearch.storage import View
from hpsearch.ui.terminal import screen
from hpsearch.ui.terminal.picture import picture

_REFRESH_HZ = 4


class LiveView:
    """Draws the search whose events it is called with, and below it the events that matter most.

    Args:
        console: where to draw; the standard output unless given.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._lock = threading.Lock()
        self._view: View | None = None
        self._notes: list[Event] = []
        # Last, because it calls `picture` at once.
        self._live = Live(
            get_renderable=self.picture,
            refresh_per_second=_REFRESH_HZ,
            console=console or screen.console,
        )

    def __enter__(self) -> "LiveView":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()
        self.close()

    def close(self) -> None:
        with self._lock:
            if self._view is not None:
                self._view.close()

    def __call__(self, event: Event) -> None:
        with self._lock:
            if isinstance(event, SearchStarted):
                self._view = View(event.folder)
            elif event.severity <= Severity.NOTICE:
                self._notes.append(event)

    def picture(self) -> RenderableType:
        with self._lock:
            if self._view is None:
                return Text("loading the trainer ...", style="dim")
            try:
                return picture(self._view.read(), self._notes)
            except RunFolderError as error:
                return Text(str(error), style="dim")


def follow(run: Path) -> None:
    """Draw a search that another process runs, until it ends.

    Raises:
        RunFolderError: there is no such run folder.
    """
    with (
        contextlib.closing(View(run)) as view,
        Live(picture(view.read()), auto_refresh=False) as live,
    ):
        while (snapshot := view.read()).holder is not None:
            live.update(picture(snapshot), refresh=True)
            time.sleep(1 / _REFRESH_HZ)
        live.update(picture(snapshot))
