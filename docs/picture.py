"""The README's picture of the terminal, docs/search.svg, from a search of studies/digits_gan.yaml.

    python docs/picture.py

Runs the study in a temporary folder until the terminal shows a part of the last round.
"""

import contextlib
import os
import re
import tempfile
from pathlib import Path

from rich.console import Console

from hpsearch.controller import search
from hpsearch.events import Event, TrialEnded
from hpsearch.ui.terminal.live import LiveView

ROOT = Path(__file__).resolve().parent.parent
ENDED = 92  # trials, when the picture is taken


class PictureTaken(Exception):
    """The search need not continue."""


def main() -> None:
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=118, force_terminal=True, file=nowhere)
        view = LiveView(console)
        ended = 0

        def watch(event: Event) -> None:
            nonlocal ended
            view(event)
            ended += isinstance(event, TrialEnded)
            if ended == ENDED:
                # The last line's descenders would be cut off without a line below.
                console.print(view.picture(), "")
                raise PictureTaken

        with (
            tempfile.TemporaryDirectory() as folder,
            contextlib.chdir(folder),
            contextlib.suppress(PictureTaken),
        ):
            search(ROOT / "studies" / "digits_gan.yaml", watch=watch)
        view.close()
        # Without rich's web fonts, which a browser would fetch; any monospaced font will do.
        picture = re.sub(
            r"@font-face \{.*?\}", "", console.export_svg(title="make sweep"), flags=re.S
        )
        (ROOT / "docs" / "search.svg").write_text(picture)


if __name__ == "__main__":
    main()
