"""The controller's loop: rounds of trials that tighten, then the winners over fresh seeds.

Resume is the same loop. What the database holds is finished or was proposed; the rest of a round is
run, the next one computed from the table. Nothing is remembered anywhere else.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace

from hpsearch.controller.again import Reruns
from hpsearch.controller.stopping import StoppingRule
from hpsearch.controller.trial_table import TrialTable
from hpsearch.errors import ChangedError, SearchFailedError
from hpsearch.events import (
    ConfirmStarted,
    Event,
    RoundEnded,
    RoundStarted,
    SearchStarted,
    TrialFound,
    Unfused,
)
from hpsearch.method import shared_structure
from hpsearch.storage import Requests, Result, RunFolder, StudyWriter, value_of
from hpsearch.study import Study, TrainerDescription
from hpsearch.trial import Outcome, Spec, Trial
from hpsearch.workers import (
    Job,
    JobQueue,
    Launcher,
    Pool,
    StopSignal,
    copy_parent_checkpoint,
    fusion_mode,
    group_shape,
    max_group_size,
    with_usable_parent,
)


class Controller:
    """Takes one study from where it stands to its end.

    Args:
        study: what to run.
        folder: its run folder, whose lock this process holds.
        store: its database.
        description: of its trainer.
        devices: of each place where a trial can run.
        launcher: of its jobs; whoever made it closes it.
        stop: requests to end the search.
        watch: is told of every event.
    """

    def __init__(
        self,
        study: Study,
        folder: RunFolder,
        store: StudyWriter,
        description: TrainerDescription,
        devices: Sequence[str],
        launcher: Launcher,
        stop: StopSignal,
        watch: Callable[[Event], None],
    ) -> None:
        self._study = study
        self._folder = folder
        self._store = store
        self._description = description
        self._devices = tuple(devices)
        self._watch = watch
        recorded = store.recorded()
        shared = shared_structure(description.structure, study.space, description.defaults)
        self._table = TrialTable(study, recorded.trials, shared)
        # Not those of trials that a person wanted again, who may want them for something.
        self._with_checkpoint = {t.spec.number for t in self._table if t.spec.role != "again"}
        self._records = {record.round: record for record in recorded.rounds}
        self._horizon = StoppingRule(study, folder, store, watch)
        self._again = Reruns(self._table, store, Requests(folder), study.space)
        mode, self._why_unfused = fusion_mode(study, description, self._devices[0])
        self._pool = Pool(
            launcher,
            folder,
            devices=self._devices,
            job=replace(Job.of(study), fuse=mode),
            waiting=JobQueue(
                lambda spec: (
                    None if mode == "off" else group_shape(study, description, spec.params)
                ),
                places=len(self._devices),
                largest=max_group_size(study, self._devices[0]),
            ),
            attempts=study.limits.retries + 1,
            stop=stop,
            watch=watch,
        )

    def run(self) -> Result:
        self._announce()
        done = self._run_rounds(0)
        self._finish(done - 1)
        while self._horizon.may_begin(done):  # rounds were added meanwhile
            done = self._run_rounds(done)
            self._finish(done - 1)
        return self._result()

    def _run_rounds(self, done: int) -> int:
        """Run the rounds from `done` on that may be; returns how many there are then."""
        while done in self._records or self._may_begin(done):
            self._run_round(done)
            done += 1
        self._horizon.tell(done)
        return done

    def _may_begin(self, number: int) -> bool:
        if number > 0 and self._is_confirming(number - 1) and self._horizon.may_begin(number):
            self._finish(number - 1)  # it had begun when rounds were added
        self._pool.wait_while_paused()
        return self._horizon.may_begin(number)

    def _finish(self, last: int) -> None:
        self._pool.wait_while_paused()
        self._confirm(last)
        self._run_trials([])  # those wanted again, if none was confirmed

    def _announce(self) -> None:
        study, rounds = self._study, self._horizon.rounds(len(self._records))
        self._watch(
            SearchStarted(
                name=study.name,
                folder=str(self._folder.path),
                metric=study.objective.metric,
                direction=study.objective.direction,
                rounds=rounds,
                trials=study.search.trials,
                stages=self._horizon.stages(rounds),
                places=self._devices,
                finished=sum(t.outcome is not None for t in self._table),
                space=study.space,
            )
        )
        if self._why_unfused is not None:
            self._watch(Unfused(self._why_unfused))
        for trial in self._table:
            if trial.outcome is not None:
                self._watch(TrialFound(trial.spec, trial.outcome))

    def _run_round(self, number: int) -> None:
        if number not in self._records:
            record, specs = self._table.round_specs(number)
            specs = [with_usable_parent(self._folder, spec) for spec in specs]
            self._begin(specs)
            self._store.begin(specs, self._study.space, record)
            self._records[number] = record
        record = self._records[number]
        members = self._table.members(number)
        self._watch(
            RoundStarted(
                number,
                record.budget,
                record.width,
                record.evidence,
                record.survivors,
                sum(t.outcome is not None for t in members),
            )
        )
        if number + 1 in self._records:
            return  # it ended in an earlier session, and later rounds rest on it
        self._run_trials(members)
        self._judge_round(number)

    def _begin(self, specs: Sequence[Spec]) -> None:
        for spec in specs:
            self._table.put(Trial(spec))
            self._with_checkpoint.add(spec.number)

    def _run_trials(self, trials: Sequence[Trial]) -> None:
        specs = [self._stamped(trial.spec) for trial in trials if trial.outcome is None]
        for spec in specs:
            copy_parent_checkpoint(self._folder, spec)
        self._pool.run(specs, self._land, self._trials_again)

    def _trials_again(self) -> list[Spec]:
        return [self._stamped(spec) for spec in self._again.specs()]

    def _stamped(self, spec: Spec) -> Spec:
        """A trial with what it will run with."""
        return replace(spec, trainer=self._description.sha256, versions=self._description.versions)

    def _land(self, spec: Spec, outcome: Outcome) -> None:
        self._refuse_unlike(spec, outcome)
        folder = self._folder.trial(spec.number)
        self._store.land(spec, outcome, folder.read_reports())
        folder.inherited.unlink(missing_ok=True)
        self._table.put(Trial(spec, outcome))

    def _refuse_unlike(self, spec: Spec, outcome: Outcome) -> None:
        """Values that were measured with different things must not be ranked together."""
        if outcome.value is None:
            return
        measured = (t for t in self._table if t.outcome and value_of(t) is not None)
        first = next(measured, None)
        if first is None or first.outcome is None:
            return
        if dict(first.outcome.provenance) != dict(outcome.provenance):
            raise ChangedError(
                f"trial {spec.number} measured {self._study.objective.metric} with "
                f"{dict(outcome.provenance)}, trial {first.spec.number} with "
                f"{dict(first.outcome.provenance)}; such values cannot be compared. Restore what "
                f"the first trials used, delete {self._folder.trial(spec.number).result} and go "
                f"on, or start afresh in another folder with --runs"
            )

    def _judge_round(self, number: int) -> None:
        """Stop if nothing succeeded; else tell how the round went and drop spent checkpoints."""
        members = self._table.members(number)
        values = [v for t in members if (v := value_of(t)) is not None]
        if not values:
            raise SearchFailedError(self._first_failure(f"every trial of round {number}", members))
        best = self._study.objective.direction.best(values)
        failed = len(members) - len(values)
        self._watch(RoundEnded(number, best, statistics.median(values), failed))
        searched = {n for n in self._with_checkpoint if self._table[n].spec.searched}
        self._drop_checkpoints(searched - self._survivors(number))

    def _survivors(self, number: int) -> set[int]:
        """Trials that may train on after round `number`, or be confirmed."""
        count = max(self._study.search.survivors, self._study.confirm.top)
        return {row.number for row in self._table.best(number, count)}

    def _first_failure(self, what: str, trials: Sequence[Trial]) -> str:
        first = trials[0]
        assert first.outcome is not None
        folder = self._folder.trial(first.spec.number)
        return (
            f"{what} failed; the first, trial {first.spec.number}: {first.outcome.reason}: "
            f"{first.outcome.message}\nlast lines of {folder.log}:\n{folder.log_tail()}"
        )

    def _drop_checkpoints(self, numbers: set[int]) -> None:
        for number in numbers:
            if self._table[number].outcome is not None:
                self._folder.trial(number).checkpoint.unlink(missing_ok=True)
                self._with_checkpoint.remove(number)

    def _is_confirming(self, last: int) -> bool:
        """Whether the confirmation after round `last` has begun and not ended."""
        return any(
            trial.spec.role == "confirm" and trial.spec.round == last and trial.outcome is None
            for trial in self._table
        )

    def _confirm(self, last: int) -> None:
        """Train the best candidates again, from scratch, under fresh seeds that they share."""
        plan = self._study.confirm
        if plan.top == 0 or plan.seeds == 0:
            return
        candidates = self._table.best(last, plan.top)
        specs = self._table.confirm_specs(candidates, last)
        new = [spec for spec in specs if spec.number not in self._table]
        if new:
            self._begin(new)
            self._store.begin(new, self._study.space)
        finished = sum(self._table[spec.number].outcome is not None for spec in specs)
        numbers = tuple(row.number for row in candidates)
        self._watch(ConfirmStarted(numbers, plan.seeds, finished))
        self._run_trials([self._table[spec.number] for spec in specs])
        best = self._result().best
        if best is None:
            members = [self._table[spec.number] for spec in specs]
            raise SearchFailedError(self._first_failure("every confirmation", members))
        # The survivors train on if the search is given more rounds.
        keep = self._survivors(last) | set(best.trials)
        self._drop_checkpoints(self._with_checkpoint - keep)

    def _result(self) -> Result:
        return Result(
            name=self._study.name,
            folder=self._folder.path,
            metric=self._study.objective.metric,
            direction=self._study.objective.direction,
            records=tuple(sorted(self._table, key=lambda trial: trial.spec.number)),
            rounds=tuple(self._records[number] for number in sorted(self._records)),
        )
