"""The surrogate's targets, its table, its selection of candidates, and that it is pure."""

import math
import random

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hpsearch import method
from hpsearch.method import selection
from hpsearch.method.acquisition import Acquisition, log_expected_improvement
from hpsearch.method.encoding import Encoding
from hpsearch.method.gp import Likelihood, Posterior
from hpsearch.method.ranking import Row
from hpsearch.method.surrogate_data import representative, skill, surrogate_data, targets
from hpsearch.space import Choice, Condition, Int, Loguniform, Parameter, Space, Uniform

SQUARE = Space((Parameter("x", Uniform(0, 1)), Parameter("y", Uniform(0, 1))))
MIXED = Space(
    (
        Parameter("lr", Loguniform(1e-5, 1e-2)),
        Parameter("penalty", Choice(("none", "gradient", "r1"))),
        Parameter("weight", Loguniform(0.1, 100), (Condition("penalty", ("gradient", "r1")),)),
        Parameter("n_critic", Int(1, 5)),
    )
)


def bowl(unit: tuple[float, ...]) -> float:
    return sum((u - 0.3) ** 2 for u in unit)


def table(
    space: Space, count: int = 25, seed: int = 0, budgets: tuple[int, ...] = (1,)
) -> list[Row]:
    generator = random.Random(seed)
    rows = []
    for number in range(count):
        unit = tuple(generator.random() for _ in space)
        value = None if generator.random() < 0.1 else bowl(unit)
        rows.append(Row(number, value, unit, budgets[number * len(budgets) // count]))
    return rows


def proposals(
    space: Space, rows: list[Row], *, round: int = 1, continued: bool = False, budget: int = 1
) -> list[method.Proposal]:
    tightening = method.tighten(space, rows, round=round, survivors=3)
    return method.propose(
        space,
        tightening,
        method.RoundPlan(seed=0, round=round, trials=25, continued=continued),
        method.Acquisition(space, rows, budget=budget),
    )


def test_places_choose_from_few_candidates_first_and_from_many_last() -> None:
    # 512^((i + 0.5)/25): 512^0.02 = 1.13, 512^0.1 = 1.87, 512^0.5 = 22.6, 512^0.98 = 451.9.
    assert [selection.candidate_count(i, 25) for i in (0, 2, 12, 24)] == [1, 2, 23, 452]


def test_targets_by_hand() -> None:
    # Median 3. Below it 1 and 2: distances 2 and 1, whose rms is √2.5. Above it the ranks 4 and 5
    # of 5: the normal quantiles of 3.5/5 and 4.5/5.
    z = targets([3.0, 1.0, 2.0, 4.0, 9.0])
    rms = math.sqrt((4 + 1) / 2)
    assert z == pytest.approx([0, -2 / rms, -1 / rms, 0.524401, 1.281552], abs=1e-6)


def test_failures_are_as_bad_as_the_worst_and_no_worse() -> None:
    # Ranks 1, 2, and 3 to 5 shared: 4, of 5 values: Φ⁻¹((4 - 0.5)/5) = Φ⁻¹(0.7).
    z = targets([1.0, 2.0, 3.0, None, math.inf])
    assert z[2:] == pytest.approx([0.524401] * 3, abs=1e-6)


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False)), min_size=1, max_size=30))
@settings(max_examples=100, deadline=None)
def test_targets_are_finite_and_in_the_order_of_the_values(values: list[float | None]) -> None:
    finite = [v for v in values if v is not None and math.isfinite(v)]
    assume(finite)
    z = targets(values)
    assert np.isfinite(z).all()
    filled = np.array([v if v is not None and math.isfinite(v) else max(finite) for v in values])
    order = np.argsort(filled, kind="stable")
    assert (np.diff(z[order]) >= -1e-12).all()


def test_log_expected_improvement_is_that_of_a_quadrature_in_many_digits() -> None:
    def by_quadrature(mean: float, deviation: float, incumbent: float) -> float:
        with mpmath.workdps(60):
            t = (mpmath.mpf(incumbent) - mean) / deviation

            # E[max(t - s, 0)] over s standard normal, from its peak at t downwards.
            def improvement(s: mpmath.mpf) -> mpmath.mpf:
                return (t - s) * mpmath.npdf(s)

            scale = 1 / max(abs(t), 1)
            ends = [t - k * scale for k in (200, 60, 20, 8, 3, 1, 0.3, 0)]
            whole = mpmath.quad(improvement, ends) if t < 3 else None
            if whole is None:
                whole = mpmath.quad(improvement, [-40, -10, -3, 0, 3, t])
            return float(mpmath.log(deviation * whole))

    cases = [
        (0.0, 1.0, t) for t in (4.0, 0.5, 0.0, -0.99, -1.01, -3.0, -10.0, -49.9, -50.1, -300.0)
    ]
    cases += [(0.3, 0.02, 0.1), (-5.0, 3.0, -5.5)]
    ours = [
        float(log_expected_improvement(np.array([m]), np.array([s]), best)[0])
        for m, s, best in cases
    ]
    assert ours == pytest.approx([by_quadrature(*case) for case in cases], rel=1e-9)


def test_log_expected_improvement_is_finite_and_grows_with_the_mean_far_in_the_tail() -> None:
    values = log_expected_improvement(np.array([1e7, 1e5, 1e3, 10.0, 0.0]), np.full(5, 1e-3), 0.0)
    assert np.isfinite(values).all() and (np.diff(values) > 0).all()


def test_a_table_of_300_is_taken_whole_and_a_larger_one_by_best_latest_and_farthest() -> None:
    rows = table(SQUARE, 700)
    encoding = Encoding(SQUARE)
    assert representative(encoding, rows[:300]) == rows[:300]
    kept = representative(encoding, rows)
    assert len(kept) == 300 and kept == sorted(kept, key=lambda row: row.number)
    best = method.ranked(rows)[:100]
    assert set(best) <= set(kept) and set(rows[-90:]) <= set(kept)
    # What is left out is nearer to something kept than the farthest kept ones to each other.
    lonely = [min(math.dist(r.unit, k.unit) for k in kept) for r in rows if r not in kept]
    assert max(lonely) < 0.1


def test_rows_in_any_order_give_the_same_picks_bit_for_bit() -> None:
    for space, budgets in ((SQUARE, (1,)), (MIXED, (100, 200))):
        rows = table(space, 40, budgets=budgets)
        mixed = rows[:]
        random.Random(1).shuffle(mixed)
        continued = len(budgets) > 1
        first = proposals(space, rows, continued=continued, budget=400)
        assert proposals(space, mixed, continued=continued, budget=400) == first


def test_the_surrogate_selects_better_draws_of_a_smooth_function_than_chance() -> None:
    rows = table(SQUARE)
    tightening = method.tighten(SQUARE, rows, round=1, survivors=3)
    plain = method.propose(SQUARE, tightening, method.RoundPlan(seed=0, round=1, trials=25))
    ours = proposals(SQUARE, rows)
    assert ours != plain
    medians = [float(np.median([bowl(p.unit) for p in made])) for made in (ours, plain)]
    assert medians[0] < 0.5 * medians[1]


def test_every_pick_is_one_of_its_places_draws_and_keeps_its_origin_and_seed() -> None:
    rows = table(MIXED)
    tightening = method.tighten(MIXED, rows, round=1, survivors=3)
    slots = method.round_slots(MIXED, tightening, method.RoundPlan(seed=0, round=1, trials=25))
    plain = method.propose(MIXED, tightening, method.RoundPlan(seed=0, round=1, trials=25))
    picks = proposals(MIXED, rows)
    assert any(pick.unit != one.unit for pick, one in zip(picks, plain, strict=True))
    for slot, one, pick in zip(slots, plain, picks, strict=True):
        count = max(selection.candidate_count(pick.index, 25), selection.REDRAWS)
        draws = [slot.plain, *(slot.draw() for _ in range(count - 1))]
        selected = draws[pick.candidate]
        assert pick.origin == selected.parent
        assert pick.unit == selected.unit or (pick.index % 2 == 0 and pick.index >= 7)  # refined
        assert pick.seed == one.seed
    # The first place has one candidate: its plain draw.
    assert picks[0] == plain[0]


def test_continuations_come_first_and_are_pending() -> None:
    rows = table(SQUARE)
    made = proposals(SQUARE, rows, continued=True, budget=2)
    assert [p.parent for p in made[:3]] == [r.number for r in method.ranked(rows)[:3]]
    assert all(p.role == "continue" for p in made[:3])
    assert len(made) == 25


def test_no_trial_is_repeated_while_there_are_others() -> None:
    space = Space(
        (Parameter("a", Int(1, 6)), Parameter("b", Int(1, 6)), Parameter("c", Choice((0, 1, 2))))
    )
    rows = table(space, 40)
    known = [space.decode(row.unit) for row in rows]
    repeats = 0
    for pick in proposals(space, rows):
        params = space.decode(pick.unit)
        repeats += params in known
        known.append(params)
    # 108 trials in all, of which 65 are known in the end. The ban gives way only where 20 draws
    # in a row were repeats.
    assert repeats <= 1


def test_a_repeat_is_selected_only_if_there_is_nothing_else() -> None:
    space = Space((Parameter("a", Int(0, 9)), Parameter("b", Int(0, 9))))
    rows = [
        Row(i, (a / 9 - 0.3) ** 2 + (b / 9) ** 2, ((a + 0.5) / 10, (b + 0.5) / 10), 1)
        for i, (a, b) in enumerate((a, b) for a in range(10) for b in range(0, 10, 3))
    ]
    acquisition = Acquisition(space, rows, budget=1)
    assert acquisition.is_predictive
    best, new = (0.35, 0.05), (0.95, 0.95)
    assert (
        acquisition.are_repeats([best])[0]
        and acquisition.are_repeats([(0.31, 0.09)])[0]
        and not acquisition.are_repeats([(0.3, 0.15)])[0]
    )
    generator = np.random.default_rng(0)
    assert acquisition.select([best, (0.95, 0.85)], 0, generator) == 1
    acquisition.add_pending((0.95, 0.75))
    assert acquisition.are_repeats([(0.95, 0.75)])[0]
    assert (
        acquisition.select([new, best], 0, generator) == 1
    )  # both are known: (9, 9) is in the table


def test_a_pending_point_sends_the_next_place_elsewhere() -> None:
    rows = [Row(i, abs(u - 0.5), (u, 0.5), 1) for i, u in enumerate(np.linspace(0, 1, 9).tolist())]
    near, far = (0.52, 0.5), (0.48, 0.5)
    generator = np.random.default_rng(0)
    alone = Acquisition(SQUARE, rows, budget=1)
    first = alone.select([near, far], 0, generator)
    again = Acquisition(SQUARE, rows, budget=1)
    for nudge in (0.0, 1e-4, -1e-4):
        chosen = (near, far)[first]
        again.add_pending((chosen[0] + nudge, chosen[1]))
    assert again.select([near, far], 0, generator) == 1 - first


def test_more_rows_are_data_of_an_acquisition_that_is_not_fitted_again() -> None:
    rows = table(SQUARE, 30)
    acquisition = Acquisition(SQUARE, rows[:20], budget=1)
    larger = acquisition.with_rows(rows)
    assert (
        larger.are_repeats([rows[25].unit])[0] and not acquisition.are_repeats([rows[25].unit])[0]
    )
    assert larger._theta is acquisition._theta
    assert Acquisition(SQUARE, rows, budget=1)._theta.tolist() != acquisition._theta.tolist()
    whole = surrogate_data(Encoding(SQUARE), rows, 1)
    points = np.random.default_rng(0).random((5, 2))
    by_hand = Posterior(acquisition._theta, whole.x, whole.owners, whole.z).mean(points)
    assert larger._posterior.mean(points).tolist() == by_hand.tolist()


@pytest.mark.parametrize("value", [None, math.inf])
def test_a_table_of_failures_is_not_predictive(value: float | None) -> None:
    rows = [Row(i, value, (i / 9, 0.5), 1) for i in range(9)]
    acquisition = Acquisition(SQUARE, rows, budget=1)
    assert not acquisition.is_predictive
    assert acquisition.select([(0.1, 0.2), (0.3, 0.4)], 0, np.random.default_rng(0)) == 0


def test_a_surrogate_without_skill_leaves_the_plain_draws() -> None:
    generator = random.Random(5)
    rows = [Row(i, generator.random(), (generator.random(),) * 2, 1) for i in range(40)]
    assert not Acquisition(SQUARE, rows, budget=1).is_predictive
    tightening = method.tighten(SQUARE, rows, round=1, survivors=3)
    plain = method.propose(SQUARE, tightening, method.RoundPlan(seed=0, round=1, trials=25))
    assert proposals(SQUARE, rows) == plain


def test_skill_is_in_a_signal_and_not_in_noise() -> None:
    generator = np.random.default_rng(0)
    owners = np.arange(4)
    noise, signal = [], []
    for _ in range(20):
        x, z = generator.random((25, 4)), generator.standard_normal(25)
        noise.append(skill(x, owners, z))
        signal.append(skill(x, owners, 4 * x[:, 2] + 0.5 * z))
    # Without a signal the mean of 20 has a standard deviation of about 0.2/√20 = 0.045, and
    # leaving out pushes it below 0: 3 of them are one in 700. The signal has 84% of the variance.
    assert np.mean(noise) < 0.135 and min(signal) > 0.3
    assert np.mean(signal) > 0.75


def test_skill_is_that_of_a_fit_to_the_other_rows_by_hand() -> None:
    generator = np.random.default_rng(0)
    x, owners = generator.random((9, 2)), np.arange(2)
    z = np.sin(5 * x[:, 0])
    predicted = []
    for i in range(9):
        other = [k for k in range(9) if k % 2 != i % 2]
        rest = [k for k in range(9) if k != i]
        theta = Likelihood(x[other], owners, z[other]).maximum()
        predicted += Posterior(theta, x[rest], owners, z[rest]).mean(x[i : i + 1]).tolist()
    assert skill(x, owners, z) == pytest.approx(np.corrcoef(predicted, z)[0, 1])


def test_short_trainings_inform_long_ones() -> None:
    """Longer training is better by 1, and the best x is 0.3 at both budgets."""
    rows = [Row(i, bowl((u, 0.3)), (u, 0.3), 100) for i, u in enumerate(np.linspace(0, 1, 11))]
    rows += [Row(11 + i, bowl((u, 0.3)) - 1, (u, 0.3), 200) for i, u in enumerate((0.6, 0.8, 1.0))]
    acquisition = Acquisition(SQUARE, rows, budget=400)
    assert acquisition.is_predictive
    picks = [(0.95, 0.3), (0.7, 0.3), (0.33, 0.3), (0.05, 0.3)]
    assert acquisition.select(picks, 0, np.random.default_rng(0)) == 2


def noisy(spread: float) -> Acquisition:
    generator = random.Random(1)
    points = [(generator.random(), generator.random()) for _ in range(60)]
    rows = [
        Row(i, math.dist(p, (0.3, 0.7)) ** 2 + spread * generator.gauss(0, 1), p, 1)
        for i, p in enumerate(points)
    ]
    return Acquisition(SQUARE, rows, budget=1)


def refined(acquisition: Acquisition, index: int) -> tuple[float, ...]:
    tightening = method.Tightening((), 0.2, (1.0, 1.0))
    draw = method.Draw((0.5, 0.5), None, (None, None))
    slot = method.Slot(SQUARE, tightening, index, draw, np.random.default_rng(0))
    return selection.refine_point((0.5, 0.5), slot, 25, acquisition)


def test_a_pick_is_refined_toward_the_optimum_where_there_is_little_noise() -> None:
    assert math.dist(refined(noisy(0.0), 24), (0.3, 0.7)) < 0.02
    assert refined(noisy(0.0), 23) == refined(noisy(0.0), 2) == (0.5, 0.5)


def test_nothing_is_refined_where_much_is_noise() -> None:
    acquisition = noisy(0.15)
    assert acquisition.is_predictive
    assert refined(acquisition, 24) == (0.5, 0.5)


def test_a_refined_point_is_no_repeat() -> None:
    acquisition = noisy(0.0)
    best = refined(acquisition, 24)
    acquisition.add_pending(best)
    assert refined(acquisition, 24) != best
