"""The question that a study asks, the space it searches, and what the answer has cost."""

import statistics
from collections import Counter
from collections.abc import Iterable

from hpsearch.storage import Snapshot
from hpsearch.study import training_stages
from hpsearch.trial import Direction
from hpsearch.ui.formatting import (
    counted,
    domain_text,
    duration,
    listed,
    params_text,
    trainer_text,
    value_text,
    when_text,
)
from hpsearch.ui.report.content import Block, Code, Section, say, table
from hpsearch.ui.report.run_summary import RunSummary


def question(s: Snapshot, runs: RunSummary) -> Section:
    objective = s.study.objective
    sought = "lowest" if objective.direction is Direction.MINIMIZE else "highest"
    blocks: list[Block] = [
        say(
            "Which hyperparameters of ",
            Code(trainer_text(s.study)),
            f" give the {sought} ",
            Code(objective.metric),
            "?",
        )
    ]
    if s.study.fixed:
        shown = (f"{name}={value_text(value)}" for name, value in s.study.fixed.items())
        blocks.append(say("Held fixed: ", Code(", ".join(shown)), "."))
    if s.study.start:
        starts = [Code(params_text(params)) for params in s.study.start]
        parts = [part for code in starts for part in (code, "; ")][:-1]
        blocks.append(say("Begun with configurations known to be good: ", *parts, "."))
    rows = (*_plan(s), *_cost(s, runs))
    blocks.append(table("What was asked, and what it took", ("", "value"), rows, words=(0, 1)))
    return Section("The question", "question", tuple(blocks))


def _plan(s: Snapshot) -> Iterable[tuple[str, str]]:
    """Rows on what was asked."""
    study = s.study
    budgets = sorted({stage.budget for stage in training_stages(study) if not stage.confirmed})
    grown = f", growing to {budgets[-1]:,} in the last" if len(budgets) > 1 else ""
    rounds = f"{counted(s.plan.rounds, 'round')} of {counted(s.plan.trials, 'trial')}"
    yield "search", f"{rounds}, of which {study.search.survivors} go on"
    yield "training of a trial", f"{counted(study.budget.steps, 'step')} in round 0{grown}"
    if study.confirm.top * study.confirm.seeds:
        seeds = counted(study.confirm.seeds, "fresh seed")
        yield "confirmation", f"the best {study.confirm.top}, each over {seeds}"
    limits = {k: v for k, v in vars(study.limits).items() if v is not None and k != "retries"}
    if limits:
        yield "limits", ", ".join(f"{name} {value:g}" for name, value in limits.items())


def _trials(s: Snapshot) -> str:
    roles = Counter(t.spec.role for t in s.result.records if t.outcome is not None)
    counts = [f"{count:,} {_ROLES.get(role, role)}" for role, count in roles.items()]
    return f"{roles.total():,} ({listed(counts)})" if roles else "none"


def _cost(s: Snapshot, runs: RunSummary) -> Iterable[tuple[str, str]]:
    """Rows on what the answer took."""
    yield "trials ended", _trials(s)
    yield "steps trained", f"{runs.steps:,}"
    if runs.began is not None:
        yield "begun", f"{runs.began:%Y-%m-%d %H:%M:%S}"
    if runs.ended is not None:
        yield "last trial ended", f"{runs.ended:%Y-%m-%d %H:%M:%S}"
    if runs.began is not None and runs.ended is not None:
        between = (runs.ended - runs.began).total_seconds()
        yield "from first to last", f"{duration(between)}, pauses included"
    yield "training time, summed", duration(runs.seconds)
    if runs.step_seconds:
        yield "time per step", step_time(runs)
    if runs.devices:
        shares = [f"{count:,} on {device}" for device, count in runs.devices.items()]
        threads = counted(s.study.resources.threads, "thread")
        yield "devices", f"{listed(shares)}; {threads} per trial"
    yield "versions", listed(runs.version_words) or "not recorded"


def step_time(runs: RunSummary) -> str:
    """Median over the trials, with the quartiles."""
    times = [1000 * seconds for seconds in runs.step_seconds]
    if len(times) < 4:
        return f"{statistics.median(times):.3g} ms"
    low, middle, high = statistics.quantiles(times, n=4, method="inclusive")
    return f"{middle:.3g} ms, of half the trials {low:.3g} to {high:.3g}"


_ROLES = {
    "draw": "drawn",
    "continue": "trained on",
    "confirm": "confirming",
    "rerun": "rerun on request",
}


def space(s: Snapshot) -> Section:
    rows = [
        (Code(p.name), *domain_text(p), Code(when) if (when := when_text(p)) else "always")
        for p in s.space
    ]
    blocks = (
        say(
            "Each parameter is drawn evenly on its scale. One with a condition exists only where "
            "the condition holds; elsewhere the trainer is not given it."
        ),
        table(
            counted(len(rows), "parameter"),
            ("parameter", "scale", "range", "exists when"),
            rows,
            words=(0, 1, 2, 3),
        ),
    )
    return Section("The space", "space", blocks)
