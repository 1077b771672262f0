"""Our method on real trainers: the study's own table proposes, survivors train on.

It is the controller's code without its processes: `controller.trial_table` makes the rounds
of the study file, with its growing budgets.
"""

import time

from hpsearch.controller.trial_table import TrialTable
from hpsearch.method.structure_blocks import shared_structure
from hpsearch.trial import Outcome, Spec, Trial

from .search import Candidate, Log, Search
from .task import Task
from .training import Order, Trainings

# Overrides of the shipped study.
ARMS = {
    "hpsearch": ("search.structures=[]",),
    "hpsearch without the judge": ("search.structures=[]", "search.surrogate=none"),
    "hpsearch, shared structures": ("search.structures=[5, 2]",),
}


def growing(arm: str, task: Task, seed: int, trainings: Trainings) -> Search:
    """Rounds of 25 trials, each twice as long as the one before.

    A round's workers wait for its slowest trial: the survivors, which go on from where they paused,
    have an end sooner.
    """
    study = task.with_overrides(f"search.seed={seed}", *ARMS[arm])
    shared = shared_structure(task.trainer.structure, study.space, task.trainer.defaults)
    log, table = Log(), TrialTable(study, (), shared)
    for round in range(study.search.rounds):
        began = time.perf_counter()
        _, specs = table.round_specs(round)
        log.proposing += time.perf_counter() - began
        budget = study.budget.at(round)
        orders = {spec.number: Order.of(spec.params, spec.seed) for spec in specs}
        begun = {spec.number: _begun(spec, table) for spec in specs}
        log.trials += sum(not step for step in begun.values())
        yield dict.fromkeys(orders.values(), budget)
        # Trials move from report to report together, a continuation from where it stands.
        while any(step < budget for step in begun.values()):
            moving = [n for n, step in begun.items() if step < budget]
            for number in moving:
                begun[number] += task.interval
            values = [trainings.curve(orders[n]).at(begun[n]) for n in moving]
            log.see(values, _spent(moving, begun, orders, trainings, task))
        for spec in specs:
            value = trainings.curve(orders[spec.number]).at(budget)
            table.put(Trial(spec, _outcome(value, budget)))
            if value is not None and budget == task.full:
                log.finished.append(Candidate(spec.number, spec.params, value))
        kept = {orders[row.number] for row in table.best(round, study.search.survivors)}
        trainings.forget([order for order in orders.values() if order not in kept])
    return log


def _begun(spec: Spec, table: TrialTable) -> int:
    """Steps that a trial has behind it."""
    return 0 if spec.parent is None else table[spec.parent].spec.budget


def _spent(
    moving: list[int],
    at: dict[int, int],
    orders: dict[int, Order],
    trainings: Trainings,
    task: Task,
) -> int:
    """Steps of a tick; a trial that has broken down takes none after it."""
    return task.interval * sum(
        at[n] == task.interval or trainings.curve(orders[n]).at(at[n] - task.interval) is not None
        for n in moving
    )


def _outcome(value: float | None, steps: int) -> Outcome:
    if value is None:
        return Outcome("fail", None, {}, "nonfinite", steps=steps)
    return Outcome("complete", value, {}, steps=steps)
