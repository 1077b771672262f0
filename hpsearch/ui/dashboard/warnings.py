"""Warnings of a study: ranges that may be too narrow, and trials that failed."""

from dataclasses import asdict

from hpsearch.storage import Snapshot
from hpsearch.ui import figures
from hpsearch.ui.dashboard import trials
from hpsearch.ui.dashboard.api import Record

_TAIL_LINES = 12


def warnings(snapshot: Snapshot) -> Record:
    """Ranges at whose ends the survivors lie, and an example of each kind of failure.

    Returns:
        at_bound: records of `figures.AtBound`; failures: for each reason, the most frequent
        first, its first trial with its message and the last lines of its log.
    """
    failures = []
    for reason, failed in snapshot.failures().items():
        number, outcome = failed[0].spec.number, failed[0].outcome
        assert outcome is not None
        log = trials.log(snapshot.folder(number))["text"]
        failures.append(
            {
                "reason": reason,
                "number": number,
                "message": outcome.message,
                "tail": "\n".join(log.rstrip().split("\n")[-_TAIL_LINES:]),
            }
        )
    at_bound = [asdict(warning) for warning in figures.at_bound(snapshot)]
    return {"at_bound": at_bound, "failures": failures}
