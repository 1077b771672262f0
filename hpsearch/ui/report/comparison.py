"""Studies of one metric beside each other: which winner is better, and at what cost."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

from hpsearch.errors import HpsearchError
from hpsearch.space import Scalar
from hpsearch.storage import RunFolder, Snapshot, Winner, value_of
from hpsearch.study import study_differences
from hpsearch.ui import figures
from hpsearch.ui.figures.comparison import best_so_far
from hpsearch.ui.formatting import counted, duration, listed, number
from hpsearch.ui.report.candidates import by_seed, params_table
from hpsearch.ui.report.content import (
    Block,
    Cell,
    Document,
    Drawing,
    Listing,
    Paragraph,
    Section,
    Strong,
    say,
    table,
)
from hpsearch.ui.report.question import step_time
from hpsearch.ui.report.run_summary import RunSummary, summarize_runs
from hpsearch.ui.report.significance import difference
from hpsearch.ui.report.study import written

_SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)  # of the cheapest study's steps
_DIFFERENCES_SHOWN = 40


class IncomparableError(HpsearchError):
    """Studies that measure different things; trying again helps with other studies only."""


def comparison(studies: Sequence[Snapshot]) -> Document:
    """Two or more studies compared.

    Raises:
        IncomparableError: fewer than two, or not all of one metric and direction.
    """
    _check(studies)
    named = dict(zip(_names(studies), studies, strict=True))
    return Document(
        title=" and ".join(named) if len(named) == 2 else listed(named),
        subtitle=f"Comparison of {len(named)} hyperparameter searches, {written()}",
        summary=tuple(_verdicts(named)),
        sections=(_winners(named), _parameters(named), _costs(named), _settings(named)),
    )


def _check(studies: Sequence[Snapshot]) -> None:
    if len(studies) < 2:
        raise IncomparableError("a comparison needs two or more run folders; name another one")
    kinds = {(s.result.metric, s.result.direction) for s in studies}
    if len(kinds) > 1:
        said = [f"{s.result.folder} {s.result.direction}s {s.result.metric}" for s in studies]
        raise IncomparableError(
            f"{listed(said)}: only studies of one metric and one direction can be compared"
        )


def _names(studies: Sequence[Snapshot]) -> list[str]:
    """The studies' names, with as much of their folders' paths as tells them apart."""
    paths = [s.result.folder.absolute().parts for s in studies]
    shown = [s.result.name for s in studies]
    for length in range(1, max(map(len, paths)) + 1):
        if len(set(shown)) == len(set(paths)):
            break
        shown = [str(Path(*path[-length:])) for path in paths]
    # The same folder twice.
    return [name if name not in shown[:i] else f"{name} ({i + 1})" for i, name in enumerate(shown)]


def _verdicts(named: dict[str, Snapshot]) -> list[Block]:
    blocks: list[Block] = [
        say(f"{name} is {s.state}: its numbers are provisional.", tone="warning")
        for name, s in named.items()
        if s.state != "finished"
    ]
    winners = {name: s.result.best for name, s in named.items()}
    confirmed = {name: best for name, best in winners.items() if best is not None}
    for name in winners.keys() - confirmed.keys():
        blocks.append(
            say(
                f"{name} has no confirmed winner, so no fair comparison with it is possible: the "
                "best of single runs is flattered by selection.",
                tone="warning",
            )
        )
    blocks += _doubts({name: (named[name], best) for name, best in confirmed.items()})
    if len(confirmed) < 2:
        return blocks
    sign = next(iter(named.values())).result.direction.sign
    first, *others = sorted(confirmed, key=lambda n: sign * confirmed[n].confirmed.mean)
    blocks += [_verdict(named, confirmed, first, other) for other in others]
    blocks.append(
        say(
            "This weighs one configuration of each study over training seeds. How lucky each "
            "search itself was takes searches under several search seeds to tell.",
            tone="note",
        )
    )
    return blocks


def _doubts(confirmed: dict[str, tuple[Snapshot, Winner]]) -> list[Block]:
    """What makes the winners' values hard to compare."""
    blocks: list[Block] = []
    trials = {name: s.trial(best.trials[0]) for name, (s, best) in confirmed.items()}
    steps = {name: trial.spec.budget for name, trial in trials.items()}
    if len(set(steps.values())) > 1:
        said = listed(f"{name} {counted(count, 'step')}" for name, count in steps.items())
        blocks.append(say(f"The winners trained for different times: {said}.", tone="warning"))
    instruments = {
        tuple(sorted(t.outcome.provenance.items()))
        for t in trials.values()
        if t.outcome is not None
    }
    if len(instruments) > 1:
        blocks.append(
            say(
                "The values were measured in different ways (the trials' provenance differs), so "
                "their differences may mean nothing.",
                tone="warning",
            )
        )
    return blocks


def _verdict(
    named: dict[str, Snapshot], winners: dict[str, Winner], first: str, other: str
) -> Paragraph:
    a, b = winners[first], winners[other]
    metric = named[first].result.metric
    gap = difference(by_seed(named[first], a), by_seed(named[other], b))
    if gap.error is None:
        return say(
            f"{first} has the better mean, {metric} {a.confirmed} against {b.confirmed} of "
            f"{other}, but there are too few seeds to say whether that is more than luck."
        )
    if gap.mean == gap.error == 0:
        return say(
            Strong(f"{first} and {other} cannot be told apart"),
            f": their winners gave the same {metric} under all {gap.count} seeds.",
        )
    how = f"paired over {counted(gap.count, 'shared seed')}" if gap.paired else "Welch's"
    size = f"{number(abs(gap.mean))} ± {gap.error:.2g} (standard error, {how})"
    if not gap.told_apart:
        return say(
            Strong(f"{first} and {other} cannot be told apart"),
            f": their winners differ in {metric} by {size}, which is within the uncertainty.",
        )
    return say(
        Strong(f"{first} is better than {other}"),
        f": its winner is ahead in {metric} by {size}; zero lies outside the 95 % confidence "
        "interval.",
    )


def _winners(named: dict[str, Snapshot]) -> Section:
    tests = list(
        dict.fromkeys(
            metric
            for s in named.values()
            if s.result.best is not None
            for metric in s.result.best.metrics
            if metric.startswith("test_")
        )
    )
    columns = [_column(s, summarize_runs(s), tests) for s in named.values()]
    rows = [(what, *(column[what] for column in columns)) for what in columns[0]]
    caption = "The winners over fresh seeds, and what they have cost"
    return Section("The winners", "winners", (table(caption, ("", *named), rows),))


def _column(s: Snapshot, runs: RunSummary, tests: list[str]) -> dict[str, Cell]:
    best, trial = s.result.best, s.result.best_trial
    spreads = best.metrics if best is not None else {}
    ended = sum(t.outcome is not None for t in s.result.records)
    between = ""
    if runs.began is not None and runs.ended is not None:
        between = duration((runs.ended - runs.began).total_seconds())
    searched = best.searched if best else value_of(trial) if trial else None
    return {
        "winner": f"trial {best.number}" if best else "not confirmed",
        f"{s.result.metric}, mean ± sd": str(best.confirmed) if best else "",
        **{f"{test}, mean ± sd": str(spreads.get(test, "")) for test in tests},
        "seeds": str(best.confirmed.count) if best else "",
        f"{s.result.metric} in the search, one run": number(searched),
        "trials ended": f"{ended:,}",
        "trials failed": f"{sum(map(len, s.failures().values())):,}",
        "steps trained": f"{runs.steps:,}",
        "from first to last": between,
        "training time, summed": duration(runs.seconds),
        "time per step": step_time(runs) if runs.step_seconds else "",
    }


def _parameters(named: dict[str, Snapshot]) -> Section:
    chosen: dict[str, dict[str, Scalar]] = {}
    for name, s in named.items():
        best, trial = s.result.best, s.result.best_trial
        if best is not None:
            chosen[name] = dict(best.params)
        elif trial is not None:
            chosen[name] = dict(trial.spec.params)
    names = dict.fromkeys(n for s in named.values() for n in s.space.names)
    blocks = params_table("Parameters in which the winners differ", names, chosen)
    return Section("Their parameters", "parameters", tuple(blocks))


def _costs(named: dict[str, Snapshot]) -> Section:
    lines = {name: best_so_far(s, "steps") for name, s in named.items()}
    ends = [line[-1][0] for line in lines.values() if line]
    blocks: list[Block] = []
    if len(ends) == len(lines):
        marks = sorted({round(share * min(ends)) for share in _SHARES})
        rows: list[tuple[Cell, ...]] = [
            (f"{mark:,}", *(_best_at(line, mark) for line in lines.values())) for mark in marks
        ]
        blocks.append(
            table("Best so far after equal training steps", ("steps in all", *lines), rows)
        )
    grown = [name for name, s in named.items() if s.study.budget.growth > 1]
    if grown:
        blocks.append(
            say(
                f"The trials of {listed(grown)} train longer from round to round; the best so far "
                "starts anew with each longer budget, as only values under equal steps compare.",
                tone="note",
            )
        )
    shown = [replace(s, result=replace(s.result, name=name)) for name, s in named.items()]
    blocks += [
        Drawing("compare-steps", "Best so far against training steps.",
                figures.compare(shown, "steps")),
        Drawing("compare-trials", "Best so far against finished trials.",
                figures.compare(shown, "trials")),
    ]  # fmt: skip
    return Section("Best so far at equal cost", "costs", tuple(blocks))


def _best_at(line: Sequence[tuple[float, float | None]], cost: float) -> str:
    reached = list(takewhile(lambda point: point[0] <= cost, line))
    return number(reached[-1][1]) if reached else "none yet"


def _settings(named: dict[str, Snapshot]) -> Section:
    (first, reference), *others = named.items()
    blocks: list[Block] = []
    frozen = RunFolder(reference.result.folder).study.read_text(encoding="utf-8")
    for name, s in others:
        lines = study_differences(frozen, s.study)
        if not lines:
            blocks.append(say(f"{first} and {name} have the same study file."))
            continue
        rest = len(lines) - _DIFFERENCES_SHOWN
        more = [f"and {rest} more"] if rest > 0 else []
        blocks.append(say(f"From {first} to {name}:"))
        blocks.append(Listing("\n".join([*lines[:_DIFFERENCES_SHOWN], *more])))
    return Section("How the studies differ", "settings", tuple(blocks))
