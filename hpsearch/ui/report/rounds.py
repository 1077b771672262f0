"""How the search went: its rounds, the tightening, and whether the space was too narrow."""

from hpsearch.storage import RoundSummary, Snapshot
from hpsearch.ui import figures
from hpsearch.ui.figures.bounds import AtBound, BeyondRange
from hpsearch.ui.formatting import number, numbers_text, value_text
from hpsearch.ui.report.content import (
    Block,
    Cell,
    Code,
    Drawing,
    Paragraph,
    Section,
    Strong,
    say,
    table,
)

_FIRST, _LAST = 10, 20  # rounds, where there are more than their sum


def rounds(s: Snapshot) -> Section:
    if not s.rounds:
        return Section("The search", "search", (say("The first round has not begun yet."),))
    blocks: list[Block] = [
        say(
            "Round 0 fills the whole space. Each later round draws around the best trials before "
            "it, ever closer, and more closely in the parameters on which the good trials agree."
        ),
        rounds_table(s),
    ]
    if len({summary.budget for summary in s.rounds}) > 1:
        blocks.append(
            say(
                "Trials train longer from round to round, and the survivors train on; values "
                "compare only under equal steps, so within a round.",
                tone="note",
            )
        )
    if any(summary.surrogate for summary in s.rounds):
        blocks.append(
            say(
                "A judge picked each later draw among several, by a Gaussian process that was "
                "fitted to the trials before. What the rounds drew from is what it picked among.",
                tone="note",
            )
        )
    if any(t.spec.weights_of is not None for t in s.searched):
        blocks.append(
            say(
                "Draws start from the weights of the survivor that they are made around, so behind "
                "a value lie more steps than its own; confirmations train from scratch.",
                tone="note",
            )
        )
    blocks += [pressing_warning(found) for found in figures.at_bound(s)]
    blocks += [beyond_note(left) for left in figures.beyond_range(s)]
    blocks += [
        Drawing(
            "tightening",
            "What each round drew every parameter from, the trials that it drew, and the "
            "survivors, which are outlined.",
            figures.tightening(s),
        ),
        Drawing(
            "progress",
            f"Best and median {s.result.metric} of each round, and the confirmed candidates.",
            figures.progress(s),
        ),
        Drawing(
            "curves",
            f"{s.result.metric} over training steps: of the survivors and candidates by name, of "
            "the others in grey.",
            figures.curves(s),
        ),
    ]
    return Section("The search", "search", tuple(blocks))


def rounds_table(s: Snapshot) -> Block:
    headings = ("round", "steps each", "width", "ended", "failed", "best", "median", "drawn around")
    shown, caption = s.rounds, f"{s.result.metric} by round"
    if len(shown) > _FIRST + _LAST:
        caption += f", the first {_FIRST} and the last {_LAST} of {len(shown)}"
        shown = shown[:_FIRST] + shown[-_LAST:]
    return table(caption, headings, [_round_row(summary) for summary in shown], words=(0, 7))


def _round_row(summary: RoundSummary) -> tuple[Cell, ...]:
    return (
        str(summary.round),
        f"{summary.budget:,}",
        f"{summary.width:.3f}" if summary.round else "prior",
        f"{summary.done}/{summary.trials}",
        str(summary.failed),
        number(summary.best),
        number(summary.median),
        f"trials {numbers_text(summary.parents)}" if summary.parents else "",
    )


def pressing_warning(found: AtBound) -> Paragraph:
    """That an end of the space was too near, and which key of the study file to change."""
    further = ("let it go further by ", Code(found.key), ".")
    return say(
        Strong("The space may be too narrow: "),
        f"{len(found.survivors)} of the trials chosen last lie at the {found.side} end of ",
        Code(found.parameter),
        f", {value_text(found.bound)} (trials {numbers_text(found.survivors)}). The best value may "
        "lie outside: if the parameter's meaning allows it, ",
        *(("give ", Code(found.key), f" a {found.end} end.") if found.is_limit else further),
        tone="warning",
    )


def beyond_note(left: BeyondRange) -> Paragraph:
    """That the search has left a range, as its `within` allows."""
    low, high = left.initial
    return say(
        "The search has left the range in which ",
        Code(left.parameter),
        f" began, {low:g} .. {high:g}: of the trials chosen last "
        f"{numbers_text(left.survivors)} lie outside.",
        tone="note",
    )
