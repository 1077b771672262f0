"""Run folders of any size for the benchmarks, filled without training anything."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from hpsearch.controller import inspect_study
from hpsearch.controller.trial_table import TrialTable
from hpsearch.storage.round_record import SearchPlan
from hpsearch.storage.run_folder import RunFolder
from hpsearch.storage.writer import StudyWriter
from hpsearch.study.load import load_study
from hpsearch.study.schedule import training_stages
from hpsearch.trial import Outcome, Report, Spec, Trial

Train = Callable[[Spec], tuple[Outcome, list[Report]]]


def fill(
    file: Path, rounds: int, train: Train, *, folders: bool = False, open_rounds: int = 0
) -> RunFolder:
    """A run folder in `runs` beside the study file, whose first rounds are finished.

    Args:
        file: the study.
        rounds: that are finished.
        train: what becomes of a trial.
        folders: whether the trials get folders with their reports.
        open_rounds: that have begun after these, without an outcome yet.
    """
    study = load_study(file)
    run = RunFolder(file.parent / "runs" / study.name)
    with run.locked():
        run.settle(study, inspect_study(study), accept=False)
        store = StudyWriter.create_or_open(
            run.database,
            study.name,
            metric=study.objective.metric,
            direction=study.objective.direction,
        )
        search, confirm = study.search, study.confirm
        store.record_plan(SearchPlan(search.rounds, search.trials, confirm.top, confirm.seeds))
        table = TrialTable(study, [])
        for number in range(min(rounds + open_rounds, len(training_stages(study)))):
            record, specs = table.round_specs(number)
            store.record_trials(specs, study.space, record)
            for spec in specs:
                table.put(Trial(spec))
                if number >= rounds:
                    continue
                outcome, reports = train(spec)
                if folders:
                    keep(run, spec, outcome, reports)
                store.record_outcome(spec, outcome, reports)
                table.put(Trial(spec, outcome))
        store.close()
    return run


def keep(run: RunFolder, spec: Spec, outcome: Outcome, reports: list[Report]) -> None:
    """A trial's folder as its worker leaves it; not synced, for nothing rests on it."""
    folder = run.trial(spec.number)
    folder.path.mkdir(parents=True)
    folder.spec.write_text(json.dumps(asdict(spec)))
    folder.reports.write_text("".join(json.dumps(asdict(report)) + "\n" for report in reports))
    folder.result.write_text(json.dumps(asdict(outcome)))
    folder.log.touch()
