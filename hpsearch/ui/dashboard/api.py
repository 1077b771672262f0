"""What the pages are told, as plain JSON records: whole at first, then what has changed."""

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

Record = dict[str, Any]

_NUMBERS_SHOWN = 12  # trials named for each reason to fail


def study(snapshot: Snapshot, since: int = 0, epoch: str = "") -> Record:
    """A study since a version that the page has; everything if its epoch is another.

    Returns:
        epoch, version, pending; same: true if nothing has changed. Else head and running (always
        whole), and the trials and rounds that changed. A row of trials is
        [number, round, index, role, state, value, reason, parent], as `columns` says, without the
        nulls at its end.
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
    # A round's survivors are known when the next one begins, or the confirmation.
    touched = {t.spec.round for t in changed} | {t.spec.round - 1 for t in changed}
    return record | {
        "head": head(snapshot),
        "running": running(snapshot),
        "rounds": [_round(r) for r in snapshot.rounds if not since or r.round in touched],
        "columns": ["number", "round", "index", "role", "state", "value", "reason", "parent"],
        "trials": [_row(trial) for trial in changed],
    }


def head(snapshot: Snapshot) -> Record:
    """What a study is and where it stands."""
    result, plan = snapshot.result, snapshot.plan
    total = plan.rounds * plan.trials + plan.candidates * plan.seeds
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
        "total": max(total, len(result.records)),
        "best": None if best is None else _best(best),
        "winners": [_winner(winner) for winner in result.winners],
        "seconds_left": brief(snapshot.seconds_left, 3),
        "command": _command(snapshot) if snapshot.state == "interrupted" else None,
        "holder": dict(snapshot.holder) if snapshot.holder else None,
        "devices": _devices(snapshot),
        "failures": [
            {
                "reason": reason,
                "count": len(trials),
                "numbers": [t.spec.number for t in trials[:_NUMBERS_SHOWN]],
            }
            for reason, trials in snapshot.failures().items()
        ],
    }


def running(snapshot: Snapshot) -> list[Record]:
    """What is being trained at the moment."""
    now = datetime.now()
    return [
        {
            "number": trial.number,
            "step": trial.step,
            "budget": trial.budget,
            "value": brief(trial.metrics.get(snapshot.result.metric)),
            "device": trial.device,
            "seconds": round((now - trial.started).total_seconds()),
        }
        for trial in snapshot.running
    ]


def listing(name: str, snapshot: Snapshot) -> Record:
    """A study's row in the list of studies."""
    shown = head(snapshot)
    keys = ("name", "metric", "direction", "state", "round", "done", "total", "best")
    winners = shown["winners"]
    return {
        "id": name,
        **{key: shown[key] for key in keys},
        "rounds": snapshot.plan.rounds,
        "seconds_left": shown["seconds_left"],
        "winner": winners[0] if winners else None,
        "running": len(snapshot.running),
        "failed": sum(failure["count"] for failure in shown["failures"]),
        "curve": [brief(value, 4) for value in figures.sparkline(snapshot)],
    }


def brief(value: float | None, digits: int = 6) -> float | None:
    """A number with as many digits as anybody reads."""
    return None if value is None else float(f"{value:.{digits}g}")


def _devices(snapshot: Snapshot) -> dict[str, list[int]]:
    """What runs on each device: one number for each job, its trials."""
    devices: dict[str, list[int]] = defaultdict(list)
    for members in snapshot.places:
        devices[members[0].device].append(len(members))
    return devices


def _round(summary: RoundSummary) -> Record:
    record = asdict(summary)
    return record | {key: brief(record[key]) for key in ("best", "median", "width")}


def _row(trial: Trial) -> list[Any]:
    spec, outcome = trial.spec, trial.outcome
    row = [
        spec.number,
        spec.round,
        spec.index,
        spec.role,
        state_of(trial),
        brief(value_of(trial)),
        outcome.reason if outcome else None,
        spec.parent,
    ]
    while row[-1] is None:
        row.pop()
    return row


def _command(snapshot: Snapshot) -> str:
    """What goes on with the search, or why nobody knows."""
    try:
        way = read_launch_record(RunFolder(snapshot.result.folder))
    except HpsearchError as error:
        return str(error)
    return shlex.join(["hpsearch", *way.arguments])


def _best(trial: Trial) -> Record:
    spec = trial.spec
    return {"number": spec.number, "value": brief(value_of(trial)), "params": dict(spec.params)}


def _winner(winner: Winner) -> Record:
    def spread(of: Any) -> Record:
        return {"mean": brief(of.mean), "sd": brief(of.sd, 3), "count": of.count}

    return {
        "number": winner.number,
        "params": dict(winner.params),
        "searched": brief(winner.searched),
        "confirmed": spread(winner.confirmed),
        "metrics": {name: spread(of) for name, of in winner.metrics.items()},
        "failures": winner.failures,
        "trials": list(winner.trials),
    }
