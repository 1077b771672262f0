"""Groups of trials that train in one loop."""

import random

from hypothesis import given
from hypothesis import strategies as st

from hpsearch.method.structure import Shape
from hpsearch.workers.grouping import mean_group_size, plan_groups


def bucket(name: str) -> Shape:
    return Shape({"depth": name}, {})


def test_a_bucket_is_cut_so_that_all_device_slots_have_work() -> None:
    shapes = {n: bucket("a") for n in range(25)}
    assert [len(g) for g in plan_groups(shapes, slots=2, largest=100)] == [13, 12]
    assert [len(g) for g in plan_groups(shapes, slots=1, largest=10)] == [9, 8, 8]
    assert [len(g) for g in plan_groups(shapes, slots=20, largest=100)] == [
        5,
        4,
        4,
        4,
        4,
        4,
    ]


def test_small_groups_are_not_cut_to_feed_device_slots() -> None:
    shapes = {n: bucket("a") for n in range(7)}
    assert plan_groups(shapes, slots=4, largest=100) == [tuple(range(7))]


def test_larger_groups_come_first_and_equal_ones_by_their_first_member() -> None:
    shapes = {0: bucket("a"), 1: bucket("b"), 2: bucket("c"), 3: bucket("b"), 4: bucket("c")}
    assert plan_groups(shapes, slots=1, largest=9) == [(1, 3), (2, 4), (0,)]


@given(
    st.dictionaries(st.integers(0, 999), st.sampled_from("abcde"), max_size=60),
    st.integers(1, 9),
    st.integers(1, 30),
    st.randoms(use_true_random=False),
)
def test_a_plan_holds_every_trial_once_whatever_their_order(
    of: dict[int, str], slots: int, largest: int, shuffle: random.Random
) -> None:
    shapes = {number: bucket(name) for number, name in of.items()}
    groups = plan_groups(shapes, slots=slots, largest=largest)
    assert sorted(n for group in groups for n in group) == sorted(shapes)
    for group in groups:
        assert 1 <= len(group) <= largest and len({of[n] for n in group}) == 1
    numbers = list(shapes)
    shuffle.shuffle(numbers)
    again = {n: shapes[n] for n in numbers}
    assert plan_groups(again, slots=slots, largest=largest) == groups


def test_the_average_trial_weighs_a_group_by_its_size() -> None:
    assert mean_group_size([4, 1]) == 17 / 5
    assert mean_group_size([]) == 0
