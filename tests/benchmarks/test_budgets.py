"""Searches at equal steps: what they spend, what they compare, and that ours are the method's."""

import itertools

import numpy as np
import pytest

from benchmarks.quality import budgets
from benchmarks.quality.curve_tasks import Levels
from benchmarks.quality.curved import Curved
from benchmarks.quality.growth_arms import ARMS, Arm
from benchmarks.quality.growth_page import Results, seeds
from benchmarks.quality.optimum import space_of
from hpsearch import method
from hpsearch.method.ranking import Row
from hpsearch.space import Uniform

FULL = 240
# Without a choice, whose move may leave a point as it was: no trial repeats another.
SPACE = space_of({"a": Uniform(0, 1), "b": Uniform(0, 1), "c": Uniform(0, 1)})


class Spy:
    """A bowl without noise; short trainings see it from above. Keeps what it was asked."""

    def __init__(self) -> None:
        self.asked = []
        self.task = Curved("bowl", "function", SPACE, FULL, self.curves, self.still)

    def curves(self, units, budgets):
        self.asked += [(tuple(unit), budget) for unit in units for budget in budgets]
        ends = [(u[0] - 0.3) ** 2 + (u[1] - 0.7) ** 2 for u in units]
        return np.array([[end + 1 - budget / FULL for budget in budgets] for end in ends])

    def still(self, units, budgets, seed):
        return np.zeros((len(units), len(budgets)))

    def trained(self, ledger):
        """What a search has trained: all that was asked but its truth."""
        before = len(self.asked)
        assert ledger.truth >= 0
        return self.asked[:before]


@pytest.mark.parametrize("arm", [a for a in ARMS if not a.is_dear], ids=lambda arm: arm.text)
@pytest.mark.parametrize("total", [25, 50])
def test_no_search_spends_more_than_its_total_and_none_much_less(arm, total):
    spy = Spy()
    ledger = arm.run(spy.task, 0, total)
    if ledger is None:
        assert (arm.rounds, total) in {(5, 25), (6, 25)} or (arm.continued or 0) > 3
        return
    reached = {}
    for unit, budget in spy.trained(ledger):
        reached[unit] = max(budget, reached.get(unit, 0))
    assert ledger.steps == sum(reached.values())  # a continuation costs what it adds
    assert ledger.trials == len(reached)
    assert (total - 1.5) * FULL < ledger.steps <= total * FULL


def test_places_of_a_round_by_hand():
    # 4 (1 + 2 + 4) steps for new trials alone; two that train on save 1 + 2 steps each.
    assert budgets.places([1, 2, 4], 0, 28) == (4, 4)
    assert budgets.places([1, 2, 4], 2, 22) == (4, 4)
    assert budgets.places([1, 2, 4], 2, 26) == (4, 5)
    assert budgets.budgets(480, 2, 4) == [60, 120, 240, 480]
    assert budgets.budgets(480, 3, 4) == [18, 53, 160, 480]


def test_a_bracket_costs_what_the_paper_says_where_rungs_train_on():
    """27 trials to 1 of 27 steps, 9 on to 3, 3 on to 9, 1 on to 27 (Li et al. 2018, table 1)."""
    assert budgets.bracket_steps([1, 3, 9, 27], 27) == 27 * 1 + 9 * 2 + 3 * 6 + 1 * 18
    assert budgets.bracket_steps([27], 4) == 4 * 27


def test_halving_keeps_the_best_third_of_each_rung():
    spy = Spy()
    ledger = budgets.successive_halving(spy.task, 3, 10)
    by_budget = {}
    for unit, budget in spy.trained(ledger):
        by_budget.setdefault(budget, []).append(unit)
    rungs = [by_budget[budget] for budget in sorted(by_budget)]
    assert len(rungs) == budgets.RUNGS
    for before, after in itertools.pairwise(rungs):
        order = sorted(before, key=lambda u: (u[0] - 0.3) ** 2 + (u[1] - 0.7) ** 2)
        assert after == order[: len(rungs[0]) // 3 ** (rungs.index(after))]


def test_hyperband_begins_with_the_brackets_of_the_algorithm():
    """Of n = ceil((s_max + 1) / (s + 1) · eta^s), s = 3, 2, 1, 0 (Li et al. 2018, algorithm 1)."""
    spy = Spy()
    made = spy.trained(budgets.hyperband(spy.task, 0, 14))
    at = budgets.budgets(FULL, 3, 4)
    firsts = [sum(budget == b for _, budget in made) for b in at]
    # Of each budget: the bracket that begins there, and thirds of those before.
    assert firsts[:3] == [27, 9 + 12, 3 + 4 + 6]
    assert firsts[3] == 1 + 1 + 2 + 4 + (14 * FULL - _iteration(at)) // FULL


def _iteration(at):
    counts = (27, 12, 6, 4)
    return sum(budgets.bracket_steps(at[i:], count) for i, count in enumerate(counts))


def test_all_of_a_random_search_are_whole_trainings():
    spy = Spy()
    ledger = budgets.random_search(spy.task, 0, 30)
    made = spy.trained(ledger)
    assert [budget for _, budget in made] == [FULL] * 30
    ends = [(u[0] - 0.3) ** 2 + (u[1] - 0.7) ** 2 for u, _ in made]
    assert ledger.truth == pytest.approx(min(ends))


@pytest.mark.parametrize("surrogate", [None, "gp"])
@pytest.mark.parametrize("growth", [1, 2])
def test_ours_make_the_proposals_of_the_method(growth, surrogate):
    """Each round is proposed again by `method.propose`, from the table that its trials made."""
    spy = Spy()
    made = spy.trained(budgets.ours(spy.task, 5, 24, growth=growth, rounds=3, surrogate=surrogate))
    at = budgets.budgets(FULL, growth, 3)
    kept = 3 if growth > 1 else 0
    each, last = budgets.places(at, kept, 24 * FULL)
    rows, begin = [], 0
    for r, budget in enumerate(at):
        count = last if r == 2 else each
        before = at[r - 1] if r else 0
        tightening = method.tighten(
            SPACE, [row for row in rows if row.budget == before], round=r, survivors=3
        )
        places = method.propose(
            SPACE,
            tightening,
            method.RoundPlan(seed=5, round=r, trials=count, continued=kept > 0 and r > 0),
            method.Acquisition(SPACE, rows, budget=budget) if surrogate and r else None,
        )
        assert [place.unit for place in places] == [u for u, _ in made[begin : begin + count]]
        for unit, _ in made[begin : begin + count]:
            value = (unit[0] - 0.3) ** 2 + (unit[1] - 0.7) ** 2 + 1 - budget / FULL
            rows.append(Row(len(rows), value, unit, budget))
        begin += count
    assert begin == len(made)


def test_more_than_the_survivors_may_train_on():
    spy = Spy()
    made = spy.trained(budgets.ours(spy.task, 0, 30, growth=2, rounds=3, continued=6))
    seen = {}
    for unit, budget in made:
        seen.setdefault(unit, []).append(budget)
    assert sum(b == [60, 120] or b == [60, 120, 240] for b in seen.values()) == 6
    assert sum(b[-2:] == [120, 240] for b in seen.values()) == 6


def test_regrets_are_clipped_between_the_best_and_the_median():
    found = Levels(best=1.0, median=3.0).regret(np.array([1.0, 2.0, 9.0, 0.5]))
    assert found.tolist() == [0, 0.5, 1, 0]


def test_wins_of_a_page_are_over_equal_seeds():
    records = [
        {"task": "branin", "arm": arm, "total": 25, "seed": seed, "truth": truth}
        for arm, truths in ((Arm().text, [1, 2, 3]), ("random_search", [2, 2, 1, 0]))
        for seed, truth in enumerate(truths)
    ]
    assert seeds(records) == "Seeds: 3 to 4 without a surrogate (1 tasks)."
    results = Results(records, ["branin"])
    assert float(results.wins(Arm(), Arm("random_search"), [25]).mean) == pytest.approx(0.5)
    assert results.wins(Arm(), Arm("hyperband"), [25]) is None
