"""MLflow: one run a trial, found again by its tags.

The server is asked which runs of this run folder it has, and for the metrics of an unfinished one;
only what is missing is sent. MLflow cannot take a metric back, so a run that says something that
reports.jsonl no longer does is deleted, and the trial logged as a new one.
"""

import math
import os
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from hpsearch import files
from hpsearch.controller.loggers.standing import Artifact, Standing
from hpsearch.storage import RunFolder
from hpsearch.study import MlflowSettings, Study
from hpsearch.trial import Report

# We try again ourselves, so MLflow need not; what it prints belongs to no terminal of ours; and
# what is logged is told to the tracking server alone. A user's own settings stay.
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

_BATCH = 1000  # metrics in one request; no more are taken
_PARAMS = 100  # in one request; no more are taken
_PAGE = 1000  # runs in one answer
_ENDED = ("FINISHED", "FAILED")
_UNFIT = re.compile(r"[^\w\-. :/]")  # what MLflow refuses in a metric's or parameter's name

Key = tuple[str, int]  # metric and step


@dataclass
class _Log:
    """What the run of a trial is known to hold."""

    run_id: str
    values: dict[Key, float]
    reports: tuple[Report, ...] = ()  # all of whose values are there
    artifacts: set[Artifact] = field(default_factory=set)


class MlflowLogger:
    """Logs to the server or database that the study, or else the environment, names.

    Args:
        study: whose parameters, fixed ones too, become the runs' parameters.
        logs: the study file's settings.
        folder: the study's; known to MLflow by an identity of its own, wherever it is moved to.
    """

    name = "mlflow"

    def __init__(self, study: Study, logs: MlflowSettings, folder: RunFolder) -> None:
        self._study = study
        self._folder = folder
        self._uri = logs.uri or os.environ.get("MLFLOW_TRACKING_URI")
        self._experiment = logs.experiment or study.name
        self._connection: _Connection | None = None

    def log(self, trial: Standing, step: Callable[[], None]) -> None:
        try:
            if self._connection is None:
                self._connection = self._connect()
            self._connection.log(trial, step)
        except BaseException:
            # Whether the last request was heard is unknown, so all that is known is asked again.
            self._connection = None
            raise

    def close(self) -> None:
        self._connection = None

    def _connect(self) -> "_Connection":
        self._folder.mlflow.mkdir(exist_ok=True)
        identity = self._folder.mlflow / "identity"
        if not identity.exists():
            files.write_text(identity, uuid.uuid4().hex)
        artifacts = None
        if self._uri is None:
            artifacts = (self._folder.mlflow / "artifacts").absolute().as_uri()
        database = (self._folder.mlflow / "mlflow.db").absolute()
        client = MlflowClient(self._uri or f"sqlite:///{database}")
        experiment = client.get_experiment_by_name(self._experiment)
        if experiment is None:
            number = client.create_experiment(self._experiment, artifact_location=artifacts)
        else:
            number = experiment.experiment_id
        return _Connection(client, number, self._study, identity.read_text())


class _Connection:
    """What is known of the server's runs since the last failure."""

    def __init__(self, client: MlflowClient, experiment: str, study: Study, identity: str) -> None:
        self._client = client
        self._experiment = experiment
        self._study = study
        self._identity = identity
        self._runs = self._find_runs()
        self._logs: dict[int, _Log] = {}

    def _find_runs(self) -> dict[int, Run]:
        """The runs of this run folder's trials."""
        chosen = f"tags.`hpsearch.run_folder` = '{self._identity}'"
        runs: dict[int, Run] = {}
        token: str | None = None
        while True:
            page = self._client.search_runs(
                [self._experiment], chosen, max_results=_PAGE, page_token=token
            )
            runs |= {int(run.data.tags["hpsearch.trial"]): run for run in page}
            if not (token := page.token):
                return runs

    def log(self, trial: Standing, step: Callable[[], None]) -> None:
        number = trial.spec.number
        log = self._logs.get(number)
        if log is None:
            run = self._runs.get(number)
            if run is not None and run.info.status in _ENDED and trial.outcome is not None:
                return
            log = self._create(trial) if run is None else self._take_up(run, trial)
        if not _leads_to(log, trial):
            self._client.delete_run(log.run_id)
            log = self._create(trial)
        self._logs[number] = log
        self._add(log, trial, step)
        if trial.outcome is not None:
            self._end(log, trial)
            del self._logs[number]

    def _create(self, trial: Standing) -> _Log:
        spec = trial.spec
        tags = {
            "hpsearch.run_folder": self._identity,
            "hpsearch.study": self._study.name,
            "hpsearch.trial": str(spec.number),
            "hpsearch.round": str(spec.round),
            "hpsearch.role": spec.role,
            "hpsearch.seed": str(spec.seed),
            "hpsearch.budget": str(spec.budget),
        }
        if spec.parent is not None:
            tags["hpsearch.parent"] = str(spec.parent)
        if spec.weights_of is not None:
            tags["hpsearch.weights_of"] = str(spec.weights_of)
        run = self._client.create_run(
            self._experiment,
            start_time=_ms(trial.started),
            tags=tags,
            run_name=f"{self._study.name} {spec.number:05d}",
        )
        self._runs[spec.number] = run
        self._log_params(run, trial)
        return _Log(run.info.run_id, {})

    def _log_params(self, run: Run, trial: Standing) -> None:
        params = {**self._study.fixed, **trial.spec.params}
        given = [Param(_fit(name), str(value)) for name, value in params.items()]
        new = [param for param in given if param.key not in run.data.params]
        for i in range(0, len(new), _PARAMS):
            batch = new[i : i + _PARAMS]
            self._client.log_batch(run.info.run_id, params=batch, synchronous=True)

    def _take_up(self, run: Run, trial: Standing) -> _Log:
        """Go on with a run that an earlier session, or one before a failure, has begun."""
        run_id = run.info.run_id
        if run.info.status != "RUNNING":
            self._client.update_run(run_id, status="RUNNING")
        self._log_params(run, trial)
        values: dict[Key, float] = {}
        for name in run.data.metrics:
            for metric in self._client.get_metric_history(run_id, name):
                values[name, metric.step] = metric.value
        return _Log(run_id, values)

    def _add(self, log: _Log, trial: Standing, step: Callable[[], None]) -> None:
        known = _known(log, trial)
        new = zip(trial.reports[known:], trial.times()[known:], strict=True)
        metrics = [
            Metric(name, value, _ms(when), at)
            for report, when in new
            for (name, at), value in _values(report).items()
            if (name, at) not in log.values
        ]
        for i in range(0, len(metrics), _BATCH):
            batch = metrics[i : i + _BATCH]
            self._client.log_batch(log.run_id, metrics=batch, synchronous=True)
            step()
        log.values |= {(metric.key, metric.step): metric.value for metric in metrics}
        log.reports = trial.reports
        for artifact in trial.artifacts:
            if artifact not in log.artifacts:
                folder = artifact.name.rpartition("/")[0] or None
                self._client.log_artifact(log.run_id, str(artifact.path), folder)
                log.artifacts.add(artifact)
                step()

    def _end(self, log: _Log, trial: Standing) -> None:
        outcome = trial.outcome
        assert outcome is not None
        if outcome.reason is not None:
            said = {"hpsearch.reason": outcome.reason, "hpsearch.message": outcome.message[:5000]}
            tags = [RunTag(name, value) for name, value in said.items()]
            self._client.log_batch(log.run_id, tags=tags, synchronous=True)
        status = "FINISHED" if outcome.state == "complete" else "FAILED"
        self._client.set_terminated(log.run_id, status, _ms(trial.ended))


def _known(log: _Log, trial: Standing) -> int:
    """How many of the reports are the ones that were logged last."""
    count = len(log.reports)
    return count if trial.reports[:count] == log.reports else 0


def _leads_to(log: _Log, trial: Standing) -> bool:
    """Whether the trial's log is this one with more in it.

    A trial that goes on from its checkpoint says again what it had said; only at its end is what it
    has not said too much.
    """
    new = trial.reports[_known(log, trial) :]
    said = {key: value for report in new for key, value in _values(report).items()}
    if any(not _same(log.values.get(key, value), value) for key, value in said.items()):
        return False
    if trial.outcome is None:
        return True
    steps = {key for report in trial.reports for key in _values(report)}
    return log.values.keys() <= steps


def _values(report: Report) -> dict[Key, float]:
    return {
        (_fit(name), report.step): math.nan if value is None else value
        for name, value in report.metrics.items()
    }


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def _fit(name: str) -> str:
    return _UNFIT.sub("_", name)[:250]


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
