"""The command `hpsearch`, which answers `--version` without importing the command line."""

import atexit
import gc
import sys

from hpsearch.errors import HpsearchError
from hpsearch.ui.cli.version import print_version


def main() -> None:
    """Run the command line; an error for the user becomes one message and an exit code."""
    if sys.argv[1:] == ["--version"]:
        print_version()
        return
    gc.set_threshold(50_000)  # at 700, collections take a seventh of the time of all imports
    atexit.register(gc.freeze)  # else Python's last collection searches every imported module
    from hpsearch.ui.cli.main import app

    try:
        app()
    except HpsearchError as error:
        print(f"hpsearch: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
