"""Which parameters walk outward in long steps, and when they stop."""

from hpsearch import method
from hpsearch.method.range_expansion import FRONTIER, STRIDE, expanded_step_sizes
from hpsearch.method.ranking import Row
from hpsearch.space import Choice, Condition, Parameter, Space, Uniform

FREE = Uniform(0, 1, (-3, 4))


def factors(space: Space, survivors: list[tuple[float, ...]], others: list[tuple[float, ...]]):
    best = [Row(i, 0.0, unit, 1) for i, unit in enumerate(survivors)]
    rows = [*best, *(Row(10 + i, 1.0, unit, 1) for i, unit in enumerate(others))]
    return expanded_step_sizes(space, rows, best, width=0.1, step_sizes=(1.0,) * len(space))


def of(domain: Uniform, survivors: list[float], others: list[float]) -> float:
    space = Space((Parameter("x", domain),))
    return factors(space, [(u,) for u in survivors], [(u,) for u in others])[0]


def test_most_survivors_near_an_end_beyond_which_nobody_was_stride() -> None:
    assert of(FREE, [0.9, 0.95, 0.2], [0.5]) == STRIDE / 0.1
    assert of(FREE, [0.1, 0.05, 0.9], [0.5]) == STRIDE / 0.1
    assert of(FREE, [0.9, 0.5, 0.2], [0.5]) == 1
    assert of(FREE, [0.9], [0.5]) == 1  # a single one does not expand


def test_they_stop_once_others_have_gone_further_and_found_worse() -> None:
    assert of(FREE, [1.6, 1.7, 1.5], [1.8]) == STRIDE / 0.1
    assert of(FREE, [1.6, 1.7, 1.5], [1.7 + FRONTIER + 0.01]) == 1


def test_a_side_that_is_closed_is_not_walked_to() -> None:
    one_sided = Uniform(0, 1, (0, 4))
    assert of(one_sided, [0.1, 0.05, 0.1], []) == 1
    assert of(one_sided, [0.9, 0.95, 0.9], []) == STRIDE / 0.1
    assert of(Uniform(0, 1), [0.9, 0.95, 0.9], []) == 1


def test_a_parameter_counts_only_where_it_is_active() -> None:
    when = (Condition("kind", ("a",)),)
    space = Space((Parameter("kind", Choice(("a", "b"))), Parameter("x", FREE, when)))
    a, b = 0.25, 0.75
    assert factors(space, [(a, 0.9), (a, 0.9), (b, 0.1)], [(b, 3.0)])[1] == STRIDE / 0.1
    assert factors(space, [(a, 0.9), (b, 0.9), (b, 0.9)], [])[1] == 1


def test_a_late_round_still_strides_as_far() -> None:
    space = Space((Parameter("x", FREE), Parameter("y", Uniform(0, 1))))
    rows = [Row(i, float(i), (0.9 + 0.01 * i, 0.5), 1) for i in range(6)]
    for round in (1, 9, 30):
        tightening = method.tighten(space, rows, round=round, survivors=3)
        assert abs(tightening.width * tightening.step_sizes[0] - STRIDE) < 1e-12
        assert tightening.width * tightening.step_sizes[1] < STRIDE
