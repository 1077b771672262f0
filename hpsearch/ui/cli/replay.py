"""`hpsearch replay`: a recorded trial, trained again by hand."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpsearch import controller

if TYPE_CHECKING:
    from hpsearch.trial import Outcome, Report


def replay(
    run: Annotated[Path, typer.Argument(help="The run folder.", metavar="RUN")],
    trial: Annotated[int, typer.Argument(help="Its number.", metavar="TRIAL")],
    into: Annotated[
        Path | None, typer.Option(help="Keep reports, checkpoint and artifacts in this new folder.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="cpu or cuda:0, if not where it was trained.")
    ] = None,
) -> None:
    """Train a trial again, here and now, and compare; the study stays as it is."""
    found = controller.replay_trial(run, trial, into=into, device=device, on_report=_show)
    print(f"now       {_said(found.outcome)}")
    if found.recorded is None:
        print("recorded  nothing yet")
        return
    print(f"recorded  {_said(found.recorded)}")
    print("the same, bit for bit" if found.is_same else "not the same")
    if not found.is_same:
        raise typer.Exit(1)


def _show(report: "Report") -> None:
    metrics = " ".join(f"{name} {value}" for name, value in report.metrics.items())
    print(f"step {report.step:,}: {metrics}", flush=True)


def _said(outcome: "Outcome") -> str:
    said = outcome.state if outcome.value is None else repr(outcome.value)
    return f"{said} ({outcome.reason}: {outcome.message})" if outcome.reason else said
