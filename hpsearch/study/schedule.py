"""The trials and training steps of a whole search, computed from its study."""

from dataclasses import dataclass

from hpsearch.study.schema import Study


@dataclass(frozen=True)
class Stage:
    """A round, or the confirmation at the end.

    Attributes:
        budget: total training steps of each of its trials.
        draws: number of new random trials.
        continued: number of survivors that train on.
        confirmed: number of trainings of the best trials under fresh seeds.
        steps: training steps of the stage over all trials.
    """

    budget: int
    draws: int = 0
    continued: int = 0
    confirmed: int = 0
    steps: int = 0

    @property
    def trials(self) -> int:
        return self.draws + self.continued + self.confirmed


def training_stages(study: Study) -> tuple[Stage, ...]:
    """The rounds in order, then the confirmation if the study has one."""
    stages: list[Stage] = []
    for number in range(study.search.rounds):
        budget = study.budget.at(number)
        before = stages[-1].budget if stages else budget
        continued = study.search.survivors if budget > before else 0
        draws = study.search.trials - continued
        steps = draws * budget + continued * (budget - before)
        stages.append(Stage(budget, draws, continued, steps=steps))
    repeats = study.confirm.top * study.confirm.seeds
    if repeats:
        last = stages[-1].budget
        stages.append(Stage(last, confirmed=repeats, steps=repeats * last))
    return tuple(stages)
