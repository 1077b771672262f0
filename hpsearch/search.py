"""The controller's loop: rounds of trials that tighten, then the winners over fresh seeds.

Resume is the same loop. What the database holds is finished or was proposed; the rest of a round is
run, the next one computed from the table. Nothing is remembered anywhere else.
"""

import math
import os
import shutil
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from hpsearch import files, rounds, source
from hpsearch.errors import ChangedError, SearchFailedError, StudyError
from hpsearch.events import ConfirmStarted, Event, OutOfTime, RoundEnded, RoundStarted, SearchStarted
from hpsearch.launchers.local import LocalLauncher
from hpsearch.pool import Pool, Stop
from hpsearch.result import Result, value_of
from hpsearch.runfolder import RunFolder, explain
from hpsearch.space import Scalar, Space
from hpsearch.store import Plan, RoundRecord, Store
from hpsearch.study import Study, load, unknown_parameters
from hpsearch.trial import Outcome, Spec, Trial
from hpsearch.worker import Job


def search(
    study: str | Path,
    *,
    runs: str | Path = "runs",
    overrides: Sequence[str] = (),
    accept_changes: bool = False,
    watch: Callable[[Event], None] = lambda _event: None,
) -> Result:
    """Run a study, or go on with it, to its end.

    Args:
        study: path of the study file.
        runs: the study's folder is made in here, by the study's name.
        overrides: as `--set`: "search.rounds=2", "space.lr.loguniform=[1e-4, 1e-2]".
        accept_changes: go on although the study or its trainer has changed.
        watch: is told of every event, in this thread.

    Returns:
        The finished study; at once, if it was finished before.

    Raises:
        StudyError, TrainerError: the study or its trainer is wrong; nothing has run.
        ChangedError: the folder was started with another study or trainer.
        LockedError: another process works on it.
        SearchFailedError: all trials of a round failed.
        InterruptedSearch: it was stopped; the same call goes on.
        RunFolderError: the folder cannot be written; what is finished is safe.
    """
    wanted = load(study, overrides)
    folder = RunFolder(Path(runs) / wanted.name)
    with folder.locked(), Stop(folder) as stop:
        try:
            description = inspect(wanted)
            folder.settle(wanted, description, accept=accept_changes)
            store = Store.create_or_open(
                folder.database,
                wanted.name,
                metric=wanted.objective.metric,
                direction=wanted.objective.direction,
            )
            try:
                return _Search(wanted, folder, store, description, stop, watch).run()
            finally:
                store.close()
        except OSError as error:
            raise explain(folder.path, error) from error


def inspect(study: Study) -> source.Description:
    """What the study's trainer is and knows.

    Raises:
        TrainerError: it cannot be loaded.
        StudyError: the study has parameters that it does not know.
    """
    description = source.ask(study.trainer)
    if description.known is not None:
        name = getattr(study.trainer, "name", "")
        if faults := unknown_parameters(study, description.known, name):
            raise StudyError(faults)
    return description


def places(study: Study, gpus: int) -> tuple[str, ...]:
    """The device of each place where a trial can run."""
    wanted = study.resources
    if wanted.device == "cuda" and gpus == 0:
        raise ChangedError(
            "resources.device is cuda, but torch finds no GPU here; set it to auto or cpu"
        )
    if wanted.device == "cpu" or gpus == 0:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        automatic = max(1, (cores or 1) // wanted.threads)
        return ("cpu",) * (automatic if wanted.parallel == "auto" else wanted.parallel)
    count = gpus * wanted.trials_per_gpu if wanted.parallel == "auto" else wanted.parallel
    return tuple(f"cuda:{i % gpus}" for i in range(count))


class _Search:
    def __init__(
        self,
        study: Study,
        folder: RunFolder,
        store: Store,
        description: source.Description,
        stop: Stop,
        watch: Callable[[Event], None],
    ) -> None:
        self._study = study
        self._folder = folder
        self._store = store
        self._description = description
        self._watch = watch
        self._stop = stop
        self._started = time.monotonic()
        self._trials: dict[int, Trial] = {t.spec.number: t for t in store.trials()}
        self._records = {record.round: record for record in store.rounds()}
        self._pool: Pool | None = None
        self._devices = places(study, description.gpus)

    def run(self) -> Result:
        study = self._study
        launcher = LocalLauncher(
            preload=self._description.preload, threads=study.resources.threads
        )
        self._pool = Pool(
            launcher,
            self._folder,
            devices=self._devices,
            job=self._job(),
            attempts=study.limits.retries + 1,
            stop=self._stop,
            watch=self._watch,
        )
        self._announce()
        try:
            done = 0
            while done < study.search.rounds and not self._out_of_time(done):
                self._run_round(done)
                done += 1
            self._confirm(done - 1)
        finally:
            launcher.close()
        return self._result()

    def _job(self) -> Job:
        study = self._study
        return Job(
            folders=(),
            trainer=study.trainer,
            fixed=study.fixed,
            objective=study.objective.metric,
            report_every=study.budget.report_every,
            threads=study.resources.threads,
            trial_seconds=study.limits.trial_seconds,
            trial_memory_mib=study.limits.trial_memory_mib,
        )

    def _announce(self) -> None:
        study = self._study
        self._store.note_plan(
            Plan(study.search.rounds, study.search.trials, study.confirm.top, study.confirm.seeds)
        )
        self._watch(
            SearchStarted(
                name=study.name,
                folder=str(self._folder.path),
                metric=study.objective.metric,
                direction=study.objective.direction,
                rounds=study.search.rounds,
                trials=study.search.trials,
                confirmations=study.confirm.top * study.confirm.seeds,
                places=self._devices,
                finished=sum(t.outcome is not None for t in self._trials.values()),
            )
        )

    def _out_of_time(self, done: int) -> bool:
        """Whether no new round may begin; the one at hand, once begun, is finished."""
        limit = self._study.limits.search_seconds
        begun = any(t.spec.round == done for t in self._searched())
        if done == 0 or begun or limit is None or time.monotonic() - self._started < limit:
            return False
        self._watch(OutOfTime(done))
        return True

    def _searched(self) -> list[Trial]:
        return [t for t in self._trials.values() if t.spec.role != "confirm"]

    def _run_round(self, number: int) -> None:
        members = [t for t in self._searched() if t.spec.round == number]
        if not members:
            members = self._propose(number)
        record = self._records[number]
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
        self._run_trials([t.spec for t in members if t.outcome is None])
        self._judge_round(number)

    def _propose(self, number: int) -> list[Trial]:
        """Compute a round's trials and record them, all or none."""
        study, space = self._study, self._study.space
        budget = study.budget.at(number)
        grows = number > 0 and budget > study.budget.at(number - 1)
        tightening = rounds.tighten(
            space, self._table(number), round=number, survivors=study.search.survivors
        )
        proposals = rounds.propose(
            space,
            tightening,
            seed=study.search.seed,
            round=number,
            trials=study.search.trials,
            continued=grows,
            start=study.start,
        )
        specs = []
        for proposal in proposals:
            parent = self._trials[proposal.parent].spec if proposal.parent is not None else None
            params: Mapping[str, Scalar] = parent.params if parent else space.decode(proposal.unit)
            specs.append(
                self._spec(
                    number=len(self._trials) + proposal.index,
                    round=number,
                    index=proposal.index,
                    role=proposal.role,
                    params=params,
                    unit=proposal.unit,
                    seed=parent.seed if parent else proposal.seed,
                    budget=budget,
                    parent=proposal.parent,
                )
            )
        record = RoundRecord(
            round=number,
            budget=budget,
            width=tightening.width,
            evidence=dict(zip(space.names, tightening.evidence, strict=True)),
            survivors=tuple(row.number for row in tightening.survivors),
        )
        self._records[number] = record
        return self._begin(specs, record)

    def _spec(self, **fields: object) -> Spec:
        return Spec(
            threads=self._study.resources.threads,
            trainer=self._description.sha256,
            versions=self._description.versions,
            **fields,  # type: ignore[arg-type]
        )

    def _begin(self, specs: Sequence[Spec], record: RoundRecord | None = None) -> list[Trial]:
        self._store.begin(specs, self._study.space, record)
        begun = [Trial(spec) for spec in specs]
        self._trials |= {trial.spec.number: trial for trial in begun}
        return begun

    def _table(self, number: int) -> list[rounds.Row]:
        """The finished trials that round `number` may compare: those of the budget before it."""
        if number == 0:
            return []
        budget = self._study.budget.at(number - 1)
        sign = 1 if self._study.objective.direction == "minimize" else -1
        table = []
        for trial in self._searched():
            unit = _unit(self._study.space, trial.spec)
            value = value_of(trial)
            if unit is not None and trial.spec.round < number and trial.spec.budget == budget:
                signed = None if value is None else sign * value
                table.append(rounds.Row(trial.spec.number, signed, unit, budget))
        return table

    def _run_trials(self, specs: Sequence[Spec]) -> None:
        assert self._pool is not None
        for spec in specs:
            if spec.role == "continue":
                self._hand_down(spec)
        self._pool.run([self._spec_of_now(spec) for spec in specs], self._land)

    def _spec_of_now(self, spec: Spec) -> Spec:
        return replace(spec, versions=self._description.versions)

    def _hand_down(self, spec: Spec) -> None:
        """Give a continuation its parent's checkpoint, unless it has one of its own by now."""
        assert spec.parent is not None
        old = self._folder.trial(spec.parent).checkpoint
        folder = self._folder.trial(spec.number)
        if old.exists() and not folder.checkpoint.exists():
            folder.path.mkdir(parents=True, exist_ok=True)
            with old.open("rb") as checkpoint, files.replacing(folder.checkpoint) as copy:
                shutil.copyfileobj(checkpoint, copy)

    def _land(self, spec: Spec, outcome: Outcome) -> None:
        self._refuse_unlike(spec, outcome)
        reports = self._folder.trial(spec.number).read_reports()
        self._store.land(spec.number, outcome, reports, self._study.objective.metric)
        self._trials[spec.number] = Trial(spec, outcome)

    def _refuse_unlike(self, spec: Spec, outcome: Outcome) -> None:
        """Values that were measured with different things must not be ranked together."""
        for trial in self._trials.values():
            if value_of(trial) is None or trial.outcome is None or outcome.value is None:
                continue
            if dict(trial.outcome.provenance) != dict(outcome.provenance):
                raise ChangedError(
                    f"trial {spec.number} measured {self._study.objective.metric} with "
                    f"{dict(outcome.provenance)}, trial {trial.spec.number} with "
                    f"{dict(trial.outcome.provenance)}; such values cannot be compared. Restore "
                    f"what the first trials used, delete "
                    f"{self._folder.trial(spec.number).result} and go on, or start afresh"
                )
            return

    def _judge_round(self, number: int) -> None:
        """Stop if nothing succeeded; else tell how the round went and drop spent checkpoints."""
        members = [t for t in self._searched() if t.spec.round == number]
        values = [v for t in members if (v := value_of(t)) is not None]
        if not values:
            raise SearchFailedError(self._first_failure(f"every trial of round {number}", members))
        best = min if self._study.objective.direction == "minimize" else max
        failed = len(members) - len(values)
        self._watch(RoundEnded(number, best(values), statistics.median(values), failed))
        count = max(self._study.search.survivors, self._study.confirm.top)
        table = rounds.best_distinct(self._study.space, self._table(number + 1), count)
        self._drop_checkpoints(keep={row.number for row in table})

    def _first_failure(self, what: str, trials: Sequence[Trial]) -> str:
        first = trials[0]
        assert first.outcome is not None
        folder = self._folder.trial(first.spec.number)
        return (
            f"{what} failed; the first, trial {first.spec.number}: {first.outcome.reason}: "
            f"{first.outcome.message}\nlast lines of {folder.log}:\n{folder.log_tail()}"
        )

    def _drop_checkpoints(self, *, keep: set[int]) -> None:
        for number, trial in self._trials.items():
            if trial.outcome is not None and number not in keep:
                self._folder.trial(number).checkpoint.unlink(missing_ok=True)

    def _confirm(self, last: int) -> None:
        """Train the best candidates again, from scratch, under fresh seeds that they share."""
        plan = self._study.confirm
        if plan.top == 0 or plan.seeds == 0:
            return
        budget = self._study.budget.at(last)
        confirmed = [t for t in self._trials.values() if t.spec.role == "confirm"]
        candidates = rounds.best_distinct(self._study.space, self._table(last + 1), plan.top)
        known = {(t.spec.parent, t.spec.seed, t.spec.budget): t for t in confirmed}
        missing = []
        members = []
        for row in candidates:
            for repeat in range(plan.seeds):
                seed = rounds.confirm_seed(self._study.search.seed, repeat)
                if (trial := known.get((row.number, seed, budget))) is not None:
                    members.append(trial)
                    continue
                missing.append(
                    self._spec(
                        number=len(self._trials) + len(missing),
                        round=last,
                        index=len(members) + len(missing),
                        role="confirm",
                        params=self._trials[row.number].spec.params,
                        unit=row.unit,
                        seed=seed,
                        budget=budget,
                        parent=row.number,
                    )
                )
        if missing:
            members += self._begin(missing)
        self._watch(
            ConfirmStarted(
                tuple(row.number for row in candidates),
                plan.seeds,
                sum(t.outcome is not None for t in members),
            )
        )
        self._run_trials([t.spec for t in members if t.outcome is None])
        self._judge_confirmation([self._trials[t.spec.number] for t in members], candidates)

    def _judge_confirmation(
        self, members: Sequence[Trial], candidates: Sequence[rounds.Row]
    ) -> None:
        best = self._result().best
        if best is None:
            raise SearchFailedError(self._first_failure("every confirmation", members))
        self._drop_checkpoints(keep={row.number for row in candidates} | set(best.trials))

    def _result(self) -> Result:
        return Result(
            name=self._study.name,
            folder=self._folder.path,
            metric=self._study.objective.metric,
            direction=self._study.objective.direction,
            records=tuple(self._trials[number] for number in sorted(self._trials)),
            rounds=tuple(self._records[number] for number in sorted(self._records)),
        )


def _unit(space: Space, spec: Spec) -> tuple[float, ...] | None:
    """A trial's point in the study's space; None if an accepted change left it no place there."""
    if len(spec.unit) == len(space) and space.decode(spec.unit) == dict(spec.params):
        return spec.unit
    domains = {parameter.name: parameter.domain for parameter in space}
    fits = all(n in domains and domains[n].contains(v) for n, v in spec.params.items())
    if not fits:
        return None
    unit = tuple(
        domain.encode(spec.params[name]) if name in spec.params else 0.5
        for name, domain in domains.items()
    )
    active = {name for name, on in zip(space.names, space.active(unit), strict=True) if on}
    return unit if active == set(spec.params) and all(map(math.isfinite, unit)) else None
