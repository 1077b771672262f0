"""The commands that act on a search: `pause | go-on | end | stop | add-rounds | note | again`."""

import time
from pathlib import Path
from typing import Annotated

import typer

from hpsearch.controller import (
    extend_search,
    finish_after_round,
    pause_search,
    rerun_trial,
    resume_search,
    stop_search,
    stop_trial,
    write_note,
)
from hpsearch.errors import HpsearchError
from hpsearch.storage import RunFolder

app = typer.Typer()

RunPath = Annotated[Path, typer.Argument(help="The run folder.", metavar="RUN")]
TrialNumber = Annotated[int, typer.Argument(help="A trial's number.", metavar="TRIAL")]


@app.command()
def pause(run: RunPath) -> None:
    """Start no more trials until `go-on`; those that run finish."""
    print(pause_search(run))


@app.command("go-on")
def go_on(run: RunPath) -> None:
    """Lift a pause, withdraw an `end`; or start the search again, without this terminal."""
    print(resume_search(run))


@app.command()
def end(run: RunPath) -> None:
    """Begin no more rounds: finish the one at hand and confirm the winners."""
    print(finish_after_round(run))


@app.command()
def stop(
    run: RunPath,
    now: Annotated[bool, typer.Option("--now", help="Do not let running trials finish.")] = False,
    trial: Annotated[
        int | None, typer.Option(help="Only this trial, which then counts as failed.")
    ] = None,
) -> None:
    """Ask a search to end after its running trials; asked twice, or with --now, at once."""
    if trial is not None:
        if now:
            raise HpsearchError("--now: a single trial is always ended now; leave it out")
        print(stop_trial(run, trial))
        return
    folder = RunFolder(run)
    holder = folder.holder()
    at_once = now or folder.stop_requested() is not None
    stop_search(run, now=now)
    waited = False
    while holder is not None and folder.holder() == holder:  # another may come after it
        if not waited and not at_once:
            print("waiting for the running trials; `hpsearch stop` again ends them now")
        waited = True
        time.sleep(0.1)
    print(f"stopped; `hpsearch run` goes on with {run}")


@app.command("add-rounds")
def add_rounds(
    run: RunPath,
    rounds: Annotated[int, typer.Argument(help="How many more.", metavar="N")],
) -> None:
    """Give a search more rounds than its study has; withdraws an `end`."""
    print(extend_search(run, rounds))


@app.command()
def note(
    run: RunPath,
    trial: TrialNumber,
    text: Annotated[
        str | None, typer.Argument(help='"" removes the note; left out, it is shown.')
    ] = None,
) -> None:
    """Write a note on a trial, or show it."""
    if text is None:
        print(RunFolder(run).trial(trial).read_note() or f"no note on trial {trial}")
    else:
        print(write_note(run, trial, text))


@app.command()
def again(run: RunPath, trial: TrialNumber) -> None:
    """Train a trial's parameters once more from scratch, under a fresh seed."""
    print(rerun_trial(run, trial))
