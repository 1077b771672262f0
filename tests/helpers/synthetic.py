"""Studies of any size, made by the method itself without training anything."""

import math
import random
from pathlib import Path

from hpsearch import method
from hpsearch.space import Choice, Condition, Int, Logint, Loguniform, Parameter, Space, Uniform
from hpsearch.storage.requests import PendingRequests
from hpsearch.storage.result import Result
from hpsearch.storage.round_record import RoundRecord, SearchPlan
from hpsearch.storage.snapshot import Snapshot
from hpsearch.study.load import thaw_study
from hpsearch.trial import Direction, Outcome, Report, Spec, Trial

STUDY = """\
study: {name}
trainer: trainer.py:train
objective: {{{direction}: loss}}
search: {{rounds: {rounds}, trials: {trials}, survivors: {survivors}}}
budget: {{steps: 40, growth: {growth}}}
space: {{lr: {{loguniform: [1.0e-5, 1.0e-2]}}}}
"""

MIXED = (
    Parameter("lr", Loguniform(1e-5, 1e-2)),
    Parameter("penalty", Choice(("none", "gradient", "r1"))),
    Parameter("weight", Loguniform(0.1, 100), (Condition("penalty", ("gradient", "r1")),)),
    Parameter("n_critic", Int(1, 5)),
    Parameter("width", Logint(32, 512)),
    Parameter("beta1", Uniform(0, 1)),
)


def study(
    *,
    parameters: tuple[Parameter, ...] = MIXED,
    count: int = 4,
    trials: int = 25,
    growth: int = 1,
    metric: str = "loss",
    direction: str = "minimize",
    name: str = "s",
    reports: int = 20,
    failing: float = 0.05,
    best_at: float = 0.3,
    survivors: int = 3,
) -> Snapshot:
    """A search that has run its rounds and confirmed three trials over five seeds each.

    The value is the distance of the point from `best_at` in every coordinate, and some noise.
    """
    text = STUDY.format(
        name=name,
        direction=direction,
        rounds=count,
        trials=trials,
        growth=growth,
        survivors=survivors,
    )
    space = Space(parameters)
    frozen = thaw_study(text, Path("study.yaml"))
    object.__setattr__(frozen, "space", space)
    noise = random.Random(0)
    sign = Direction(direction).sign
    records: list[Trial] = []
    drawn: list[RoundRecord] = []
    rows: list[method.Row] = []

    def train(spec: Spec) -> Trial:
        active = [u for u, on in zip(spec.unit, space.active(spec.unit), strict=True) if on]
        loss = math.dist(active, [best_at] * len(active)) + 0.02 * noise.random()
        value = sign * loss
        if noise.random() < failing and spec.role != "confirm":
            return Trial(spec, Outcome("fail", None, {metric: None}, "nonfinite"))
        return Trial(spec, Outcome("complete", value, {metric: value, "test_loss": value + 0.1}))

    for round in range(count):
        budget = 40 * growth**round
        # Beyond a thousand only the latest count, or a study of ten thousand takes minutes.
        comparable = [row for row in rows if row.budget == 40 * growth ** max(0, round - 1)]
        tightening = method.tighten(space, comparable[-1000:], round=round, survivors=survivors)
        drawn.append(
            RoundRecord(
                round,
                budget,
                tightening.width,
                dict(zip(space.names, tightening.step_sizes, strict=True)),
                tuple(row.number for row in tightening.survivors),
            )
        )
        places = method.propose(
            space,
            tightening,
            method.RoundPlan(
                seed=0, round=round, trials=trials, continued=growth > 1 and round > 0
            ),
        )
        for place in places:
            number = len(records)
            params = space.decode(place.unit)
            spec = Spec(
                number, round, place.index, place.role, params, place.unit, place.seed, budget,
                place.parent,
            )  # fmt: skip
            trial = train(spec)
            records.append(trial)
            value = trial.outcome.value if trial.outcome else None
            signed = None if value is None else sign * value
            rows.append(method.Row(number, signed, place.unit, budget))
    last = [row for row in rows if row.budget == drawn[-1].budget]
    for row in method.best_distinct(space, last[-1000:], 3):
        for repeat in range(5):
            number = len(records)
            spec = Spec(
                number, count - 1, repeat, "confirm", space.decode(row.unit), row.unit, repeat,
                row.budget, row.number,
            )  # fmt: skip
            records.append(train(spec))
    result = Result(
        name, Path("runs/s"), metric, Direction(direction), tuple(records), tuple(drawn)
    )

    def read(number: int) -> tuple[Report, ...]:
        spec = records[number].spec
        first = 0 if spec.role != "continue" else spec.budget // growth
        steps = range(first, spec.budget, max(1, (spec.budget - first) // reports))
        # It begins in a second, and a step takes 4 ms.
        return tuple(
            Report(s + 1, {metric: sign / (s + 1), "other": s}, 1 + 0.004 * (s - first))
            for s in steps
        )

    plan = SearchPlan(count, trials, 3, 5)
    return Snapshot(result, plan, frozen, None, PendingRequests(), (), 1, "e", {}, read)


def without_values(s: Snapshot) -> Snapshot:
    """The first round, every trial failed."""
    first = [t for t in s.result.records if t.spec.round == 0 and t.spec.role == "draw"]
    failed = tuple(
        Trial(t.spec, Outcome("fail", None, {}, "error", "it <b>broke</b>")) for t in first
    )
    return having(s, failed, s.result.rounds[:1])


def with_one_trial(s: Snapshot) -> Snapshot:
    return having(s, s.result.records[:1], s.result.rounds[:1])


def not_started(s: Snapshot) -> Snapshot:
    return having(s, (), ())


def having(s: Snapshot, records: tuple[Trial, ...], drawn: tuple[RoundRecord, ...]) -> Snapshot:
    """The study with other trials and rounds."""
    r = s.result
    result = Result(r.name, r.folder, r.metric, r.direction, records, drawn)
    return Snapshot(
        result, s.plan, s.study, None, PendingRequests(), (), 1, "e", {}, lambda number: ()
    )
