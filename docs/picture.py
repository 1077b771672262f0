"""Make docs/search.svg, the README's picture, from a real search of studies/digits_gan.yaml.

    python docs/picture.py

Runs the study in a temporary folder and draws what the terminal shows near the end of round 2.
"""

import contextlib
import os
import re
import tempfile
from pathlib import Path

from rich.console import Console

from hpsearch.controller.start import search
from hpsearch.events import Event, TrialEnded
from hpsearch.ui.terminal.live import LiveView

ROOT = Path(__file__).resolve().parent.parent
MOMENT = 92  # trials that have ended


class EnoughSeen(Exception):
    """The picture is taken."""


def main() -> None:
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=118, force_terminal=True, file=nowhere)
        view = LiveView(console)
        ended = 0

        def watch(event: Event) -> None:
            nonlocal ended
            view(event)
            ended += isinstance(event, TrialEnded)
            if ended == MOMENT:
                console.print(view.picture())
                raise EnoughSeen

        with (
            tempfile.TemporaryDirectory() as folder,
            contextlib.chdir(folder),
            contextlib.suppress(EnoughSeen),
        ):
            search(ROOT / "studies" / "digits_gan.yaml", watch=watch)
        view.close()
        # Without the fonts that rich would have a browser fetch; any monospaced one will do.
        picture = re.sub(
            r"@font-face \{.*?\}", "", console.export_svg(title="make sweep"), flags=re.S
        )
        (ROOT / "docs" / "search.svg").write_text(picture)


if __name__ == "__main__":
    main()
