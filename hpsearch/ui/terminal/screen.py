"""The console on which every command prints."""

import os
import sys

from rich.console import Console

# Files and pipes have no width; their tables are for wide screens and for grep.
_WIDTH = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 160
console = Console(highlight=False, width=_WIDTH)
