"""What failed: why, where, with the last words of a log, and what cures it."""

from collections.abc import Mapping

from hpsearch.storage import Snapshot
from hpsearch.trial import Trial
from hpsearch.ui.formatting import counted, listed, params_text, plain
from hpsearch.ui.report.content import Block, Cell, Code, Listing, Section, say, table

_TRIALS_SHOWN = 5  # of each reason
_LOG_LINES = 12
_LOG_WIDTH = 200
_MESSAGE_WIDTH = 160

_MEANINGS: Mapping[str, str] = {
    "nonfinite": "The objective became NaN or infinite.",
    "timeout": "An attempt took longer than a trial may.",
    "out_of_memory": "A trial took more memory than it may, or than there was.",
    "killed": "The process was killed from outside, or the trial was stopped on request.",
    "error": "The trainer raised an error, or its program ended with one.",
    "collapsed": "The trainer called the trial collapsed.",
    "discriminator_saturated": "The discriminator gave the generator nothing to learn from.",
}
_CURES: Mapping[str, tuple[str, ...]] = {
    "nonfinite": ("Take the largest step sizes out of ", "space", ", or clip gradients."),
    "timeout": ("Raise ", "limits.trial_seconds", ", or search smaller models."),
    "out_of_memory": (
        "Raise ",
        "limits.trial_memory_mib",
        ", or lower ",
        "resources.parallel",
        ".",
    ),
    "killed": ("If the machine ran out of memory, lower ", "resources.parallel", "."),
    "error": ("Mend the trainer, and search with ", "--runs", " in another folder."),
}


def failures(s: Snapshot) -> Section:
    blocks: list[Block] = []
    groups = s.failures()
    collapsed = [
        t.spec.number
        for t in s.result.records
        if t.outcome and t.outcome.state == "complete" and t.outcome.reason
    ]
    if not groups:
        blocks.append(say("No trial failed."))
    else:
        blocks.append(say(_how_many(s, groups)))
    for reason, trials in groups.items():
        blocks += _group(s, reason, trials)
    if collapsed:
        blocks.append(
            say(
                f"{counted(len(collapsed), 'trial')} collapsed, or had a saturated discriminator, "
                "by the trainer's own judgement and kept their score."
            )
        )
    return Section("What failed", "failures", tuple(blocks))


def _how_many(s: Snapshot, groups: Mapping[str, tuple[Trial, ...]]) -> str:
    ended = sum(t.outcome is not None for t in s.result.records)
    failed = sum(len(trials) for trials in groups.values())
    reasons = listed(f"{len(trials)} as {reason}" for reason, trials in groups.items())
    return f"{failed:,} of {counted(ended, 'ended trial')} failed: {reasons}."


def _group(s: Snapshot, reason: str, trials: tuple[Trial, ...]) -> list[Block]:
    words = _CURES.get(reason, ())
    cure = [Code(word) if i % 2 else word for i, word in enumerate(words)]
    shown = trials[:_TRIALS_SHOWN]
    caption = f"{reason}: {counted(len(trials), 'trial')}"
    if len(trials) > len(shown):
        caption += f", the first {len(shown)}"
    blocks: list[Block] = [
        say(Code(reason), ": ", _MEANINGS.get(reason, ""), " ", *cure),
        table(
            caption,
            ("trial", "round", "role", "after steps", "message", "parameters"),
            [_row(trial) for trial in shown],
            words=(0, 2, 4, 5),
        ),
    ]
    first = shown[0].spec.number
    if tail := _log(s, first):
        blocks.append(say(f"The end of trial {first}'s log:"))
        blocks.append(Listing(tail))
    return blocks


def _row(trial: Trial) -> tuple[Cell, ...]:
    assert trial.outcome is not None
    lines = plain(trial.outcome.message).splitlines() or [""]
    return (
        f"trial {trial.spec.number}",
        str(trial.spec.round),
        trial.spec.role,
        f"{trial.outcome.steps:,}",
        _cut(lines[0], _MESSAGE_WIDTH),
        Code(params_text(trial.spec.params)),
    )


def _log(s: Snapshot, number: int) -> str:
    lines = plain(s.folder(number).log_tail(_LOG_LINES)).splitlines()
    return "\n".join(_cut(line, _LOG_WIDTH) for line in lines).strip("\n")


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else line[: width - 1] + "…"
