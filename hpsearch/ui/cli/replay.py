"""`hpsearch replay`: train a recorded trial again and compare."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpsearch import controller
from hpsearch.ui.cli.control import RunPath, TrialNumber

if TYPE_CHECKING:
    from hpsearch.trial import Outcome, Report


def replay(
    run: RunPath,
    trial: TrialNumber,
    into: Annotated[
        Path | None, typer.Option(help="Keep reports, checkpoint and artifacts in this new folder.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="cpu or cuda:0; by default the recorded device.")
    ] = None,
) -> None:
    """Train a trial again in the foreground and compare; the study stays unchanged."""
    replayed = controller.replay_trial(run, trial, into=into, device=device, on_report=_show)
    print(f"now       {_describe(replayed.outcome)}")
    if replayed.recorded is None:
        print("recorded  nothing yet")
        return
    print(f"recorded  {_describe(replayed.recorded)}")
    print("the same, bit for bit" if replayed.is_same else "not the same")
    if not replayed.is_same:
        raise typer.Exit(1)


def _show(report: "Report") -> None:
    metrics = " ".join(f"{name} {value}" for name, value in report.metrics.items())
    print(f"step {report.step:,}: {metrics}", flush=True)


def _describe(outcome: "Outcome") -> str:
    value = outcome.state if outcome.value is None else repr(outcome.value)
    return f"{value} ({outcome.reason}: {outcome.message})" if outcome.reason else value
