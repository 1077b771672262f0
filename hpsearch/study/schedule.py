"""What a study would run, stage by stage, before anything has run."""

from dataclasses import dataclass

from hpsearch.study.schema import Study


@dataclass(frozen=True)
class Stage:
    """A round, or the confirmation at the end.

    Attributes:
        budget: steps that each of its trials has trained for at its end.
        draws: new random trials.
        continued: survivors that train on.
        confirmed: trainings of winners under fresh seeds.
        steps: of training in all.
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
    """The rounds, and the confirmation if the study has one."""
    stages: list[Stage] = []
    for number in range(study.search.rounds):
        budget = study.budget.at(number)
        before = stages[-1].budget if stages else budget
        continued = study.search.survivors if budget > before else 0
        draws = study.search.trials - continued
        steps = draws * budget + continued * (budget - before)
        stages.append(Stage(budget, draws, continued, 0, steps))
    repeats = study.confirm.top * study.confirm.seeds
    if repeats:
        last = stages[-1].budget
        stages.append(Stage(last, 0, 0, repeats, repeats * last))
    return tuple(stages)
