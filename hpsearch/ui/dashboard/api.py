"""A study as JSON records for the pages: everything first, then only what has changed."""

import shlex
from collections import defaultdict
from dataclasses import asdict
from datetime import datetime
from typing import Any

from hpsearch.errors import HpsearchError
from hpsearch.storage import (
    RoundSummary,
    RunFolder,
    Snapshot,
    Winner,
    read_launch_record,
    state_of,
    value_of,
)
from hpsearch.trial import Trial
from hpsearch.ui import figures
from hpsearch.ui.figures.style import rounded

Record = dict[str, Any]

_MAX_NUMBERS = 12  # trials listed for each reason to fail


def study(snapshot: Snapshot, since: int = 0, epoch: str = "") -> Record:
    """The changes in a study since a version of an epoch; everything if the epoch is another.

    Returns:
        epoch, version, pending; same: true if nothing has changed. Else head and running, always
        complete, and the trials and rounds that changed. A row of trials has the fields that
        `columns` names, without the nulls at its end.
    """
    if epoch != snapshot.epoch or since > snapshot.version:
        since = 0
    record: Record = {
        "epoch": snapshot.epoch,
        "version": snapshot.version,
        "since": since,
        "pending": asdict(snapshot.pending),
    }
    if since == snapshot.version:
        return record | {"same": True}
    changed = [t for t in snapshot.result.records if snapshot.stamps[t.spec.number] > since]
    # A round's survivors become known when the next round, or the confirmation, begins.
    rounds = {t.spec.round for t in changed} | {t.spec.round - 1 for t in changed}
    return record | {
        "head": head(snapshot),
        "running": running(snapshot),
        "rounds": [_round(r) for r in snapshot.rounds if not since or r.round in rounds],
        "columns": ["number", "round", "index", "role", "state", "value", "reason", "parent"],
        "trials": [_trial_row(trial) for trial in changed],
    }


def head(snapshot: Snapshot) -> Record:
    """A study's settings, progress and best trials."""
    result, plan = snapshot.result, snapshot.plan
    planned = plan.rounds * plan.trials + plan.candidates * plan.seeds
    best = result.best_trial
    return {
        "name": result.name,
        "folder": str(result.folder),
        "metric": result.metric,
        "direction": result.direction,
        "state": snapshot.state,
        "plan": asdict(plan),
        "round": len(result.rounds) - 1,
        "done": sum(t.outcome is not None for t in result.records),
        "total": max(planned, len(result.records)),
        "best": best
        and {
            "number": best.spec.number,
            "value": rounded(value_of(best)),
            "params": dict(best.spec.params),
        },
        "winners": [_winner(winner) for winner in result.winners],
        "seconds_left": rounded(snapshot.seconds_left, 3),
        "command": _command(snapshot) if snapshot.state == "interrupted" else None,
        "holder": dict(snapshot.holder) if snapshot.holder else None,
        "devices": _devices(snapshot),
        "failures": [
            {
                "reason": reason,
                "count": len(trials),
                "numbers": [t.spec.number for t in trials[:_MAX_NUMBERS]],
            }
            for reason, trials in snapshot.failures().items()
        ],
    }


def running(snapshot: Snapshot) -> list[Record]:
    """The running trials."""
    now = datetime.now()
    return [
        {
            "number": trial.number,
            "step": trial.step,
            "budget": trial.budget,
            "value": rounded(trial.metrics.get(snapshot.result.metric)),
            "seconds": round((now - trial.started).total_seconds()),
        }
        for trial in snapshot.running
    ]


def study_row(name: str, snapshot: Snapshot) -> Record:
    """A study's row in the list of studies."""
    study_head = head(snapshot)
    keys = (
        "name", "metric", "direction", "state", "round", "done", "total", "best", "seconds_left",
    )  # fmt: skip
    return {
        "id": name,
        **{key: study_head[key] for key in keys},
        "rounds": snapshot.plan.rounds,
        "winner": next(iter(study_head["winners"]), None),
        "running": len(snapshot.running),
        "failed": sum(failure["count"] for failure in study_head["failures"]),
        "curve": [rounded(value, 4) for value in figures.sparkline(snapshot)],
    }


def trial_fields(trial: Trial) -> Record:
    """The fields of a trial that every page shows."""
    spec, outcome = trial.spec, trial.outcome
    return {
        "number": spec.number,
        "round": spec.round,
        "index": spec.index,
        "role": spec.role,
        "state": state_of(trial),
        "value": rounded(value_of(trial)),
        "reason": outcome.reason if outcome else None,
        "parent": spec.parent,
    }


def _trial_row(trial: Trial) -> list[Any]:
    row = list(trial_fields(trial).values())
    while row[-1] is None:
        row.pop()
    return row


def _devices(snapshot: Snapshot) -> dict[str, list[int]]:
    """For each device, the number of trials of each of its jobs."""
    devices: dict[str, list[int]] = defaultdict(list)
    for members in snapshot.running_groups:
        devices[members[0].device].append(len(members))
    return devices


def _round(summary: RoundSummary) -> Record:
    return asdict(summary) | {
        "best": rounded(summary.best),
        "median": rounded(summary.median),
        "width": rounded(summary.width),
    }


def _command(snapshot: Snapshot) -> str:
    """The command that resumes the search, or why it is not known."""
    try:
        launch = read_launch_record(RunFolder(snapshot.result.folder))
    except HpsearchError as error:
        return str(error)
    return shlex.join(["hpsearch", *launch.arguments])


def _winner(winner: Winner) -> Record:
    def spread(metric: Any) -> Record:
        return {"mean": rounded(metric.mean), "sd": rounded(metric.sd, 3), "count": metric.count}

    return {
        "number": winner.number,
        "params": dict(winner.params),
        "searched": rounded(winner.searched),
        "confirmed": spread(winner.confirmed),
        "metrics": {name: spread(metric) for name, metric in winner.metrics.items()},
        "trials": list(winner.trials),
    }
