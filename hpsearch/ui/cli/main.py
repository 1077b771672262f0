"""The command line: `hpsearch check | run | status | best | trials | export | digest`.

The other commands are in `control`, `dashboard`, `replay` and `report`. Rooms are imported as
modules, whose names load at their first use, and terminal modules inside the commands, so that
`--help` does not wait for what only a search needs.
"""

import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hpsearch import controller, storage
from hpsearch import study as studies
from hpsearch.errors import HpsearchError
from hpsearch.files import replacing, write_text
from hpsearch.ui.cli import control, dashboard, replay, report
from hpsearch.ui.cli.control import RunPath
from hpsearch.ui.cli.version import print_version

if TYPE_CHECKING:
    from hpsearch.storage import Result

app = typer.Typer(
    help="Tightening random search for GANs and classifiers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

StudyFile = Annotated[Path, typer.Argument(help="The study file.", metavar="STUDY")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a key of the study: search.rounds=2."
    ),
]
Parallel = Annotated[
    str | None,
    typer.Option(help="Trials at once, a number or auto: --set resources.parallel=N."),
]
Runs = Annotated[Path, typer.Option(help="The folder of run folders.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write here, not to stdout.")]


def _print_version(is_asked: bool) -> None:
    if is_asked:
        print_version()
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    pass


class ParamsFormat(StrEnum):
    yaml = "yaml"
    json = "json"


class TableFormat(StrEnum):
    csv = "csv"
    parquet = "parquet"
    json = "json"


@app.command()
def check(
    study: StudyFile,
    set_: Overrides = None,
    parallel: Parallel = None,
    fusion: Annotated[
        bool,
        typer.Option(
            "--fusion", help="Show which trials would train in one loop, and what splits them."
        ),
    ] = False,
    runs: Runs = Path("runs"),
) -> None:
    """Show what a study would run, or every mistake in it; run nothing."""
    from hpsearch.ui.terminal import plan

    checked = studies.load_study(study, _overrides(set_, parallel))
    description = controller.inspect_study(checked)
    plan.show(checked, controller.device_slots(checked, description.gpus), description)
    if fusion:
        from hpsearch.ui.cli.fusion import show

        show(checked, description, runs)


@app.command()
def run(
    study: StudyFile,
    runs: Runs = Path("runs"),
    set_: Overrides = None,
    parallel: Parallel = None,
    accept_changes: Annotated[
        bool,
        typer.Option("--accept-changes", help="Resume although the study or its trainer changed."),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only the winner.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print events as JSON lines.")] = False,
) -> None:
    """Start a study, or resume it after any interruption."""
    from hpsearch.ui.terminal import progress, tables

    with progress.watcher(quiet=quiet, as_json=json_) as watch:
        result = controller.search(
            study,
            runs=runs,
            overrides=_overrides(set_, parallel),
            accept_changes=accept_changes,
            watch=watch,
        )
    if json_:
        print(json.dumps(_best_record(result)))
    else:
        tables.show_result(result, brief=quiet)
        if not quiet:
            tables.show_bounds(storage.read_snapshot(result.folder))


@app.command()
def status(
    run: RunPath,
    watch: Annotated[
        bool, typer.Option("--watch", help="Draw the search until it ends, as `run` does.")
    ] = False,
) -> None:
    """Show the state of a search: rounds, running trials, leaders, failures."""
    from hpsearch.ui.terminal import live, tables

    if watch:
        live.follow(run)
    tables.show_status(storage.read_snapshot(run))


@app.command()
def best(
    run: RunPath,
    format: Annotated[ParamsFormat, typer.Option(help="yaml or json.")] = ParamsFormat.yaml,
    output: Output = None,
) -> None:
    """Print the winner's parameters, ready to paste; their value goes to stderr."""
    result = storage.read_snapshot(run).result
    if (winner := result.best) is not None:
        number, params, value = winner.number, winner.params, f"{winner.confirmed} over seeds"
    elif (trial := result.best_trial) is not None:
        number, params = trial.spec.number, trial.spec.params
        value = f"{storage.value_of(trial):.6g} in one run, not confirmed"
    else:
        raise HpsearchError(f"{run}: no trial has finished yet")
    print(f"# trial {number}: {result.metric} {value}", file=sys.stderr)
    if format is ParamsFormat.json:
        text = json.dumps(dict(params), indent=1) + "\n"
    else:
        text = studies.format_params(params)
    _write(text, output)


@app.command()
def trials(
    run: RunPath,
    round: Annotated[int | None, typer.Option(help="Only this round.")] = None,
    sort: Annotated[str, typer.Option(help="number or value.")] = "number",
    limit: Annotated[int | None, typer.Option(help="At most this many.")] = None,
) -> None:
    """Print a table of trials."""
    from hpsearch.ui.terminal import tables

    if sort not in ("number", "value"):
        raise HpsearchError(f"--sort: must be number or value, got {sort!r}")
    tables.show_trials(
        storage.read_snapshot(run).result, round=round, by_value=sort == "value", limit=limit
    )


@app.command()
def export(
    run: RunPath,
    format: Annotated[TableFormat, typer.Option(help="csv, parquet or json.")] = TableFormat.csv,
    output: Output = None,
) -> None:
    """Write all trials as one table, with columns params.* and metrics.*."""
    result = storage.read_snapshot(run).result
    rows = [storage.trial_row(trial) for trial in result.records]
    if format is TableFormat.parquet:
        _write_parquet(rows, output)
        return
    if format is TableFormat.json:
        _write(json.dumps(rows, indent=1) + "\n", output)
        return
    text = io.StringIO()
    writer = csv.DictWriter(text, _columns(rows), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    _write(text.getvalue(), output)


@app.command()
def digest(run: RunPath) -> None:
    """Print one SHA-256 over all trials: the same if a search is killed and resumed."""
    print(storage.read_snapshot(run).result.digest)


app.command()(dashboard.dashboard)
app.command()(report.report)
app.command()(report.compare)
app.command()(replay.replay)
app.add_typer(control.app)


def _overrides(given: list[str] | None, parallel: str | None) -> list[str]:
    return [*(given or []), *([f"resources.parallel={parallel}"] if parallel else [])]


def _best_record(result: "Result") -> dict[str, Any]:
    winner = result.best
    record: dict[str, Any] = {"event": "SearchEnded", "folder": str(result.folder)}
    if winner is not None:
        record |= {
            "trial": winner.number,
            "params": dict(winner.params),
            "mean": winner.confirmed.mean,
            "sd": winner.confirmed.sd,
            "metrics": {k: {"mean": s.mean, "sd": s.sd} for k, s in winner.metrics.items()},
        }
    return record


def _columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The keys of all rows in the order of first appearance, params before metrics."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    order = {"params": 1, "metrics": 2}
    return sorted(names, key=lambda name: order.get(name.partition(".")[0], 0))


def _write(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text)
        return
    try:
        write_text(output, text)
    except OSError as error:
        raise HpsearchError(f"{output}: cannot be written: {error.strerror}") from error


def _write_parquet(rows: Sequence[Mapping[str, Any]], output: Path | None) -> None:
    if output is None:
        raise HpsearchError("--format parquet needs --output FILE")
    try:
        import pandas
        import pyarrow  # noqa: F401 - pandas writes Parquet with it
    except ImportError:
        raise HpsearchError(
            "--format parquet needs pandas and pyarrow: pip install 'hpsearch[pandas]'"
        ) from None
    frame = pandas.DataFrame(rows)
    for name in frame.columns:
        if frame[name].dtype == object:  # a choice may mix numbers and strings
            frame[name] = frame[name].map(lambda v: v if v is None else str(v))
    with replacing(output) as file:
        frame.to_parquet(file, index=False)
