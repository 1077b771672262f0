"""MLflow: one run per trial, found again by its tags.

The server is asked for this run folder's runs and for the metrics of an unfinished one; only what
is missing is sent. MLflow cannot delete a metric, so a run with a value that reports.jsonl no
longer has is deleted, and the trial gets a new run.
"""

import functools
import math
import os
import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from hpsearch import files
from hpsearch.controller.loggers.trial_snapshot import Artifact, TrialSnapshot, values_of
from hpsearch.storage import RunFolder
from hpsearch.study import MlflowSettings, Study
from hpsearch.trial import Report

# `follow` retries and reports failures, so MLflow need do neither; its usage statistics are off.
# Settings of the user's environment stay.
for _name, _value in {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}.items():
    os.environ.setdefault(_name, _value)

from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import Metric, Param, Run, RunTag  # noqa: E402

# The most that MLflow takes in one request, or gives in one answer.
_METRICS = 1000
_PARAMS = 100
_RUNS = 1000
_ENDED = ("FINISHED", "FAILED")
_REFUSED = re.compile(r"[^\w\-. :/]")  # characters that MLflow refuses in names

Key = tuple[str, int]  # metric and step
T = TypeVar("T")


@dataclass
class _Log:
    """What the run of a trial holds, as far as it is known."""

    run_id: str
    values: dict[Key, float]
    reports: tuple[Report, ...] = ()  # whose values are all there
    artifacts: set[Artifact] = field(default_factory=set)


class MlflowLogger:
    """Logs to the server or database that the study, or else the environment, names.

    Args:
        study: its parameters, fixed ones too, become parameters of the runs.
        settings: the study's MLflow settings.
        folder: of the study; an identity stored in it finds its runs after it was moved.
    """

    name = "mlflow"

    def __init__(self, study: Study, settings: MlflowSettings, folder: RunFolder) -> None:
        self._connect = functools.partial(_Connection, study, settings, folder)
        self._connection: _Connection | None = None

    def log(self, trial: TrialSnapshot, step: Callable[[], None]) -> None:
        connection = self._connection or self._connect()
        # After a failure it is unknown what the server has; a new connection asks for all of it.
        self._connection = None
        connection.log(trial, step)
        self._connection = connection

    def close(self) -> None:
        self._connection = None


class _Connection:
    """A client, and what is known of the server's runs."""

    def __init__(self, study: Study, settings: MlflowSettings, folder: RunFolder) -> None:
        self._study = study
        folder.mlflow.mkdir(exist_ok=True)
        identity = folder.mlflow / "identity"
        if not identity.exists():
            files.write_text(identity, uuid.uuid4().hex)
        self._identity = identity.read_text()
        uri, artifacts = settings.uri or os.environ.get("MLFLOW_TRACKING_URI"), None
        if uri is None:
            local = folder.mlflow.absolute()
            uri, artifacts = f"sqlite:///{local / 'mlflow.db'}", (local / "artifacts").as_uri()
        self._client = MlflowClient(uri)
        name = settings.experiment or study.name
        experiment = self._client.get_experiment_by_name(name)
        self._experiment = (
            self._client.create_experiment(name, artifact_location=artifacts)
            if experiment is None
            else experiment.experiment_id
        )
        self._runs = self._find_runs()
        self._logs: dict[int, _Log] = {}

    def _find_runs(self) -> dict[int, Run]:
        """The runs of this run folder's trials, by the trial's number."""
        condition = f"tags.`hpsearch.run_folder` = '{self._identity}'"
        runs: dict[int, Run] = {}
        token: str | None = None
        while True:
            page = self._client.search_runs(
                [self._experiment], condition, max_results=_RUNS, page_token=token
            )
            runs |= {int(run.data.tags["hpsearch.trial"]): run for run in page}
            if not (token := page.token):
                return runs

    def log(self, trial: TrialSnapshot, step: Callable[[], None]) -> None:
        number = trial.spec.number
        log = self._logs.get(number)
        if log is None:
            run = self._runs.get(number)
            if run is not None and run.info.status in _ENDED and trial.outcome is not None:
                return
            log = self._create(trial) if run is None else self._reopen(run, trial)
        if not _leads_to(log, trial):
            self._client.delete_run(log.run_id)
            log = self._create(trial)
        self._logs[number] = log
        self._add_metrics(log, trial, step)
        self._add_artifacts(log, trial, step)
        if trial.outcome is not None:
            self._end(log, trial)
            del self._logs[number]

    def _create(self, trial: TrialSnapshot) -> _Log:
        spec = trial.spec
        facts = {
            "run_folder": self._identity,
            "study": self._study.name,
            "trial": spec.number,
            "round": spec.round,
            "role": spec.role,
            "seed": spec.seed,
            "budget": spec.budget,
            "parent": spec.parent,
            "weights_of": spec.weights_of,
        }
        run = self._client.create_run(
            self._experiment,
            start_time=_ms(trial.started),
            tags={f"hpsearch.{k}": str(value) for k, value in facts.items() if value is not None},
            run_name=f"{self._study.name} {spec.number:05d}",
        )
        self._runs[spec.number] = run
        self._add_params(run, trial)
        return _Log(run.info.run_id, {})

    def _reopen(self, run: Run, trial: TrialSnapshot) -> _Log:
        """Continue a run that an earlier session, or an earlier connection, began."""
        run_id = run.info.run_id
        if run.info.status != "RUNNING":
            self._client.update_run(run_id, status="RUNNING")
        self._add_params(run, trial)
        history = [
            m for name in run.data.metrics for m in self._client.get_metric_history(run_id, name)
        ]
        return _Log(run_id, {(metric.key, metric.step): metric.value for metric in history})

    def _add_params(self, run: Run, trial: TrialSnapshot) -> None:
        params = {**self._study.fixed, **trial.spec.params}
        fitted = [Param(_fit(name), str(value)) for name, value in params.items()]
        new = [param for param in fitted if param.key not in run.data.params]
        for batch in _batches(new, _PARAMS):
            self._client.log_batch(run.info.run_id, params=batch, synchronous=True)

    def _add_metrics(self, log: _Log, trial: TrialSnapshot, step: Callable[[], None]) -> None:
        metrics = [
            Metric(name, value, _ms(time), at)
            for time, report in trial.new_reports(log.reports)
            for (name, at), value in _values(report).items()
            if (name, at) not in log.values
        ]
        for batch in _batches(metrics, _METRICS):
            self._client.log_batch(log.run_id, metrics=batch, synchronous=True)
            step()
        log.values |= {(metric.key, metric.step): metric.value for metric in metrics}
        log.reports = trial.reports

    def _add_artifacts(self, log: _Log, trial: TrialSnapshot, step: Callable[[], None]) -> None:
        for artifact in trial.artifacts:
            if artifact not in log.artifacts:
                folder = artifact.name.rpartition("/")[0] or None
                self._client.log_artifact(log.run_id, str(artifact.path), folder)
                log.artifacts.add(artifact)
                step()

    def _end(self, log: _Log, trial: TrialSnapshot) -> None:
        outcome = trial.outcome
        assert outcome is not None
        if outcome.reason is not None:
            facts = {"hpsearch.reason": outcome.reason, "hpsearch.message": outcome.message[:5000]}
            tags = [RunTag(name, value) for name, value in facts.items()]
            self._client.log_batch(log.run_id, tags=tags, synchronous=True)
        status = "FINISHED" if trial.is_complete else "FAILED"
        self._client.set_terminated(log.run_id, status, _ms(trial.ended))


def _leads_to(log: _Log, trial: TrialSnapshot) -> bool:
    """Whether adding values to the run makes it the log of the trial.

    A trial that resumes from its checkpoint repeats reports, so a value that is not reported yet
    is one too many only when the trial has ended.
    """
    new = _values(*(report for _, report in trial.new_reports(log.reports)))
    if any(not _same(log.values.get(key, value), value) for key, value in new.items()):
        return False
    return trial.outcome is None or log.values.keys() <= _values(*trial.reports).keys()


def _values(*reports: Report) -> dict[Key, float]:
    return {
        (_fit(name), report.step): value
        for report in reports
        for name, value in values_of(report).items()
    }


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def _fit(name: str) -> str:
    return _REFUSED.sub("_", name)[:250]


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[i : i + size] for i in range(0, len(items), size))


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
