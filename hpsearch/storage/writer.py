"""The study's database: Optuna on SQLite, written by the controller alone.

A round is recorded in one transaction, before any of its trials runs, and a trial's outcome with
all its reports in another. Optuna's public calls take a transaction for each attribute and each
report, and its `create_new_trial` counts the trials before it; so the two writes go through
Optuna's own table models instead (docs/adr/0001-two-transactions.md). Every trial carries the
study's BASE distributions, which is what Optuna's importances and plots need.
"""

import contextlib
import json
import sqlite3
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy as sa
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)
from optuna.storages import BaseStorage, RDBStorage
from optuna.storages._rdb import models
from optuna.study import StudyDirection
from optuna.trial import TrialState
from sqlalchemy import orm

from hpsearch.errors import RunFolderError
from hpsearch.space import Choice, Domain, Int, Logint, Loguniform, Space
from hpsearch.storage.reader import (
    METRIC_NAMES,
    OUTCOME_ATTRIBUTES,
    RARE_ATTRIBUTES,
    RUN_ATTRIBUTES,
    SPEC_ATTRIBUTES,
    Changes,
    StudyReader,
)
from hpsearch.storage.round_record import RoundRecord, SearchPlan
from hpsearch.trial import Direction, Outcome, Report, Spec


class StudyWriter:
    """One study in one database.

    Raises:
        RunFolderError: from every method, when the database cannot be read or written.
    """

    def __init__(self, storage: RDBStorage, path: Path) -> None:
        self._storage = storage
        self._path = path
        studies = storage.get_all_studies()
        if len(studies) > 1:
            raise RunFolderError(f"{path}: expected one study in it, found {len(studies)}")
        [study] = studies
        self._study_id = study._study_id
        self._trial_ids: dict[int, int] = {}  # by number
        self._metric: str = study.system_attrs[METRIC_NAMES][0]

    @classmethod
    def create_or_open(
        cls, path: Path, name: str, *, metric: str, direction: Direction
    ) -> "StudyWriter":
        """Open the study for writing; make it first if the file does not exist or is empty."""
        with _explained(path):
            storage = _storage(path, "mode=rwc")
            sa.event.listen(storage.engine, "connect", _write_pragmas)
            storage.engine.dispose()  # the connections made before the pragmas
            if not (studies := storage.get_all_studies()):
                study_id = storage.create_new_study([StudyDirection[direction.name]], name)
            else:
                study_id = studies[0]._study_id
            # As Study.set_metric_names, which warns that it is experimental.
            storage.set_study_system_attr(study_id, METRIC_NAMES, [metric])
            return cls(storage, path)

    def close(self) -> None:
        self._storage.remove_session()
        self._storage.engine.dispose()

    def recorded(self) -> Changes:
        """All recorded trials, rounds and the plan."""
        with contextlib.closing(StudyReader(self._path)) as reader:
            changes = reader.read()
        assert changes is not None
        return changes

    def record_plan(self, plan: SearchPlan) -> None:
        with _explained(self._path):
            self._storage.set_study_user_attr(self._study_id, "plan", asdict(plan))

    def record_trials(
        self, specs: Sequence[Spec], space: Space, record: RoundRecord | None = None
    ) -> None:
        """Record trials as RUNNING, and their round, in one transaction."""
        axes = {p.name: (p.domain, optuna_distribution(p.domain)) for p in space}
        with self._transaction() as session:
            for spec in specs:
                trial = models.TrialModel(
                    study_id=self._study_id,
                    number=spec.number,
                    state=TrialState.RUNNING,
                    datetime_start=datetime.now(),
                )
                session.add(trial)
                session.flush()
                self._trial_ids[spec.number] = int(trial.trial_id)
                for name, value in spec.params.items():
                    session.add(_param(trial.trial_id, name, value, *axes[name]))
                rare = [k for k, usual in RARE_ATTRIBUTES.items() if getattr(spec, k) != usual]
                session.add_all(
                    _attributes(trial.trial_id, asdict(spec), (*SPEC_ATTRIBUTES, *rare))
                )
            if record is not None:
                session.add(
                    models.StudyUserAttributeModel(
                        study_id=self._study_id,
                        key=f"round:{record.round}",
                        value_json=json.dumps(record.to_record()),
                    )
                )

    def record_outcome(self, spec: Spec, outcome: Outcome, reports: Sequence[Report]) -> None:
        """Record a trial's outcome and its reports, which no later call may change."""
        steps = {report.step: report.metrics.get(self._metric) for report in reports}
        record = asdict(outcome) | {key: getattr(spec, key) for key in RUN_ATTRIBUTES}
        with self._transaction() as session:
            trial = session.get_one(models.TrialModel, self._trial_id(spec.number))
            assert trial.state == TrialState.RUNNING, f"trial {spec.number} has ended already"
            session.add_all(
                _attributes(trial.trial_id, record, (*OUTCOME_ATTRIBUTES, *RUN_ATTRIBUTES))
            )
            session.add_all(
                _intermediate(trial.trial_id, step, value) for step, value in steps.items()
            )
            if outcome.state == "complete" and outcome.value is not None:
                stored, kind = models.TrialValueModel.value_to_stored_repr(outcome.value)
                session.add(
                    models.TrialValueModel(
                        trial_id=trial.trial_id, objective=0, value=stored, value_type=kind
                    )
                )
            trial.state = TrialState.COMPLETE if outcome.state == "complete" else TrialState.FAIL
            trial.datetime_complete = datetime.now()

    def _trial_id(self, number: int) -> int:
        if number not in self._trial_ids:
            # Not by Optuna's look-up: another program's trial may have the same number.
            query = (
                sa.select(models.TrialModel.trial_id)
                .join(models.TrialUserAttributeModel)
                .where(
                    models.TrialModel.number == number,
                    models.TrialUserAttributeModel.key == "role",
                )
            )
            with self._transaction() as session:
                self._trial_ids[number] = session.scalars(query).one()
        return self._trial_ids[number]

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[orm.Session]:
        with (
            _explained(self._path),
            orm.Session(self._storage.engine, autoflush=False) as session,
            session.begin(),
        ):
            yield session


def optuna_distribution(domain: Domain) -> BaseDistribution:
    """The domain as Optuna's distribution, wide enough for the draws of every round."""
    if isinstance(domain, Choice):
        return CategoricalDistribution(domain.options)
    if isinstance(domain, Int | Logint):
        return IntDistribution(*domain.ends, log=isinstance(domain, Logint))
    return FloatDistribution(*domain.ends, log=isinstance(domain, Loguniform))


def open_read_only(path: Path) -> BaseStorage:
    """The database as an Optuna storage that only reads, also in a folder that may not be written.

    Raises:
        RunFolderError: it cannot be read.
    """
    with _explained(path):
        for mode in ("mode=ro", "immutable=1"):
            try:
                storage = _storage(path, mode)
                storage.get_all_studies()
                break
            except (optuna.exceptions.StorageInternalError, sa.exc.OperationalError):
                # SQLite cannot create its shared-memory file here; then nobody can be writing.
                if mode != "mode=ro":
                    raise
    return optuna.storages.get_storage(storage)


def _storage(path: Path, mode: str) -> RDBStorage:
    """Optuna's storage; a call waits up to 60 s for a reader's lock."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    uri = f"file:{urllib.parse.quote(str(path))}?{mode}"

    # A URL of SQLAlchemy cannot name every path.
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(uri, uri=True, timeout=60, check_same_thread=False)

    return RDBStorage(
        "sqlite:///study.db",
        engine_kwargs={"creator": connect},
        skip_table_creation=mode != "mode=rwc",
    )


def _write_pragmas(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (optuna.exceptions.StorageInternalError, sa.exc.DatabaseError) as error:
        cause = getattr(error, "orig", None) or error.__cause__ or error
        raise RunFolderError(
            f"{path}: the study's database cannot be used: {cause}. What was recorded is safe; "
            "free space or correct the permissions, then type the same command again"
        ) from error


def _attributes(
    trial_id: Any, record: Mapping[str, Any], keys: Sequence[str]
) -> list[models.TrialUserAttributeModel]:
    return [
        models.TrialUserAttributeModel(
            trial_id=trial_id, key=key, value_json=json.dumps(record[key])
        )
        for key in keys
    ]


def _param(
    trial_id: Any, name: str, value: Any, domain: Domain, base: BaseDistribution
) -> models.TrialParamModel:
    # Optuna's own index of an option is that of the first equal one, so that True would become 1.
    stored = domain.index(value) if isinstance(domain, Choice) else base.to_internal_repr(value)
    return models.TrialParamModel(
        trial_id=trial_id,
        param_name=name,
        param_value=stored,
        distribution_json=distribution_to_json(base),
    )


def _intermediate(
    trial_id: Any, step: int, value: float | None
) -> models.TrialIntermediateValueModel:
    stored, kind = models.TrialIntermediateValueModel.intermediate_value_to_stored_repr(
        float("nan") if value is None else value
    )
    return models.TrialIntermediateValueModel(
        trial_id=trial_id, step=step, intermediate_value=stored, intermediate_value_type=kind
    )
