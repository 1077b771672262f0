"""`hpsearch dashboard`: web pages of all searches in a folder."""

import importlib.util
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from hpsearch.errors import HpsearchError

_NEEDED = ("flask", "optuna_dashboard", "plotly", "waitress")


def dashboard(
    runs: Annotated[
        Path, typer.Argument(help="A folder of run folders, or a run folder.", metavar="[RUNS_DIR]")
    ] = Path("runs"),
    port: Annotated[int, typer.Option(help="0 for any free port.", min=0, max=65535)] = 8080,
    host: Annotated[
        str, typer.Option(help="Address to listen on; other machines need a token.")
    ] = "127.0.0.1",
    token: Annotated[
        str | None,
        typer.Option(
            envvar="HPSEARCH_TOKEN",
            help="What a browser must give; generated and printed if one is needed.",
        ),
    ] = None,
    allow_control: Annotated[
        bool, typer.Option("--allow-control", help="Add buttons that control searches.")
    ] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Another host name of this machine."),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Show running and finished searches on web pages that update themselves."""
    if any(importlib.util.find_spec(name) is None for name in _NEEDED):
        raise HpsearchError("the dashboard needs more packages: pip install 'hpsearch[dashboard]'")
    if not runs.is_dir() and runs != Path("runs"):
        raise HpsearchError(f"{runs}: no such folder; give the folder that holds the run folders")
    from hpsearch.ui.dashboard.serve import Server, serve

    signal.signal(signal.SIGTERM, _end)
    server = Server(
        runs,
        host=host,
        port=port,
        token=token,
        allow_control=allow_control,
        names=allow_host or (),
    )
    try:
        serve(server, open_page=open_)
    except KeyboardInterrupt:
        print()


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)
