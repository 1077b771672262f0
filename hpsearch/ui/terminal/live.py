"""The picture of a search, kept up to date in a terminal."""

import threading
import time
from pathlib import Path
from types import TracebackType

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from hpsearch.errors import RunFolderError
from hpsearch.events import (
    EndedOnRequest,
    Event,
    GoesOn,
    GroupBroke,
    LoggerFailed,
    OutOfTime,
    Paused,
    RoundsAdded,
    SearchStarted,
    Stopping,
    TrialEnded,
    TrialRetried,
    Unfused,
)
from hpsearch.storage import View
from hpsearch.ui.terminal.picture import picture

_REFRESH_HZ = 4


class LiveView:
    """Draws what a view of the run folder shows, and below it notes on the events that come in.

    Args:
        console: where to draw; the standard output unless given.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._lock = threading.Lock()
        self._view: View | None = None
        self._notes: list[str] = []
        # It draws at once, so everything else is there before it.
        self._live = Live(
            get_renderable=self.picture, refresh_per_second=_REFRESH_HZ, console=console
        )

    def __enter__(self) -> "LiveView":
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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
            elif (note := _note(event)) is not None:
                self._notes.append(note)

    def picture(self) -> RenderableType:
        """The search as it stands."""
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
        RunFolderError: there is none.
    """
    view = View(run)
    try:
        with Live(picture(view.read()), auto_refresh=False) as live:
            while True:
                snapshot = view.read()
                live.update(picture(snapshot), refresh=True)
                if snapshot.holder is None:
                    break
                time.sleep(1 / _REFRESH_HZ)
    finally:
        view.close()


def _note(event: Event) -> str | None:
    match event:
        case TrialRetried():
            return f"trial {event.spec.number} was killed from outside; runs again"
        case TrialEnded() if event.outcome.state == "fail":
            reason = f"{event.outcome.reason}: {event.outcome.message}"
            return f"trial {event.spec.number} failed, {reason.splitlines()[0][:90]}"
        case TrialEnded() if event.spec.role == "again":
            return f"trial {event.spec.parent} again: {event.outcome.value:.4g}"
        case LoggerFailed():
            return f"{event.logger}: {event.message.splitlines()[0][:110]}"
        case Stopping() | OutOfTime() | Paused() | GoesOn() | EndedOnRequest() | RoundsAdded():
            return str(event)
        case Unfused() | GroupBroke():
            return str(event)[:110]
    return None
