"""The report of one study: what it asked, what it found, and what to make of that."""

from datetime import datetime
from importlib.metadata import version

from hpsearch.storage import Snapshot, value_of
from hpsearch.ui import figures
from hpsearch.ui.formatting import counted, duration, number
from hpsearch.ui.report.candidates import candidates
from hpsearch.ui.report.content import (
    Block,
    Code,
    Document,
    Drawing,
    Paragraph,
    Section,
    Strong,
    say,
)
from hpsearch.ui.report.failures import failures
from hpsearch.ui.report.interventions import interventions
from hpsearch.ui.report.question import question, space
from hpsearch.ui.report.reproduce import reproduce
from hpsearch.ui.report.rounds import rounds
from hpsearch.ui.report.run_summary import summarize_runs
from hpsearch.ui.report.winner import flattery, winner


def report(s: Snapshot) -> Document:
    """A report of a study in any state; it says at its top which."""
    runs = summarize_runs(s)
    return Document(
        title=s.result.name,
        subtitle=f"Report of a hyperparameter search, {written()}",
        summary=tuple(summary(s)),
        sections=(
            question(s, runs),
            space(s),
            rounds(s),
            winner(s),
            candidates(s),
            _importance(s),
            failures(s),
            *([section] if (section := interventions(s)) is not None else []),
            reproduce(s, runs),
        ),
    )


def written() -> str:
    """When, and by what."""
    return f"written {datetime.now():%Y-%m-%d %H:%M} by hpsearch {version('hpsearch')}"


def summary(s: Snapshot) -> list[Block]:
    """The state and the answer, in a few sentences."""
    blocks: list[Block] = [standing(s)]
    best, trial = s.result.best, s.result.best_trial
    if best is not None:
        tests = [
            f"{name} {spread}" for name, spread in best.metrics.items() if name.startswith("test_")
        ]
        blocks.append(
            say(
                Strong(f"{s.result.metric} {best.confirmed}"),
                f" over {counted(best.confirmed.count, 'fresh seed')}, by trial {best.number}"
                + (f"; on test data {', '.join(tests)}." if tests else "."),
            )
        )
        blocks.append(say(flattery(s, best)))
    elif trial is not None:
        blocks.append(
            say(
                Strong(f"{s.result.metric} {number(value_of(trial))}"),
                f" in one run of trial {trial.spec.number}, not confirmed over seeds.",
            )
        )
    for bound in figures.at_bound(s):
        blocks.append(
            say(
                "The survivors press on the ",
                f"{bound.side} end of ",
                Code(bound.parameter),
                ": its range may be too narrow.",
                tone="warning",
            )
        )
    return blocks


def standing(s: Snapshot) -> Paragraph:
    """Where the search stands, and how much its numbers are therefore worth."""
    ended = sum(t.outcome is not None for t in s.result.records)
    planned = s.plan.rounds * s.plan.trials + s.plan.candidates * s.plan.seeds
    progress = f"{ended:,} of {counted(planned, 'planned trial')} have ended"
    match s.state:
        case "finished" if s.result.best is not None:
            return say(f"The search is finished: {counted(ended, 'trial')} have ended.")
        case "finished":
            return say(
                f"The search is finished ({counted(ended, 'trial')}), and nothing was confirmed: "
                "its study asks for none. Every value is of one run and flattered by selection.",
                tone="warning",
            )
        case "failed":
            return say(
                f"The search failed: it has no trial with a value to go on with; {progress}. "
                "See what failed, below.",
                tone="warning",
            )
        case "interrupted":
            return say(
                f"The search was interrupted: {progress}. All here is provisional; the command "
                "that began it goes on.",
                tone="warning",
            )
    left = f", about {duration(s.seconds_left)} left" if s.seconds_left is not None else ""
    return say(
        f"The search is {s.state}: {progress}{left}. All here is provisional.", tone="warning"
    )


def _importance(s: Snapshot) -> Section:
    return Section(
        "What mattered",
        "importance",
        (
            say(
                "How much each parameter decides whether a trial is among the good ones, judged "
                "from this search's own trials: it says nothing of values that were never tried."
            ),
            Drawing(
                "importance",
                f"Importance of the parameters for {s.result.metric}.",
                figures.importance(s),
            ),
        ),
    )
