"""A search as it runs: a live picture in a terminal, lines elsewhere, JSON lines for programs."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict

from hpsearch.events import (
    ConfirmStarted,
    EndedOnRequest,
    Event,
    GoesOn,
    GroupBroke,
    LoggerFailed,
    OutOfTime,
    Paused,
    RoundEnded,
    RoundsAdded,
    RoundStarted,
    SearchStarted,
    Stopping,
    TrialEnded,
    TrialFound,
    TrialRetried,
    Unfused,
)
from hpsearch.ui.terminal.live import LiveView

Watch = Callable[[Event], None]


@contextlib.contextmanager
def watcher(*, quiet: bool, as_json: bool) -> Iterator[Watch]:
    """What tells the user of a search's events, as fits where the output goes."""
    if as_json:
        yield _print_json
    elif quiet:
        yield lambda _event: None
    elif sys.stdout.isatty():
        with LiveView() as view:
            yield view
    else:
        yield PlainLines()


def _print_json(event: Event) -> None:
    if isinstance(event, TrialFound):
        return  # said by the session that ran it
    print(json.dumps({"event": type(event).__name__, **asdict(event)}), flush=True)


class PlainLines:
    """One line an event."""

    def __init__(self) -> None:
        self._metric = ""

    def __call__(self, event: Event) -> None:
        if isinstance(event, SearchStarted):
            self._metric = event.metric
        line = self._line(event)
        if line:
            print(line, flush=True)

    def _line(self, event: Event) -> str | None:
        match event:
            case SearchStarted():
                goes_on = f", goes on after {event.finished} trials" if event.finished else ""
                return (
                    f"{event.name}: {event.rounds} rounds of {event.trials} trials on "
                    f"{len(event.places)} places{goes_on}; {event.folder}"
                )
            case RoundStarted():
                around = f"width {event.width:.3f} around {list(event.survivors)}"
                drawn = around if event.round else "prior"
                return f"round {event.round}: {event.budget:,} steps, {drawn}"
            case TrialEnded():
                return f"  {self._ended(event)}"
            case TrialRetried():
                tries = f"attempt {event.attempt} of {event.attempts}"
                return f"  trial {event.spec.number} was killed; {tries}"
            case RoundEnded():
                failed = f", {event.failed} failed" if event.failed else ""
                return (
                    f"round {event.round} done: best {event.best:.5g}, "
                    f"median {event.median:.5g}{failed}"
                )
            case ConfirmStarted():
                return f"confirming trials {list(event.candidates)} over {event.seeds} seeds"
            case Stopping() | OutOfTime() | Paused() | GoesOn() | RoundsAdded() | EndedOnRequest():
                return str(event)
            case Unfused() | GroupBroke():
                return str(event)
            case LoggerFailed():
                return f"{event.logger}: {event.message}"
        return None

    def _ended(self, event: TrialEnded) -> str:
        outcome = event.outcome
        said = f"{event.spec.role} {event.spec.number}: "
        if outcome.value is not None:
            said += f"{self._metric} {outcome.value:.5g}"
        if outcome.reason is not None:
            said += f" {outcome.reason}: {outcome.message.splitlines()[0][:100]}"
        return f"{said}  ({outcome.seconds:.1f} s)"
