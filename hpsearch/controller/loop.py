"""The controller's loop: rounds of trials that tighten, then confirmation over fresh seeds.

Resume runs the same loop. The database holds every trial, finished or proposed; the loop runs the
unfinished ones and computes the next round from the table. There is no other state.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace

from hpsearch.controller.stopping import StoppingRule
from hpsearch.controller.trial_table import TrialTable
from hpsearch.errors import ChangedError, SearchFailedError
from hpsearch.events import (
    ConfirmStarted,
    Event,
    ForeignTrials,
    RoundEnded,
    RoundStarted,
    SearchStarted,
    TrialFound,
    Unfused,
)
from hpsearch.method import shared_structure
from hpsearch.storage import Requests, Result, RoundRecord, RunFolder, StudyWriter, value_of
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
    """Runs one study from its recorded state to its end.

    Args:
        study: the study.
        folder: its run folder, whose lock this process holds.
        store: its database.
        description: the description of its trainer.
        devices: the device of each slot.
        launcher: starts the jobs; the caller closes it.
        stop: requests to end the search.
        on_event: called with every event.
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
        on_event: Callable[[Event], None],
    ) -> None:
        self._study = study
        self._folder = folder
        self._store = store
        self._description = description
        self._devices = tuple(devices)
        self._on_event = on_event
        recorded = store.recorded()
        self._foreign = recorded.foreign
        shared = shared_structure(description.structure, study.space, description.defaults)
        self._table = TrialTable(study, recorded.trials, shared)
        reruns = [t for t in self._table if t.spec.role == "rerun"]
        self._unfinished_reruns = [t.spec for t in reruns if t.outcome is None]
        # Checkpoints of reruns are kept: the user who asked for a rerun may need its checkpoint.
        self._has_checkpoint = {t.spec.number for t in self._table if t.spec.role != "rerun"}
        self._records = {record.round: record for record in recorded.rounds}
        self._stopping = StoppingRule(study, folder, store, on_event)
        self._requests = Requests(folder)
        mode, self._why_unfused = fusion_mode(study, description, self._devices[0])
        self._pool = Pool(
            launcher,
            folder,
            devices=self._devices,
            job=replace(Job.of(study), fuse=mode),
            queue=JobQueue(
                lambda spec: (
                    None if mode == "off" else group_shape(study, description, spec.params)
                ),
                slots=len(self._devices),
                largest=max_group_size(study, self._devices[0]),
            ),
            attempts=study.limits.retries + 1,
            stop=stop,
            on_event=on_event,
        )

    def run(self) -> Result:
        self._announce()
        done = self._run_rounds(0)
        self._finish(done - 1)
        while self._stopping.may_begin(done):  # rounds were added during the confirmation
            done = self._run_rounds(done)
            self._finish(done - 1)
        return self._result()

    def _run_rounds(self, done: int) -> int:
        """Run the rounds from `done` on while a further one may begin; returns their number."""
        while done in self._records or self._may_begin(done):
            self._run_round(done)
            done += 1
        self._stopping.announce_early_end(done)
        return done

    def _may_begin(self, number: int) -> bool:
        if number > 0 and self._is_confirming(number - 1) and self._stopping.may_begin(number):
            self._finish(number - 1)  # its confirmation had begun when rounds were added
        self._pool.wait_while_paused()
        return self._stopping.may_begin(number)

    def _finish(self, last: int) -> None:
        self._pool.wait_while_paused()
        self._confirm(last)
        self._run_trials([])  # runs requested reruns even if nothing was confirmed

    def _announce(self) -> None:
        study, rounds = self._study, self._stopping.rounds(len(self._records))
        self._on_event(
            SearchStarted(
                name=study.name,
                folder=str(self._folder.path),
                metric=study.objective.metric,
                direction=study.objective.direction,
                rounds=rounds,
                trials=study.search.trials,
                stages=self._stopping.stages(rounds),
                devices=self._devices,
                finished=sum(t.outcome is not None for t in self._table),
                space=study.space,
            )
        )
        if self._foreign:
            self._on_event(ForeignTrials(self._foreign, str(self._folder.database)))
        if self._why_unfused is not None:
            self._on_event(Unfused(self._why_unfused))
        for trial in self._table:
            if trial.outcome is not None:
                self._on_event(TrialFound(trial.spec, trial.outcome))

    def _run_round(self, number: int) -> None:
        if number not in self._records:
            record, specs = self._table.round_specs(number)
            specs = [with_usable_parent(self._folder, spec) for spec in specs]
            self._record(specs, record)
            self._records[number] = record
        record = self._records[number]
        members = self._table.members(number)
        self._on_event(
            RoundStarted(
                number,
                record.budget,
                record.width,
                record.step_sizes,
                record.survivors,
                sum(t.outcome is not None for t in members),
            )
        )
        if number + 1 in self._records:
            return  # finished in an earlier session
        self._run_trials(members)
        self._end_round(number)

    def _record(self, specs: Sequence[Spec], record: RoundRecord | None = None) -> None:
        for spec in specs:
            self._table.put(Trial(spec))
        self._has_checkpoint |= {spec.number for spec in specs if spec.role != "rerun"}
        self._store.record_trials(specs, self._study.space, record)

    def _run_trials(self, trials: Sequence[Trial]) -> None:
        specs = [self._with_versions(trial.spec) for trial in trials if trial.outcome is None]
        for spec in specs:
            copy_parent_checkpoint(self._folder, spec)
        self._pool.run(specs, self._record_outcome, self._rerun_specs)

    def _rerun_specs(self) -> list[Spec]:
        """Record the requested reruns; return them, and those that an earlier session left."""
        specs, self._unfinished_reruns = self._unfinished_reruns, []
        for parent, repeat in self._requests.reruns():
            spec = self._table.rerun_spec(parent, repeat)
            if spec is None:
                continue  # outside the space since an accepted change; the request stays
            if spec.number not in self._table:
                self._record([spec])
                specs.append(spec)
            self._requests.record_rerun(parent, repeat, spec.number)
        return [self._with_versions(spec) for spec in specs]

    def _with_versions(self, spec: Spec) -> Spec:
        """The spec with the trainer's hash and the package versions of this session."""
        return replace(spec, trainer=self._description.sha256, versions=self._description.versions)

    def _record_outcome(self, spec: Spec, outcome: Outcome) -> None:
        self._check_provenance(spec, outcome)
        folder = self._folder.trial(spec.number)
        self._store.record_outcome(spec, outcome, folder.read_reports())
        folder.inherited.unlink(missing_ok=True)
        self._table.put(Trial(spec, outcome))

    def _check_provenance(self, spec: Spec, outcome: Outcome) -> None:
        """Refuse to rank values that were measured with different extractors or sample counts.

        Raises:
            ChangedError: the outcome's provenance differs from the first trial's.
        """
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
                f"the first trials used, delete {self._folder.trial(spec.number).result} and "
                f"resume, or start in another folder with --runs"
            )

    def _end_round(self, number: int) -> None:
        """Report the round and delete checkpoints that no later trial needs.

        Raises:
            SearchFailedError: every trial of the round failed.
        """
        members = self._table.members(number)
        values = [v for t in members if (v := value_of(t)) is not None]
        if not values:
            raise SearchFailedError(self._first_failure(f"every trial of round {number}", members))
        best = self._study.objective.direction.best(values)
        failed = len(members) - len(values)
        self._on_event(RoundEnded(number, best, statistics.median(values), failed))
        searched = {n for n in self._has_checkpoint if self._table[n].spec.searched}
        self._drop_checkpoints(searched - self._survivors(number))

    def _survivors(self, number: int) -> set[int]:
        """Trials that may be continued after round `number`, or be confirmed."""
        count = max(self._study.search.survivors, self._study.confirm.top)
        return {row.number for row in self._table.best(number, count)}

    def _first_failure(self, subject: str, trials: Sequence[Trial]) -> str:
        first = trials[0]
        assert first.outcome is not None
        folder = self._folder.trial(first.spec.number)
        return (
            f"{subject} failed; the first, trial {first.spec.number}: {first.outcome.reason}: "
            f"{first.outcome.message}\nlast lines of {folder.log}:\n{folder.log_tail()}"
        )

    def _drop_checkpoints(self, numbers: set[int]) -> None:
        for number in numbers:
            if self._table[number].outcome is not None:
                self._folder.trial(number).checkpoint.unlink(missing_ok=True)
                self._has_checkpoint.remove(number)

    def _is_confirming(self, last: int) -> bool:
        """Whether the confirmation after round `last` has begun and not ended."""
        return any(
            trial.spec.role == "confirm" and trial.spec.round == last and trial.outcome is None
            for trial in self._table
        )

    def _confirm(self, last: int) -> None:
        """Train the best candidates from scratch, each under the same fresh seeds.

        Raises:
            SearchFailedError: every confirmation failed.
        """
        plan = self._study.confirm
        if plan.top == 0 or plan.seeds == 0:
            return
        candidates = self._table.best(last, plan.top)
        specs = self._table.confirm_specs(candidates, last)
        new = [spec for spec in specs if spec.number not in self._table]
        if new:
            self._record(new)
        finished = sum(self._table[spec.number].outcome is not None for spec in specs)
        numbers = tuple(row.number for row in candidates)
        self._on_event(ConfirmStarted(numbers, plan.seeds, finished))
        self._run_trials([self._table[spec.number] for spec in specs])
        best = self._result().best
        if best is None:
            members = [self._table[spec.number] for spec in specs]
            raise SearchFailedError(self._first_failure("every confirmation", members))
        # The survivors are continued if rounds are added.
        keep = self._survivors(last) | set(best.trials)
        self._drop_checkpoints(self._has_checkpoint - keep)

    def _result(self) -> Result:
        return Result(
            name=self._study.name,
            folder=self._folder.path,
            metric=self._study.objective.metric,
            direction=self._study.objective.direction,
            records=tuple(sorted(self._table, key=lambda trial: trial.spec.number)),
            rounds=tuple(self._records[number] for number in sorted(self._records)),
        )
