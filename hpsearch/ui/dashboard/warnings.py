"""What a person should know of a study besides numbers: bounds too narrow, trials that failed."""

from dataclasses import asdict

from hpsearch.storage import Snapshot
from hpsearch.trial import Folder
from hpsearch.ui import figures
from hpsearch.ui.dashboard.api import Record
from hpsearch.ui.formatting import plain

_TAIL_LINES = 12
_TAIL_BYTES = 1 << 14


def remarks(snapshot: Snapshot) -> Record:
    """The parameters on whose bounds survivors press, and the last words of failed trials.

    Returns:
        pressing: records of `figures.AtBound`; failures: for each reason, the most frequent
        first, its first trial with message and the end of its log.
    """
    failures = []
    for reason, trials in snapshot.failures().items():
        first = trials[0]
        assert first.outcome is not None
        failures.append(
            {
                "reason": reason,
                "number": first.spec.number,
                "message": first.outcome.message,
                "tail": _tail(snapshot.folder(first.spec.number)),
            }
        )
    return {"pressing": [asdict(one) for one in figures.at_bound(snapshot)], "failures": failures}


def _tail(folder: Folder) -> str:
    try:
        with folder.log.open("rb") as file:
            file.seek(max(0, folder.log.stat().st_size - _TAIL_BYTES))
            lines = plain(file.read().decode(errors="replace")).rstrip().split("\n")
    except FileNotFoundError:
        return ""
    return "\n".join(lines[-_TAIL_LINES:])
