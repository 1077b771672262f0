"""The cases of a search that began in the wrong range are what their page says."""

import numpy as np
import pytest

from benchmarks.quality import widening
from benchmarks.quality.regimes import check
from benchmarks.quality.tasks import load
from hpsearch.space import Choice

TASKS = ("synthetic/ackley-log", "synthetic/tree", "synthetic/branin-log")


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("is_missed", [True, False])
def test_thirds_hold_the_best_point_but_for_those_that_miss_it(name: str, is_missed: bool) -> None:
    best = load(name).problem.optimum
    assert best is not None
    for seed in range(5):
        case = widening.case(name, seed, is_missed=is_missed)
        assert len(case.missed) in ((1, 2) if is_missed else (0,))
        outside = {
            p.name
            for p in case.cut
            if p.name in best
            and not isinstance(p.domain, Choice)
            and not p.domain.low - 1e-9 <= best[p.name] <= p.domain.high * (1 + 1e-9) + 1e-9
        }
        assert outside == set(case.missed)
        assert all(0 < far < 2.1 for far in case.missed.values())


def test_limits_are_the_whole_ranges_and_every_arm_draws_what_the_task_takes() -> None:
    case = widening.case("synthetic/ackley-log", 0, is_missed=True)
    whole = {p.name: p.domain for p in case.task.space}
    for parameter in case.space("within"):
        ends = (whole[parameter.name].low, whole[parameter.name].high)
        assert parameter.domain.ends == ends
    for arm in widening.ARMS:
        space = case.space(arm)
        for u in np.random.default_rng(0).random((5, len(space))):
            check(case.task.space, space.decode(u.tolist()))


def test_short_steps_are_only_for_the_arm_that_has_them() -> None:
    from hpsearch.method import range_expansion as outward

    with widening._steps("within, short steps"):
        assert outward.STRIDE == 0
    with widening._steps("within"):
        assert outward.STRIDE > 0
