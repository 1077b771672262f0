"""A search as it runs: a live picture in a terminal, lines elsewhere, JSON lines for programs."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict

from hpsearch.events import Event, Severity, TrialFound

Watch = Callable[[Event], None]


@contextlib.contextmanager
def watcher(*, quiet: bool, as_json: bool) -> Iterator[Watch]:
    """Shows events on the standard output, in the form that suits it."""
    if as_json:
        yield _print_json
    elif quiet:
        yield lambda _event: None
    elif sys.stdout.isatty():
        from hpsearch.ui.terminal.live import LiveView

        with LiveView() as view:
            yield view
    else:
        yield _print_line


def _print_json(event: Event) -> None:
    if not isinstance(event, TrialFound):  # the session that ran the trial printed it
        print(json.dumps({"event": type(event).__name__, **asdict(event)}), flush=True)


def _print_line(event: Event) -> None:
    if event.severity <= Severity.INFO:
        print(event, flush=True)
