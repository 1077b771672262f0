"""Numbers that may leave the range that they began in, as far as `within` says."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch import method
from hpsearch.method.encoding import Encoding
from hpsearch.method.initial_design import initial_points
from hpsearch.method.padding import padded_size, padded_sizes
from hpsearch.method.ranking import Row
from hpsearch.method.structure import Padded, shape_of
from hpsearch.space import Choice, Condition, Int, Logint, Loguniform, Parameter, Space, Uniform

FLOATS = st.floats(1e-3, 1e3)
WHOLE = st.integers(1, 300)


@st.composite
def ranges(draw):
    """A number's range with limits that hold it."""
    kind = draw(st.sampled_from((Uniform, Loguniform, Int, Logint)))
    numbers = FLOATS if kind in (Uniform, Loguniform) else WHOLE
    distinct = st.lists(numbers, min_size=4, max_size=4, unique=True).map(sorted)
    least, low, high, most = draw(distinct.filter(lambda n: n[2] / n[1] > 1.01))
    return kind(
        low, high, (draw(st.sampled_from((least, low))), draw(st.sampled_from((high, most))))
    )


@settings(deadline=None)
@given(ranges(), st.data())
def test_a_value_beyond_the_range_comes_back_from_its_coordinate(domain, data) -> None:
    least, most = domain.ends
    is_whole = isinstance(domain, Int | Logint)
    value = data.draw(st.integers(least, most) if is_whole else st.floats(least, most))
    u = domain.encode(value)
    assert domain.contains(value)
    assert domain.limits[0] <= u <= domain.limits[1]
    assert domain.decode(u) == (value if is_whole else pytest.approx(value, rel=1e-9))
    assert (domain.low <= value <= domain.high) == (0 <= u <= 1)


@settings(deadline=None)
@given(ranges())
def test_what_is_beyond_the_limits_is_no_value(domain) -> None:
    least, most = domain.ends
    assert not domain.contains(least - 1) and not domain.contains(most + 1)
    for end, limit in zip(domain.ends, domain.limits, strict=True):
        assert domain.decode(limit) == pytest.approx(end, rel=1e-9)


def test_coordinates_go_on_with_the_scale_of_the_range() -> None:
    lr = Loguniform(1e-4, 1e-2, (1e-6, 1.0))
    assert lr.limits == pytest.approx((-1, 2))
    assert lr.decode(1.5) == pytest.approx(0.1)
    assert lr.encode(1e-5) == pytest.approx(-0.5)
    assert Uniform(0.0, 0.5, (-1.0, 0.75)).limits == (-2, 1.5)
    depth = Int(1, 4, (-2, 8))
    assert depth.limits == (-0.75, 2)
    assert [depth.decode(u) for u in (-0.75, -0.01, 1.01, 1.99)] == [-2, 0, 5, 8]
    width = Logint(2, 8, (1, 64))
    span = math.log(8.5 / 1.5)
    assert width.limits == pytest.approx((math.log(0.5 / 1.5) / span, math.log(64.5 / 1.5) / span))
    assert width.half_step(width.encode(20)) == pytest.approx(math.log(20.5 / 19.5) / span / 2)


def test_the_repr_of_a_range_names_within_only_if_it_is_set() -> None:
    assert repr(Int(1, 3)) == "Int(low=1, high=3)"  # what benchmarks know a task by
    assert repr(Int(1, 3, (0, 9))) == "Int(low=1, high=3, within=(0, 9))"
    assert Int(1, 3) != Logint(1, 3)


def placed(space: Space, points: list[tuple[float, ...]], round: int, trials: int = 8):
    rows = [Row(i, float(i), point, 1) for i, point in enumerate(points)]
    tightening = method.tighten(space, rows, round=round, survivors=3)
    return method.propose(space, tightening, method.RoundPlan(seed=3, round=round, trials=trials))


@settings(max_examples=60, deadline=None)
@given(st.lists(ranges(), min_size=1, max_size=4), st.integers(0, 6), st.floats(0, 1))
def test_draws_stay_within_the_limits_and_the_prior_in_the_range(kinds, round, out) -> None:
    space = Space(tuple(Parameter(f"p{i}", kind) for i, kind in enumerate(kinds)))
    limits = [kind.limits for kind in kinds]
    corner = tuple(1 + out * (most - 1) for _, most in limits)
    for place in placed(space, [corner, *initial_points(space, 1, 6)], round):
        lows, highs = zip(*(limits if round else [(0, 1)] * len(limits)), strict=True)
        assert all(a <= u <= b for a, u, b in zip(lows, place.unit, highs, strict=True))
        values = space.decode(place.unit)
        assert all(p.domain.contains(values[p.name]) for p in space)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 6))
def test_limits_at_the_ends_of_the_ranges_change_no_draw(seed: int, round: int) -> None:
    plain = (Uniform(0, 2), Loguniform(1e-4, 1), Int(1, 9), Logint(8, 64))
    limited = tuple(type(d)(d.low, d.high, (d.low, d.high)) for d in plain)
    spaces = [
        Space(tuple(Parameter(f"p{i}", d) for i, d in enumerate(ds))) for ds in (plain, limited)
    ]
    points = initial_points(spaces[0], seed, 12)
    assert placed(spaces[0], points, round) == placed(spaces[1], points, round)


def test_a_search_walks_to_an_optimum_two_ranges_outside() -> None:
    parameters = (
        Parameter("lr", Loguniform(1e-4, 1e-3, (1e-6, 1.0))),
        Parameter("x", Uniform(0, 1)),
    )
    space = Space(parameters)
    rows: list[Row] = []
    for round in range(6):
        tightening = method.tighten(space, rows, round=round, survivors=3)
        places = method.propose(space, tightening, method.RoundPlan(seed=0, round=round, trials=25))
        for place in places:
            lr, x = space.decode(place.unit).values()
            loss = (math.log10(lr) + 1) ** 2 + (x - 0.3) ** 2  # the best lr is 0.1
            rows.append(Row(len(rows), loss, place.unit, 1))
        if round == 0:
            assert min(row.value for row in rows) > 3.9  # two decades away
    assert min(row.value for row in rows) < 0.15


def test_a_conditional_parameter_may_depend_on_a_value_beyond_the_range() -> None:
    depth = Parameter("depth", Int(1, 2, (1, 4)))
    wide = Parameter("wide", Uniform(0, 1), (Condition("depth", (3,)),))
    space = Space((depth, wide))
    outside = depth.domain.encode(3)
    assert space.decode((outside, 0.5)) == {"depth": 3, "wide": 0.5}
    assert space.active((0.9, 0.5)) == (True, False)
    x = Encoding(space).features([(outside, 0.25), (0.9, 0.25)])
    assert x.tolist() == [[pytest.approx(1.25), 0.25], [0.75, 0.5]]


def test_ints_beyond_the_range_are_at_their_buckets_centre_for_the_surrogate() -> None:
    width = Logint(4, 32, (2, 256))
    space = Space((Parameter("width", width), Parameter("kind", Choice(("a", "b")))))
    u = width.encode(100)
    off = u + 0.9 * width.half_step(u)
    encoding = Encoding(space)
    assert encoding.features([(off, 0.1)])[0, 0] == pytest.approx(u)
    assert len(set(encoding.keys([(off, 0.1), (u, 0.2), (u, 0.9)]))) == 2


def test_sizes_double_beyond_the_upper_end_and_halve_below_the_lower() -> None:
    assert padded_sizes(Logint(32, 128), 2) == (64, 128)
    assert padded_sizes(Logint(32, 128, (8, 500)), 2) == (15, 31, 64, 128, 256, 500)
    assert padded_sizes(Int(1, 6, (1, 20)), 2) == (4, 6, 12, 20)


@settings(deadline=None)
@given(st.data())
def test_every_value_has_a_size_and_no_size_holds_values_of_both_sides(data) -> None:
    least, low, high, most = data.draw(
        st.lists(st.integers(1, 5000), min_size=4, max_size=4, unique=True).map(sorted)
    )
    kind = data.draw(st.sampled_from((Int, Logint)))
    sizes = padded_sizes(kind(low, high, (least, most)), data.draw(st.integers(1, 4)))
    assert max(sizes) == most and low - 1 in sizes and high in sizes
    assert len(sizes) < 4 + 2 * 13
    value = data.draw(st.integers(least, most))
    assert value <= padded_size(value, sizes) <= most


def test_a_groups_shape_is_known_beyond_the_range() -> None:
    space = Space((Parameter("width", Logint(32, 128, (32, 512))),))
    shape = shape_of({"width": 200}, {}, {"width": 64}, (Padded("width"),), space)
    assert shape.values == {"width": 256}
