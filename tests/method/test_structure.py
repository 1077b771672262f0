"""Groups: what the trials of one share, and how a round is divided into them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.method import structure as groups
from hpsearch.method.structure import Alike, Padded, Shape, shape_of
from hpsearch.space import Choice, Condition, Int, Logint, Loguniform, Parameter, Space, Uniform

DEFAULTS = {
    "depth": 1,
    "width": 64,
    "penalty": "none",
    "weight": 1.0,
    "slope": None,
    "loss": "hinge",
    "smoothing": 0.0,
    "data": "digits",
    "betas": [0.9, 0.99],
}
STRUCTURE = ("depth", "data", "betas", Padded("width"), Alike("penalty", ("gradient", "r1")))
SPACE = Space(
    (
        Parameter("depth", Int(1, 3)),
        Parameter("width", Logint(32, 128)),
        Parameter("penalty", Choice(("none", "r1", "gradient"))),
        Parameter("weight", Loguniform(0.1, 10), (Condition("penalty", ("r1", "gradient")),)),
        Parameter("slope", Uniform(0, 1), (Condition("penalty", ("r1",)),)),
        Parameter("loss", Choice(("wgan", "squares")), (Condition("depth", (1,)),)),
        Parameter("smoothing", Choice((0, 0.1))),
    )
)


def shape(**params: object) -> Shape:
    return shape_of({"depth": 2, "width": 40, "penalty": "none", "smoothing": 0} | params, {},
                    DEFAULTS, STRUCTURE, SPACE)  # fmt: skip


def test_a_shape_holds_what_is_structure_and_what_may_vary() -> None:
    assert shape() == Shape(
        values={"depth": 2, "width": 64, "penalty": "none", "slope": None, "data": "digits"},
        varying={"weight": None, "loss": ("wgan", "squares", "hinge"), "smoothing": None},
    )


def test_choices_that_are_alike_share_a_shape_and_no_other() -> None:
    r1, gradient = shape(penalty="r1", weight=1.0), shape(penalty="gradient", weight=2.0)
    assert r1.varying["penalty"] == ("r1", "gradient") and "penalty" not in r1.values
    assert r1 == gradient and r1.key != shape().key


def test_a_number_whose_default_is_none_splits_those_that_have_it_from_the_others() -> None:
    without = shape(penalty="r1", weight=1.0)
    some, other = (shape(penalty="r1", weight=1.0, slope=x) for x in (0.1, 0.5))
    assert some == other and some.varying["slope"] is None
    assert without.values["slope"] is None and without.key != some.key


def test_what_is_fixed_goes_before_the_trainers_default() -> None:
    found = shape_of({}, {"depth": 3, "width": 50}, DEFAULTS, STRUCTURE, Space(()))
    assert found.values == {"depth": 3, "width": 50, "penalty": "none", "data": "digits"}
    assert found.varying == {}


def test_a_number_with_a_tensor_for_each_trial_makes_no_shape_of_its_own() -> None:
    assert shape(smoothing=0.1).key == shape(smoothing=0).key
    assert shape(depth=1, loss="wgan").key == shape(depth=1, loss="squares").key


def test_a_shape_comes_back_from_json() -> None:
    for one in (shape(), shape(penalty="r1", weight=1.0)):
        assert Shape.from_record(json.loads(json.dumps(one.to_record()))) == one


def test_keys_tell_true_from_one() -> None:
    assert Shape({"a": True}, {}).key != Shape({"a": 1}, {}).key


def test_a_structure_comes_back_from_json() -> None:
    from dataclasses import asdict

    written = [e if isinstance(e, str) else asdict(e) for e in STRUCTURE]
    assert groups.structure_from_record(json.loads(json.dumps(written))) == STRUCTURE


@pytest.mark.parametrize(
    ("domain", "count", "sizes"),
    [
        (Logint(32, 128), 2, (64, 128)),
        (Logint(16, 128), 3, (32, 64, 128)),
        (Logint(16, 128), 2, (48, 128)),
        (Logint(4, 32), 1, (32,)),
        (Int(1, 6), 2, (4, 6)),
        (Int(1, 3), 5, (2, 3)),
        (Choice((64, 16, 32)), 2, (32, 64)),
        (Choice((16, 32)), 1, (32,)),
    ],
)
def test_padded_sizes_are_even_on_the_scale_and_end_at_the_bound(domain, count, sizes) -> None:
    assert groups.padded_sizes(domain, count) == sizes


@given(st.integers(1, 200), st.integers(1, 300), st.integers(1, 6), st.booleans())
def test_every_value_fits_the_smallest_size_that_holds_it(
    low: int, more: int, count: int, log: bool
) -> None:
    domain = (Logint if log else Int)(low, low + more)
    sizes = groups.padded_sizes(domain, count)
    assert 1 <= len(sizes) <= count and sizes[-1] == low + more
    for value in range(low, low + more + 1):
        size = groups.padded_size(value, sizes)
        assert size >= value and not any(value <= s < size for s in sizes)


def test_a_value_above_all_sizes_keeps_its_own() -> None:
    assert groups.padded_size(200, (64, 128)) == 200


def test_a_wrong_structure_is_said_entry_by_entry() -> None:
    structure = (
        "depht", "depth", Padded("depth"), Padded("weight"), Padded("width", 0), Alike("loss", ()),
        3,
    )  # fmt: skip
    assert [fault.split(" (has")[0] for fault in groups.structure_faults(structure, DEFAULTS)] == [
        "'depht' is not among the defaults",
        "'depth' is listed twice",
        "Padded('weight'): only whole numbers can be padded, not 1.0",
        "Padded('width'): sizes must be at least 1, not 0",
        "Alike('loss'): choices must be a non-empty tuple of choices",
        "3 must be a name, Padded(name) or Alike(name, choices)",
    ]
    assert groups.structure_faults(STRUCTURE, DEFAULTS) == []


def test_a_space_that_the_structure_cannot_take_is_said() -> None:
    space = Space(
        (
            Parameter("width", Uniform(1, 2)),
            Parameter("penalty", Choice(("none", "r2"))),
            Parameter("depth", Choice((1, "many"))),
        )
    )
    assert set(groups.structure_space_faults(STRUCTURE, space)) == {"width", "penalty"}
    assert groups.structure_space_faults(STRUCTURE, SPACE) == {}
