"""What else was nearly as good: the other candidates, and those that nobody confirmed."""

from collections.abc import Iterable, Mapping

from hpsearch.space import Scalar
from hpsearch.storage import Snapshot, Winner, value_of
from hpsearch.trial import Direction, Trial
from hpsearch.ui import figures
from hpsearch.ui.formatting import counted, number, params_text, value_text
from hpsearch.ui.report.content import Block, Cell, Code, Drawing, Paragraph, Section, say, table
from hpsearch.ui.report.significance import Difference, difference

_NEAR_SHOWN = 10
_SEEDS_SHOWN = 20


def candidates(s: Snapshot) -> Section:
    best = s.result.best
    if best is None:
        blocks = [say("Nothing is confirmed, so nothing can be compared but single runs.")]
        return Section("What else was nearly as good", "candidates", (*blocks, _parallel(s)))
    blocks_: list[Block] = []
    others = s.result.winners[1:]
    if others:
        against = {other.number: _against(s, best, other) for other in others}
        blocks_ += [_candidates_table(s, best, against), *_parameters(s)]
        blocks_ += [_verdict(s, best, other, against[other.number]) for other in others]
        blocks_ += [_seed_table(s), _method(best, list(against.values()))]
    else:
        blocks_.append(say("No other candidate was confirmed; raise ", Code("confirm.top"), "."))
    blocks_ += [*_near(s, best), _parallel(s)]
    return Section("What else was nearly as good", "candidates", tuple(blocks_))


def by_seed(s: Snapshot, winner: Winner) -> dict[int, float]:
    """A candidate's confirmed values."""
    trials = [s.trial(number) for number in winner.trials]
    return {t.spec.seed: value for t in trials if (value := value_of(t)) is not None}


def _against(s: Snapshot, best: Winner, other: Winner) -> Difference:
    return difference(by_seed(s, best), by_seed(s, other))


def _candidates_table(s: Snapshot, best: Winner, against: dict[int, Difference]) -> Block:
    rows: list[tuple[Cell, ...]] = []
    for candidate in s.result.winners:
        gap = against.get(candidate.number)
        rows.append(
            (
                f"trial {candidate.number}",
                str(candidate.confirmed),
                number(candidate.searched),
                "winner" if gap is None else str(gap),
                str(candidate.failures),
            )
        )
    worse = "larger" if s.result.direction is Direction.MINIMIZE else "smaller"
    headings = (
        "candidate", "mean ± sd over seeds", "searched, one run", f"difference ({worse} is worse)",
        "failed seeds",
    )  # fmt: skip
    caption = (
        f"{s.result.metric} of the candidates; the difference from the winner ± standard error"
    )
    return table(caption, headings, rows)


def _parameters(s: Snapshot) -> list[Block]:
    named = {f"trial {w.number}": w.params for w in s.result.winners}
    return params_table("Where the candidates differ", s.space.names, named)


def params_table(
    caption: str, names: Iterable[str], chosen: Mapping[str, Mapping[str, Scalar]]
) -> list[Block]:
    """A column of values for each set of parameters, without the rows in which all agree."""
    rows: list[tuple[Cell, ...]] = []
    for name in names:
        values = [value_text(p[name]) if name in p else "not in use" for p in chosen.values()]
        if len(set(values)) > 1:
            rows.append((Code(name), *map(Code, values)))
    if not rows:
        return [say(f"{caption}: in no parameter.")]
    headings = ("parameter", *chosen)
    return [table(caption, headings, rows, words=range(len(headings)))]


def _verdict(s: Snapshot, best: Winner, other: Winner, gap: Difference) -> Paragraph:
    names = f"Trials {best.number} and {other.number}"
    if gap.error is None:
        return say(
            f"{names} have one common seed or none: nothing can be said of their difference."
        )
    if other.failures > best.failures:
        failed = counted(other.failures, "failed seed")
        return say(
            f"Trial {other.number} ranks behind for its {failed}; its mean is over the rest."
        )
    if not gap.told_apart:
        return say(
            f"{names} cannot be told apart: the difference, {gap} (standard error), is within its "
            f"uncertainty over {counted(gap.count, 'seed')}. Prefer the simpler or cheaper one."
        )
    return say(
        f"Trial {other.number} is worse than trial {best.number} by {number(abs(gap.mean))} ± "
        f"{gap.error:.2g} (standard error) in {s.result.metric}, more than its uncertainty over "
        f"{counted(gap.count, 'seed')}."
    )


def _method(best: Winner, gaps: list[Difference]) -> Paragraph:
    how = "seed by seed" if all(gap.paired for gap in gaps) else "as independent samples"
    return say(
        f"Candidates were trained under the same seeds and are compared {how}; they are told apart "
        "when zero lies outside the 95 % confidence interval (Student's t). The winner is the best "
        "of several means, so a little of its lead is luck too.",
        tone="note",
    )


def _seed_table(s: Snapshot) -> Block:
    values = {w.number: by_seed(s, w) for w in s.result.winners}
    seeds = list(dict.fromkeys(seed for seed_values in values.values() for seed in seed_values))
    rows = [
        (str(seed), *(number(seed_values.get(seed)) or "failed" for seed_values in values.values()))
        for seed in seeds[:_SEEDS_SHOWN]
    ]
    rest = f", the first {_SEEDS_SHOWN}" if len(seeds) > _SEEDS_SHOWN else ""
    headings = ("seed", *(f"trial {number}" for number in values))
    return table(f"{s.result.metric} seed by seed{rest}", headings, rows)


def _near(s: Snapshot, best: Winner) -> list[Block]:
    """Unconfirmed trials within the winner's sd, single run beside single run."""
    if not best.confirmed.sd:
        return []
    close = within_winner_sd(s, best)
    sd = number(best.confirmed.sd)
    if not close:
        return [
            say(
                f"No unconfirmed trial came within the winner's standard deviation, {sd}, of its "
                f"searched value, {number(best.searched)}."
            )
        ]
    rows = [
        (f"trial {t.spec.number}", number(value_of(t)), Code(params_text(t.spec.params)))
        for t in close[:_NEAR_SHOWN]
    ]
    shown = f", the best {_NEAR_SHOWN}" if len(close) > _NEAR_SHOWN else ""
    top = len(s.result.winners) + len(close)
    return [
        say(
            f"{counted(len(close), 'trial')} that nobody confirmed came within the winner's "
            f"standard deviation, {sd}, of its searched value, {number(best.searched)}: single "
            "runs, all flattered alike. A larger ",
            Code("confirm.top"),
            f" ({top} for all) in another study would tell.",
        ),
        table(
            f"Unconfirmed, one run each{shown}",
            ("trial", s.result.metric, "parameters"),
            rows,
            words=(0, 2),
        ),
    ]


def within_winner_sd(s: Snapshot, best: Winner) -> list[Trial]:
    """Trials of the winner's budget that were searched to within its sd, best first."""
    sign = s.result.direction.sign
    budget, sd = s.trial(best.number).spec.budget, best.confirmed.sd or 0.0
    confirmed = {w.number for w in s.result.winners}
    ranked = [
        (sign * value, t)
        for t in s.searched
        if (value := value_of(t)) is not None
        and t.spec.budget == budget
        and t.spec.number not in confirmed
        and sign * value <= sign * best.searched + sd
    ]
    return [t for _, t in sorted(ranked, key=lambda pair: (pair[0], pair[1].spec.number))]


def _parallel(s: Snapshot) -> Drawing:
    return Drawing(
        "parallel",
        "Each line is a trial across all parameters; the best are in colour.",
        figures.parallel(s),
    )
