"""Commands that control a search: `pause resume finish stop add-rounds note rerun`."""

import time
from pathlib import Path
from typing import Annotated

import typer

from hpsearch import controller, storage
from hpsearch.errors import HpsearchError

app = typer.Typer()

RunPath = Annotated[Path, typer.Argument(help="The run folder.", metavar="RUN")]
TrialNumber = Annotated[int, typer.Argument(help="A trial's number.", metavar="TRIAL")]
_RENAMED = {"go-on": "resume", "end": "finish", "again": "rerun"}


@app.command()
def pause(run: RunPath) -> None:
    """Start no more trials until `resume`; running trials finish."""
    print(controller.pause_search(run))


@app.command()
def resume(run: RunPath) -> None:
    """Lift a pause, withdraw a `finish`, or restart a stopped search in the background."""
    print(controller.resume_search(run))


@app.command()
def finish(run: RunPath) -> None:
    """Finish the current round, confirm the winners and begin no further round."""
    print(controller.finish_after_round(run))


@app.command()
def stop(
    run: RunPath,
    now: Annotated[bool, typer.Option("--now", help="Do not let running trials finish.")] = False,
    trial: Annotated[
        int | None, typer.Option(help="End only this trial, which then counts as failed.")
    ] = None,
) -> None:
    """Stop a search after its running trials; at once with --now, or at a second stop."""
    if trial is not None:
        if now:
            raise HpsearchError("--now: --trial always ends its trial at once; leave --now out")
        print(controller.stop_trial(run, trial))
        return
    folder = storage.RunFolder(run)
    holder = folder.holder()
    print(controller.stop_search(run, now=now), flush=True)
    while holder is not None and folder.holder() == holder:  # a new controller may follow it
        time.sleep(0.1)
    print(f"stopped; `hpsearch run` resumes {run}")


@app.command("add-rounds")
def add_rounds(
    run: RunPath,
    rounds: Annotated[int, typer.Argument(help="Number of further rounds.", metavar="N")],
) -> None:
    """Add rounds to a search, and withdraw a `finish`."""
    print(controller.extend_search(run, rounds))


@app.command()
def note(
    run: RunPath,
    trial: TrialNumber,
    text: Annotated[
        str | None, typer.Argument(help='The note; "" removes it, no text shows it.')
    ] = None,
) -> None:
    """Write or show the note on a trial."""
    if text is None:
        print(storage.RunFolder(run).trial(trial).read_note() or f"no note on trial {trial}")
    else:
        print(controller.write_note(run, trial, text))


@app.command()
def rerun(run: RunPath, trial: TrialNumber) -> None:
    """Train a trial's parameters again from scratch, under a fresh seed."""
    print(controller.rerun_trial(run, trial))


def _add_renamed(old: str, new: str) -> None:
    """Make the old name of a command fail with the new one, whatever its arguments."""

    @app.command(
        old,
        hidden=True,
        add_help_option=False,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )
    def refuse() -> None:
        raise HpsearchError(f"`{old}` is now `{new}`")


for _old, _new in _RENAMED.items():
    _add_renamed(_old, _new)
