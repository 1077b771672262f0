"""Manual interventions in the search: reruns on request and notes."""

from hpsearch.storage import Snapshot, state_of, value_of
from hpsearch.trial import STOPPED, Trial
from hpsearch.ui.formatting import number, plain
from hpsearch.ui.report.content import Block, Cell, Section, say, table

_SHOWN = 30
_NOTE_WIDTH = 500


def interventions(s: Snapshot) -> Section | None:
    """None when there were neither reruns nor notes."""
    repeats = [t for t in s.result.records if t.spec.role == "rerun"]
    notes = [(n, text) for n in _numbers(s) if (text := plain(s.folder(n).read_note()).strip())]
    blocks: list[Block] = []
    if repeats:
        blocks += [
            say(
                "Trained again on request, under a fresh seed; the search takes no notice of them."
            ),
            table(
                "Trained again" + _cut(repeats),
                ("trial", "trains again", f"{s.result.metric} then", "and now", "seed"),
                [_repeat(s, trial) for trial in repeats[:_SHOWN]],
            ),
        ]
    if notes:
        rows = [(f"trial {n}", text[:_NOTE_WIDTH]) for n, text in notes[:_SHOWN]]
        blocks.append(table("Notes" + _cut(notes), ("trial", "note"), rows, words=(0, 1)))
    return Section("Manual interventions", "interventions", tuple(blocks)) if blocks else None


def has_interventions(s: Snapshot) -> bool:
    """Whether trials were begun or ended because somebody asked, which no study file says."""
    return any(
        t.spec.role == "rerun" or (t.outcome is not None and t.outcome.message == STOPPED)
        for t in s.result.records
    )


def _numbers(s: Snapshot) -> list[int]:
    return [t.spec.number for t in s.result.records]


def _repeat(s: Snapshot, trial: Trial) -> tuple[Cell, ...]:
    parent = trial.spec.parent
    assert parent is not None
    return (
        f"trial {trial.spec.number}",
        f"trial {parent}",
        number(value_of(s.trial(parent))),
        number(value_of(trial)) or state_of(trial),
        str(trial.spec.seed),
    )


def _cut(shown: list[Trial] | list[tuple[int, str]]) -> str:
    return f", the first {_SHOWN} of {len(shown):,}" if len(shown) > _SHOWN else ""
