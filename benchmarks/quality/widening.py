"""Writes results/widening.md: what `within:` gives a search that began in the wrong range.

    python -m quality.widening      # from benchmarks/, with the extra [bench] installed

On the development tasks that are functions over their whole range, every numeric range is cut to a
third of itself. What is searched is the cut range alone, the cut range with the whole one as
`within:`, and the whole range from the start.
"""

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from zlib import crc32

import numpy as np

from hpsearch.space import Choice, Domain, Int, Logint, Parameter, Scalar, Space

from .levels import DRAWS, STARTS, STEPS, step, truth_at
from .optimizers.ours import SURVIVORS, Rounds, Surrogate
from .problem import Params, Problem
from .regimes import REGIMES, run
from .sources import constants
from .stats import Array, estimate, wins
from .tasks import Task, load, names

PAGE = Path(__file__).parents[1] / "results" / "widening.md"
FAMILIES = ("synthetic", "trained")
SEEDS = 20
SHARE = 1 / 3  # of a range that is searched
APART = 0.02  # of the whole range: the best known point is at least so far outside
MATTERS = 0.05  # of the way from the best to the median, for a third of the range
# The third is as `within:` without the long steps of `hpsearch.method.range_expansion`.
ARMS = ("cut", "within", "within, short steps", "whole")
Regrets = dict[str, dict[str, Array]]  # by arm and task, shape [seeds]


@dataclass(frozen=True)
class Setting:
    regime: str
    surrogate: Surrogate
    is_missed: bool  # whether some of the thirds miss the best point


SETTINGS = (
    Setting("batch-100", None, True),
    Setting("batch-250", None, True),
    Setting("batch-100", None, False),
    Setting("batch-250", None, False),
    Setting("batch-100", "gp", True),
)

OPENING = """# A search that began in the wrong range

Written by `python -m quality.widening`. On the development tasks that are functions over their
whole range, every numeric range is cut to a random third of itself, on its scale. "Missed": one or
two of the thirds, of parameters that matter, do not hold the best known point, which lies {far}
further in the median, {farthest} at most; the other thirds hold it. "Held": all thirds hold it, so
nothing would have been needed. Searched is the cut range alone; the cut range with the whole one as
`within:`; the same without the long steps (`hpsearch/outward.py`); and the whole range. {seeds}
seeds a task, the same thirds for all. A regret is 0 at the best known truth and 1 at the median of
random draws of the whole range; the mean of the last, of what looks best. Wins are shares of the
pairs, with bootstrapped 95 % intervals.

"""


@dataclass(frozen=True)
class Case:
    """A task with its ranges cut.

    Attributes:
        task: the whole one.
        cut: its space, every numeric range a third of itself.
        missed: by parameter whose third does not hold the best point, how far outside that is, in
            ranges of the third.
    """

    task: Task
    cut: Space
    missed: Mapping[str, float]

    def space(self, arm: str) -> Space:
        if arm == "whole":
            return self.task.space
        return self.cut if arm == "cut" else widened(self.cut, self.task.space)


@dataclass(frozen=True)
class _Cut:
    """The task of a run: the function of one, the space of another."""

    task: Task
    space: Space

    def value(self, params: Mapping[str, Scalar], seed: int) -> float:
        return self.task.value(params, seed)

    def truth(self, params: Mapping[str, Scalar]) -> float:
        return self.task.truth(params)


def widened(cut: Space, whole: Space) -> Space:
    """The cut ranges, with the whole ones as limits."""
    parameters = []
    for narrow, wide in zip(cut, whole, strict=True):
        domain = narrow.domain
        if not isinstance(domain, Choice):
            assert not isinstance(wide.domain, Choice)
            domain = replace(domain, within=wide.domain.ends)  # type: ignore[type-var]
        parameters.append(replace(narrow, domain=domain))
    return Space(tuple(parameters))


@cache
def best_point(name: str) -> Params:
    """The known optimum of a task, or the best that random steps from random draws find."""
    problem = load(name).problem
    if problem.optimum is not None:
        return problem.optimum
    random = np.random.default_rng(0)
    points = random.random((DRAWS, len(problem.space)))
    truths = np.array([truth_at(problem, point) for point in points])
    found = [
        _descend(problem, points[i], float(truths[i]), random)
        for i in np.argsort(truths, kind="stable")[:STARTS]
    ]
    point, _ = min(found, key=lambda pair: pair[1])
    return problem.space.decode(point.tolist())


def _descend(
    problem: Problem, point: np.ndarray, value: float, random: np.random.Generator
) -> tuple[np.ndarray, float]:
    for _ in range(STEPS):
        tried = step(problem.space, point, random)
        found = truth_at(problem, tried)
        if found <= value:
            point, value = tried, found
    return point, value


def case(name: str, seed: int, *, is_missed: bool) -> Case:
    """A task with ranges that are drawn for a seed; whether one or two miss the best point."""
    task, best = load(name), best_point(name)
    random = np.random.default_rng(np.random.SeedSequence([crc32(name.encode()), seed]))
    able = [p.name for p in task.space if p.name in best and _matters(task, best, p)]
    count = min(len(able), int(random.integers(1, 3)))
    picked = random.choice(len(able), count, replace=False)
    chosen = {able[i] for i in picked} if is_missed else set()
    parameters, missed = [], {}
    for parameter in task.space:
        name_, domain = parameter.name, parameter.domain
        if not isinstance(domain, Choice):
            u = domain.encode(best[name_]) if name_ in best else None
            start = _start(u, name_ in chosen, random)
            domain = _third(domain, start)
            if name_ in chosen:
                at = domain.encode(best[name_])
                missed[name_] = max(-at, at - 1)
        parameters.append(replace(parameter, domain=domain))
    return Case(task, Space(tuple(parameters)), missed)


def _matters(task: Task, best: Params, parameter: Parameter) -> bool:
    """Whether a third of the range, from the best point, costs something whichever way."""
    if isinstance(parameter.domain, Choice):
        return False
    u = parameter.domain.encode(best[parameter.name])
    moved = [u + step for step in (-SHARE, SHARE) if 0 <= u + step <= 1]
    values = [best | {parameter.name: parameter.domain.decode(v)} for v in moved]
    return all(task.regret(task.truth(v)) - task.regret(task.truth(best)) > MATTERS for v in values)


def _start(u: float | None, is_missed: bool, random: np.random.Generator) -> float:
    """Where a third begins that holds a coordinate, or does not."""
    last = 1 - SHARE
    if u is None:
        return float(random.uniform(0, last))
    if not is_missed:
        return float(random.uniform(max(0.0, u - SHARE), min(u, last)))
    below, above = max(0.0, u - SHARE - APART), max(0.0, last - u - APART)  # lengths to choose from
    place = random.uniform(0, below + above)
    return float(place if place < below else u + APART + place - below)


def _third(domain: Domain, start: float) -> Domain:
    assert not isinstance(domain, Choice)
    low, high = domain.decode(start), domain.decode(start + SHARE)
    if isinstance(domain, Int | Logint) and low == high:
        low, high = (low, high + 1) if high < domain.high else (low - 1, high)
    return type(domain)(low, high)  # type: ignore[arg-type]


def regrets(setting: Setting, seeds: int = SEEDS) -> Regrets:
    """Of every arm, after the setting's last trial."""
    return {
        arm: {
            name: np.array([_regret(setting, arm, name, seed) for seed in range(seeds)])
            for name in chosen_tasks()
        }
        for arm in ARMS
    }


def _regret(setting: Setting, arm: str, name: str, seed: int) -> float:
    made = case(name, seed, is_missed=setting.is_missed)
    space = made.space(arm)
    with _steps(arm):
        optimizer = Rounds(space, seed, SURVIVORS, setting.surrogate)
        trace = run(_Cut(made.task, space), optimizer, REGIMES[setting.regime], seed)
    return made.task.regret(trace.truths[-1])


def _steps(arm: str) -> AbstractContextManager[None]:
    """Without the stride a parameter's factor is its relative step size."""
    return (
        constants({"STRIDE": 0.0}, ["hpsearch.method.range_expansion"])
        if "short" in arm
        else nullcontext()
    )


def chosen_tasks() -> list[str]:
    return [name for name in names("development") if name.split("/")[0] in FAMILIES]


def page(found: Mapping[Setting, tuple[Regrets, float]], seeds: int = SEEDS) -> str:
    """The text of the page.

    Args:
        found: by setting the regrets, and the CPU seconds that they took.
        seeds: of each task.
    """
    far = [
        distance
        for name in chosen_tasks()
        for seed in range(seeds)
        for distance in case(name, seed, is_missed=True).missed.values()
    ]
    shown = {"far": f"{np.median(far):.2f} ranges", "farthest": f"{max(far):.1f}", "seeds": seeds}
    return OPENING.format(**shown) + "\n".join(_section(s, *r) for s, r in found.items())


def _section(setting: Setting, found: Regrets, seconds: float) -> str:
    trials = f"{REGIMES[setting.regime].trials} trials in batches of 25"
    surrogate = ", surrogate gp" if setting.surrogate else ""
    families = {name: name.split("/")[0] for name in chosen_tasks()}
    lines = [
        f"## {'Missed' if setting.is_missed else 'Held'}, {trials}{surrogate}",
        "",
        f"| regret | {' | '.join(ARMS)} |",
        f"|---|{'--:|' * len(ARMS)}",
    ]
    for name in families:
        cells = (f"{found[arm][name].mean():.3f}" for arm in ARMS)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    means = (f"{np.mean([a.mean() for a in found[arm].values()]):.3f}" for arm in ARMS)
    lines += [f"| mean | {' | '.join(means)} |", ""]
    for other in ARMS:
        if other != "within":
            won = {n: wins(found["within"][n], found[other][n]) for n in families}
            worse = [n for n in families if won[n].mean() < 0.5]
            share = estimate(won, families)
            lost = f"; behind on {', '.join(worse)}" if worse else ""
            lines.append(f'- `within:` wins {share} of the pairs against "{other}"{lost}.')
    return "\n".join([*lines, f"- CPU: {seconds:.0f} s.", ""])


def main() -> None:
    found = {}
    for setting in SETTINGS:
        start = time.process_time()
        made = regrets(setting)
        found[setting] = made, time.process_time() - start
        print(_section(setting, *found[setting]), flush=True)
        PAGE.write_text(page(found))


if __name__ == "__main__":
    main()
