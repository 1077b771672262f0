"""The console on which every command prints."""

import os
import sys

from rich.console import Console

# Files and pipes have no width; their tables are for wide screens and for grep.
_WIDTH = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 160
# Without markup: a user's `[x]` is text, and `[/x]` no error.
console = Console(highlight=False, markup=False, width=_WIDTH)
