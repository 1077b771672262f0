"""The command `hpsearch`; it answers `--version` before it imports the command line."""

import gc
import sys

from hpsearch.errors import HpsearchError
from hpsearch.ui.cli.version import print_version


def main() -> None:
    """Run the command line; an error for the user ends it with one message and its exit code."""
    if sys.argv[1:] == ["--version"]:
        print_version()
        return
    gc.set_threshold(50_000)  # at 700, collections take a seventh of the time of all imports
    from hpsearch.ui.cli.main import app

    try:
        app()
    except HpsearchError as error:
        print(f"hpsearch: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
