"""Between the method and the study: which trials a round compares, and what it asks for."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hpsearch.controller.trial_table import TrialTable, unit_point
from hpsearch.study.load import load_study
from hpsearch.study.schema import Study
from hpsearch.trial import Direction, Outcome, Trial


@pytest.fixture
def study(toy: Callable[..., Path]) -> Study:
    return load_study(toy())


def run(table: TrialTable, round: int) -> None:
    """Record a round and let the value of each trial be its number."""
    _, specs = table.round_specs(round)
    for spec in specs:
        value = float(spec.number)
        table.put(Trial(spec, Outcome("complete", value, {"loss": value})))


def test_a_round_compares_equal_budgets_only(study: Study) -> None:
    table = TrialTable(study, [])
    run(table, 0)
    run(table, 1)
    assert [row.number for row in table.comparable(1)] == [0, 1, 2, 3, 4, 5]
    assert [row.number for row in table.comparable(2)] == [6, 7, 8, 9, 10, 11]
    assert table.comparable(0) == []


def test_a_judge_sees_the_finished_trials_of_all_budgets(study: Study) -> None:
    table = TrialTable(study, [])
    run(table, 0)
    run(table, 1)
    table.put(Trial(table[3].spec))  # not ended
    assert [(row.number, row.budget) for row in table.before(2)] == [
        *((number, 4) for number in (0, 1, 2, 4, 5)),
        *((number, 8) for number in (6, 7, 8, 9, 10, 11)),
    ]


def test_a_round_records_its_judge_which_the_first_has_not(study: Study) -> None:
    judged = replace(study, search=replace(study.search, surrogate="gp"))
    table = TrialTable(judged, [])
    assert table.round_specs(0)[0].surrogate is None
    run(table, 0)
    assert table.round_specs(1)[0].surrogate == "gp"
    plain = replace(study, search=replace(study.search, surrogate="none"))
    assert TrialTable(plain, list(table)).round_specs(1)[0].surrogate is None


def test_without_growth_a_round_compares_all_that_came_before(study: Study) -> None:
    flat = replace(study, budget=replace(study.budget, growth=1.0))
    table = TrialTable(flat, [])
    run(table, 0)
    run(table, 1)
    assert len(table.comparable(2)) == 12
    assert {spec.role for spec in table.round_specs(2)[1]} == {"draw"}


def test_values_to_maximize_are_turned_round(study: Study) -> None:
    upward = replace(study, objective=replace(study.objective, direction=Direction.MAXIMIZE))
    table = TrialTable(upward, [])
    run(table, 0)
    assert [row.number for row in table.best(0, 2)] == [5, 4]


def test_a_continuation_has_its_parents_seed_and_parameters(study: Study) -> None:
    table = TrialTable(study, [])
    run(table, 0)
    record, specs = table.round_specs(1)
    assert record.survivors == (0, 1) and record.budget == 8
    for spec, parent in zip(specs[:2], (0, 1), strict=True):
        assert (spec.role, spec.parent, spec.budget) == ("continue", parent, 8)
        assert spec.seed == table[parent].spec.seed
        assert spec.params == table[parent].spec.params
    assert [spec.number for spec in specs] == list(range(6, 12))
    assert len({spec.seed for spec in specs[2:]}) == 4


def test_confirmations_share_fresh_seeds_and_are_asked_for_once(study: Study) -> None:
    table = TrialTable(study, [])
    run(table, 0)
    run(table, 1)
    candidates = table.best(1, 2)
    specs = table.confirm_specs(candidates, 1)
    assert [spec.parent for spec in specs] == [6, 6, 7, 7]
    assert specs[0].seed == specs[2].seed != specs[1].seed == specs[3].seed
    assert not {spec.seed for spec in specs} & {trial.spec.seed for trial in table}
    table.put(Trial(specs[0]))
    table.put(Trial(specs[1]))
    assert table.confirm_specs(candidates, 1) == specs


def test_failed_trials_are_rows_without_a_value(study: Study) -> None:
    table = TrialTable(study, [])
    for spec in table.round_specs(0)[1]:
        table.put(Trial(spec, Outcome("fail", None, {}, "nonfinite")))
    assert [row.value for row in table.comparable(1)] == [None] * 6
    assert table.best(0, 2) == []


def test_after_an_accepted_change_trials_keep_their_values_or_leave_the_table(
    toy: Callable[..., Path], study: Study
) -> None:
    table = TrialTable(study, [])
    run(table, 0)
    wider = load_study(toy(), ["space.x.uniform=[0, 2]"])
    narrower = load_study(toy(), ["space.x.uniform=[0.5, 1]"])
    for trial in table:
        x = trial.spec.params["x"]
        assert isinstance(x, float)
        moved = unit_point(wider.space, trial.spec)
        assert moved is not None and wider.space.decode(moved)["x"] == pytest.approx(x)
        assert (unit_point(narrower.space, trial.spec) is None) == (x < 0.5)
