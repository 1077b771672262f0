"""Importance of the parameters."""

import random

from hpsearch.space import Choice, Condition, Int, Loguniform, Parameter, Scalar, Space, Uniform
from hpsearch.trial import Direction, Outcome, Spec, Trial
from hpsearch.ui.figures.parameter_importance import LATEST, Importance, importance

SPACE = Space(
    (
        Parameter("idle", Loguniform(1e-5, 1)),
        Parameter("x", Uniform(0, 1)),
        Parameter("kind", Choice(("a", "b"))),
        Parameter("only_b", Int(1, 5), (Condition("kind", ("b",)),)),
    )
)


def trials(count: int = 200, *, grown: bool = False, failing: float = 0.0) -> list[Trial]:
    """X and little else decides; with `grown`, a later budget is better whatever the parameters."""
    generator = random.Random(1)
    made = []
    for number in range(count):
        later = number >= count // 2
        unit = tuple(generator.random() for _ in SPACE)
        if grown:  # the search has moved along `idle`, which matters nothing
            unit = (unit[0] / 2 + later / 2, *unit[1:])
        params = SPACE.decode(unit)
        value = float((params["x"] - 0.3) ** 2) - 10 * (grown and later)  # type: ignore[operator]
        budget = 200 if grown and later else 100
        spec = Spec(number, 0, number, "draw", params, unit, 0, budget)
        failed = generator.random() < failing
        outcome = Outcome("fail", None, {}, "error") if failed else Outcome("complete", value, {})
        made.append(Trial(spec, outcome))
    return made


def test_the_decisive_parameter_comes_first_and_the_shares_sum_to_one() -> None:
    shares = importance(SPACE, trials(), Direction.MINIMIZE)
    assert next(iter(shares)) == "x" and shares["x"].share > 0.5
    assert abs(sum(item.share for item in shares.values()) - 1) < 1e-9


def test_importance_respects_the_direction() -> None:
    flipped = [
        Trial(t.spec, Outcome("complete", -t.outcome.value, {}))
        for t in trials()
        if t.outcome and t.outcome.value is not None
    ]
    assert importance(SPACE, flipped, Direction.MAXIMIZE) == importance(
        SPACE, trials(), Direction.MINIMIZE
    )


def test_the_effect_of_a_growing_budget_is_not_attributed_to_parameters() -> None:
    shares = importance(SPACE, trials(grown=True), Direction.MINIMIZE)
    assert next(iter(shares)) == "x"
    assert shares["idle"].share < 0.2


def test_a_conditional_parameter_is_rated_by_the_trials_that_have_it() -> None:
    made = trials()
    shares = importance(SPACE, made, Direction.MINIMIZE)
    assert shares["only_b"].trials == sum("only_b" in t.spec.params for t in made) < len(made)


def test_failed_trials_are_left_out() -> None:
    made = trials(failing=0.3)
    finished = [t for t in made if t.outcome and t.outcome.state == "complete"]
    assert importance(SPACE, made, Direction.MINIMIZE) == importance(
        SPACE, finished, Direction.MINIMIZE
    )


def test_only_the_latest_trials_count() -> None:
    made = trials(LATEST + 100)
    assert importance(SPACE, made, Direction.MINIMIZE) == importance(
        SPACE, made[100:], Direction.MINIMIZE
    )


def test_too_few_trials_give_no_importance() -> None:
    assert importance(SPACE, trials(9), Direction.MINIMIZE) == {}


def test_options_that_python_holds_equal_are_told_apart() -> None:
    def shares(options: tuple[Scalar, ...]) -> list[Importance]:
        space = Space((Parameter("clip", Choice(options)), Parameter("x", Uniform(0, 1))))
        generator = random.Random(1)
        ended = []
        for number in range(100):
            unit = (generator.random(), generator.random())
            value = float(unit[0] < 0.5) + generator.random()
            spec = Spec(number, 0, number, "draw", space.decode(unit), unit, 0, 100)
            ended.append(Trial(spec, Outcome("complete", value, {})))
        return list(importance(space, ended, Direction.MINIMIZE).values())

    assert shares((0, False)) == shares((True, 1)) == shares(("a", "b"))
