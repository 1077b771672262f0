"""The winner: what it is, what it gives over fresh seeds, and how far the search flattered it."""

from hpsearch.storage import Snapshot, Winner, value_of
from hpsearch.trial import Trial
from hpsearch.ui import figures
from hpsearch.ui.formatting import counted, number, value_text
from hpsearch.ui.report.content import Block, Cell, Code, Drawing, Section, Strong, say, table


def winner(s: Snapshot) -> Section:
    best, trial = s.result.best, s.result.best_trial
    if best is not None:
        return Section("The winner", "winner", _confirmed(s, best))
    if trial is None:
        return Section("The winner", "winner", (say("No trial has finished, so there is none."),))
    blocks = (
        say(
            "Nothing is confirmed",
            " yet" if s.study.confirm.top * s.study.confirm.seeds else "",
            f". The best single trial so far is {trial.spec.number}, with ",
            Code(s.result.metric),
            f" {number(value_of(trial))} after {counted(trial.spec.budget, 'step')}. It is the "
            "best of many noisy runs, so its value is flattered; do not quote it.",
            tone="warning",
        ),
        _params(s, trial, f"Parameters of trial {trial.spec.number}"),
    )
    return Section("The best so far", "winner", blocks)


def _confirmed(s: Snapshot, best: Winner) -> tuple[Block, ...]:
    trial = s.trial(best.number)
    seeds = counted(best.confirmed.count, "fresh seed")
    blocks: list[Block] = [
        say(
            Strong(f"Trial {best.number}: {s.result.metric} {best.confirmed}"),
            f" over {seeds}, each {counted(s.trial(best.trials[0]).spec.budget, 'step')} from "
            "scratch (mean ± sample standard deviation).",
        ),
        _params(s, trial, "The winner's parameters"),
        _metrics(s, best, trial),
        say(flattery(s, best)),
    ]
    if best.failures:
        blocks.append(
            say(
                f"{counted(best.failures, 'confirmation')} of the winner failed; mean and sd are "
                "over the others.",
                tone="warning",
            )
        )
    caption = f"{s.result.metric} of the candidates over the confirmation seeds"
    blocks.append(
        Drawing("seeds", f"{caption}, beside what the search had seen.", figures.seeds(s))
    )
    return tuple(blocks)


def _params(s: Snapshot, trial: Trial, caption: str) -> Block:
    rows: list[tuple[Cell, ...]] = []
    for name in s.space.names:
        value = trial.spec.params.get(name)
        inactive = name not in trial.spec.params
        rows.append((Code(name), "not in use" if inactive else Code(value_text(value))))
    return table(caption, ("parameter", "value"), rows, words=(0, 1))


def _metrics(s: Snapshot, best: Winner, trial: Trial) -> Block:
    """Every metric, a test metric right below the one that it tests."""
    seen = trial.outcome.metrics if trial.outcome is not None else {}
    rows: list[tuple[Cell, ...]] = []
    for name in _test_beside_validation(list(best.metrics), s.result.metric):
        spread = best.metrics[name]
        rows.append(
            (
                Code(name),
                number(seen.get(name)) or "not measured",
                number(spread.mean),
                "" if spread.sd is None else f"{spread.sd:.2g}",
                str(spread.count),
            )
        )
    headings = ("metric", "in the search, one run", "mean over seeds", "sd", "seeds")
    return table("What the winner reaches", headings, rows)


def _test_beside_validation(names: list[str], objective: str) -> list[str]:
    def kind(name: str) -> str:
        return name.removeprefix("test_").removeprefix("valid_").removeprefix("val_")

    kinds = list(dict.fromkeys([kind(objective), *map(kind, names)]))
    return sorted(names, key=lambda n: (kinds.index(kind(n)), n.startswith("test_")))


def flattery(s: Snapshot, best: Winner) -> str:
    """How the searched value relates to the confirmed one, in a sentence."""
    sign = s.result.direction.sign
    budget = s.trial(best.number).spec.budget
    rivals = [t for t in s.searched if value_of(t) is not None and t.spec.budget == budget]
    gap = sign * (best.confirmed.mean - best.searched)
    begin = (
        f"In the search this configuration reached {number(best.searched)} in one run, chosen "
        f"among {counted(len(rivals), 'trial')} of equal steps"
    )
    if gap <= 0:
        return f"{begin}; over fresh seeds it is no worse, so selection did not flatter it here."
    sd = best.confirmed.sd
    scale = f", {gap / sd:.1f} standard deviations" if sd else ""
    return (
        f"{begin}; over fresh seeds it is {number(best.confirmed.mean)}. The search "
        f"flattered it by {number(gap)}{scale}: the best of many noisy runs is partly the "
        "luckiest. Quote the mean over seeds."
    )
