"""Winners, digests and rows, computed from trials by hand."""

from dataclasses import replace

import pytest

from hpsearch.storage.result import Result, trial_row, winners
from hpsearch.trial import Direction, Outcome, Spec, Trial


def trial(
    number: int, value: float | None, *, role: str = "draw", parent: int | None = None, **spec: int
) -> Trial:
    fields = {"budget": 10, "seed": number, **spec}
    made = Spec(
        number=number,
        round=0,
        index=number,
        role=role,  # type: ignore[arg-type]
        params={"lr": number / 10},
        unit=(0.5,),
        parent=parent,
        **fields,
    )
    metrics = {} if value is None else {"loss": value, "test_loss": value + 1}
    state = "fail" if value is None else "complete"
    reason = "nonfinite" if value is None else None
    return Trial(made, Outcome(state, value, metrics, reason, seconds=number))


SEARCHED = [trial(0, 0.5), trial(1, 0.2), trial(2, 0.4)]


def confirmed(parent: int, *values: float | None, start: int = 10) -> list[Trial]:
    return [
        trial(start + i, value, role="confirm", parent=parent) for i, value in enumerate(values)
    ]


def test_the_best_mean_over_seeds_wins_not_the_best_single_run() -> None:
    trials = [*SEARCHED, *confirmed(1, 0.9, 0.7), *confirmed(2, 0.3, 0.5, start=20)]
    first, second = winners(trials, "loss", Direction.MINIMIZE)
    assert (first.number, second.number) == (2, 1)
    assert first.confirmed.mean == pytest.approx(0.4)
    assert first.confirmed.sd == pytest.approx(0.2 / 2**0.5)
    assert first.searched == 0.4 and first.metrics["test_loss"].mean == pytest.approx(1.4)
    assert str(first.confirmed) == "0.4 ± 0.14"
    assert winners(trials, "loss", Direction.MAXIMIZE)[0].number == 1


def test_a_candidate_with_a_failed_seed_ranks_after_those_without() -> None:
    trials = [*SEARCHED, *confirmed(1, 0.1, None), *confirmed(2, 0.8, 0.9, start=20)]
    first, second = winners(trials, "loss", Direction.MINIMIZE)
    assert (first.number, second.number, second.failures) == (2, 1, 1)


def test_after_an_extension_the_confirmations_of_the_larger_budget_count() -> None:
    small = confirmed(1, 0.1, 0.1)
    large = [replace(t, spec=replace(t.spec, budget=20)) for t in confirmed(2, 0.3, 0.3, start=20)]
    [only] = winners([*SEARCHED, *small, *large], "loss", Direction.MINIMIZE)
    assert only.number == 2


def result(trials: list[Trial]) -> Result:
    from pathlib import Path

    return Result("s", Path(), "loss", Direction.MINIMIZE, tuple(trials), ())


def test_the_best_trial_is_among_those_of_the_largest_budget() -> None:
    late = [trial(3, 0.6, budget=20), trial(4, 0.55, budget=20), trial(5, None, budget=20)]
    best = result([*SEARCHED, *late]).best_trial
    assert best is not None and best.spec.number == 4
    assert result([]).best_trial is None and result([]).best is None


def test_the_digest_changes_with_what_a_trial_is_and_gave_but_not_with_timings() -> None:
    plain = result(SEARCHED).digest
    first = SEARCHED[0]
    assert first.outcome is not None

    def with_first(changed: Trial) -> str:
        return result([changed, *SEARCHED[1:]]).digest

    slower = replace(first, outcome=replace(first.outcome, seconds=99.0, message="x"))
    assert with_first(slower) == plain
    for field, value in {
        "number": 7,
        "role": "continue",
        "params": {"lr": 0.11},
        "seed": 5,
        "budget": 11,
    }.items():
        assert with_first(replace(first, spec=replace(first.spec, **{field: value}))) != plain
    for field, value in {"state": "fail", "value": 0.51, "metrics": {"loss": 0.5}}.items():
        changed = replace(first.outcome, **{field: value})
        assert with_first(replace(first, outcome=changed)) != plain
    assert with_first(Trial(first.spec)) != plain


def test_a_row_is_flat_and_a_running_trial_has_one_too() -> None:
    flat = trial_row(SEARCHED[1])
    assert flat["params.lr"] == 0.1 and flat["metrics.test_loss"] == 1.2
    assert flat["state"] == "complete" and flat["seconds"] == 1
    assert trial_row(Trial(SEARCHED[1].spec))["state"] == "running"
