"""What MLflow's own client finds in the store of a search."""

import math
import shutil
from pathlib import Path

import pytest
from logged import COMPLETE, STUDY, LoggedSearch, WrittenTrial
from searches import Search, until

from hpsearch.controller.loggers.mlflow import MlflowClient, MlflowLogger, Run
from hpsearch.storage.run_folder import RunFolder
from hpsearch.study.load import load_study
from hpsearch.study.schema import MlflowSettings
from hpsearch.trial import Outcome

# MLflow's own use of SQLAlchemy.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    search = LoggedSearch(tmp_path_factory.mktemp("mlflow"), "[mlflow]")
    assert search.finish() == (0, "")
    return search


def client_of(folder: RunFolder) -> MlflowClient:
    return MlflowClient(f"sqlite:///{folder.mlflow / 'mlflow.db'}")


def runs_of(client: MlflowClient, experiment: str = "s") -> dict[int, Run]:
    found = client.get_experiment_by_name(experiment)
    if found is None:
        return {}
    runs = client.search_runs([found.experiment_id])
    numbers = [int(run.data.tags["hpsearch.trial"]) for run in runs]
    assert len(set(numbers)) == len(numbers)
    return dict(zip(numbers, runs, strict=True))


def history(client: MlflowClient, run: Run) -> dict[str, list[tuple[int, float]]]:
    return {
        name: sorted((m.step, m.value) for m in client.get_metric_history(run.info.run_id, name))
        for name in client.get_run(run.info.run_id).data.metrics
    }


def reported(search: Search, number: int) -> dict[str, list[tuple[int, float]]]:
    values: dict[str, list[tuple[int, float]]] = {}
    for report in search.trial(number).read_reports():
        for name, value in report.metrics.items():
            number_or_nan = pytest.approx(math.nan if value is None else value, nan_ok=True)
            values.setdefault(name, []).append((report.step, number_or_nan))
    return values


def expect_every_report_once(search: Search) -> None:
    client = client_of(search.run)
    runs = runs_of(client)
    assert sorted(runs) == list(range(10))
    for number, run in runs.items():
        assert history(client, run) == reported(search, number) != {}


def test_each_trial_is_a_run_with_every_report_once(search):
    expect_every_report_once(search)


def test_a_run_has_the_parameters_the_tags_and_the_state_of_its_trial(search):
    runs = runs_of(client_of(search.run))
    for number, run in runs.items():
        spec, outcome = search.trial(number).read_spec(), search.trial(number).read_outcome()
        params = {"data": "digits", **{k: str(v) for k, v in spec.params.items()}}
        assert run.data.params == params
        assert run.info.status == ("FINISHED" if outcome.state == "complete" else "FAILED")
        assert run.data.tags["hpsearch.study"] == "s"
        said = [run.data.tags.get(f"hpsearch.{k}") for k in ("round", "role", "seed", "parent")]
        parent = None if spec.parent is None else str(spec.parent)
        assert said == [str(spec.round), spec.role, str(spec.seed), parent]
    assert runs[0].data.tags["hpsearch.reason"] == "error"
    assert "cannot go on" in runs[0].data.tags["hpsearch.message"]
    assert {run.data.tags["hpsearch.role"] for run in runs.values()} == {
        "draw",
        "continue",
        "confirm",
    }


def test_pictures_are_artifacts_of_the_run(search):
    run = runs_of(client_of(search.run))[1]
    folder = search.run.mlflow / "artifacts" / run.info.run_id / "artifacts"
    names = ["samples-000002.png", "samples-000004.png", "samples-000006.png"]
    assert sorted(file.name for file in folder.iterdir()) == names
    for name in names:
        assert (folder / name).read_bytes() == (search.trial(1).artifacts / name).read_bytes()


def test_a_finished_search_that_is_run_again_logs_nothing(search):
    def store() -> dict[int, str]:
        runs = runs_of(client_of(search.run))
        return {number: repr(run.to_dictionary()) for number, run in runs.items()}

    before = store()
    assert search.finish() == (0, "")
    assert store() == before


@pytest.mark.slow
def test_a_search_that_was_killed_finds_its_runs_again_and_adds_what_is_missing(tmp_path):
    search = LoggedSearch(tmp_path, "[mlflow]", STUDY.replace("null, true", "null"))
    search.hold()
    controller = search.start()
    try:
        until(lambda: (search.run.mlflow / "artifacts").exists(), "the first artifact is logged")
        client = client_of(search.run)  # not before: it makes a store where there is none

        def steps() -> list[int]:
            run = runs_of(client).get(1)
            return [step for step, _ in history(client, run).get("loss", [])] if run else []

        until(lambda: steps() == [1, 2, 3, 4, 5], "a running trial's reports are logged")
        before = runs_of(client)[1].info.run_id
        controller.kill()
        search.end(controller)
        search.release()
        assert search.finish() == (0, "")
        assert (search.trial(1).path / "attempts").read_text() == "xx"
        assert runs_of(client)[1].info.run_id == before
        expect_every_report_once(search)
    finally:
        search.kill()


class Logged(WrittenTrial):
    """A trial, and a logger that is told of it."""

    def __init__(self, path: Path, logs: MlflowSettings | None = None) -> None:
        self.run = RunFolder(path)
        super().__init__(self.run.trial(0))
        path.joinpath("trainer.py").touch()
        path.joinpath("study.yaml").write_text(STUDY)
        self._logs = logs or MlflowSettings()
        self.begin_session()

    def begin_session(self) -> None:
        self.logger = MlflowLogger(load_study(self.run.study), self._logs, self.run)

    def log(self, outcome: Outcome | None = None) -> None:
        self.logger.log(self.snapshot(outcome), lambda: None)

    def history(self) -> dict[str, list[tuple[int, float]]]:
        client = client_of(self.run)
        return history(client, runs_of(client)[0])


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory):
    """MLflow takes a second to make the tables of a new one."""
    logged = Logged(tmp_path_factory.mktemp("empty"))
    client_of(logged.run).search_experiments()
    return logged.run.mlflow


@pytest.fixture
def logged(tmp_path, empty_store):
    shutil.copytree(empty_store, tmp_path / "mlflow")
    return Logged(tmp_path)


def test_a_trial_that_says_the_same_again_keeps_its_run(logged):
    logged.report({1: 0.9, 2: 0.8, 3: 0.7})
    logged.log()
    logged.report({1: 0.9})
    logged.log()
    logged.report({1: 0.9, 2: 0.8, 3: 0.7, 4: 0.5})
    logged.log(COMPLETE)
    client = client_of(logged.run)
    deleted = 2  # ViewType.DELETED_ONLY
    experiment = client.get_experiment_by_name("s").experiment_id
    assert logged.history() == {"loss": [(1, 0.9), (2, 0.8), (3, 0.7), (4, 0.5)]}
    assert client.search_runs([experiment], run_view_type=deleted) == []


def test_a_report_that_is_not_said_again_is_taken_back(logged):
    logged.report({1: 0.9, 2: 0.8, 3: 0.7})
    logged.log()
    logged.report({1: 0.9, 2: 0.5})
    logged.log(COMPLETE)
    assert logged.history() == {"loss": [(1, 0.9), (2, 0.5)]}


def test_a_report_that_is_missing_at_the_end_is_taken_back(logged):
    logged.report({1: 0.9, 2: 0.8, 3: 0.7})
    logged.log()
    logged.report({1: 0.9, 2: 0.8})
    logged.log(COMPLETE)
    assert logged.history() == {"loss": [(1, 0.9), (2, 0.8)]}


def test_another_session_adds_to_the_run_of_an_unfinished_trial(logged):
    logged.report({1: 0.9, 2: math.nan})
    logged.log()
    logged.begin_session()
    logged.report({1: 0.9, 2: math.nan, 3: 0.5})
    logged.log(COMPLETE)
    [one, two, three] = logged.history()["loss"]
    assert (one, three) == ((1, 0.9), (3, 0.5))
    assert math.isnan(two[1])


def test_a_run_that_is_gone_from_the_store_is_logged_again(logged):
    logged.report({1: 0.9})
    logged.log()
    client = client_of(logged.run)
    client.delete_run(runs_of(client)[0].info.run_id)
    logged.report({1: 0.9, 2: 0.5})
    with pytest.raises(Exception, match="must be in the 'active' state"):
        logged.log(COMPLETE)
    logged.log(COMPLETE)
    assert logged.history() == {"loss": [(1, 0.9), (2, 0.5)]}


def test_more_reports_than_one_request_takes_and_names_that_mlflow_refuses(logged):
    values = {step: 1 / step for step in range(1, 2002)}
    logged.report(values, name="loss (train), %")
    logged.log(COMPLETE)
    assert logged.history() == {"loss _train__ _": list(values.items())}


def test_two_run_folders_of_one_study_have_runs_of_their_own_in_one_store(tmp_path, empty_store):
    shutil.copy(empty_store / "mlflow.db", tmp_path)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    for name in ("one", "two", "one"):
        logged = Logged(tmp_path / name, MlflowSettings(uri, "shared"))
        logged.report({1: 0.9})
        logged.log(COMPLETE)
        assert not (logged.run.mlflow / "mlflow.db").exists()
    client = MlflowClient(uri)
    runs = client.search_runs([client.get_experiment_by_name("shared").experiment_id])
    assert len(runs) == len({run.data.tags["hpsearch.run_folder"] for run in runs}) == 2


def test_the_environment_names_the_store_where_the_study_does_not(
    tmp_path, empty_store, monkeypatch
):
    shutil.copy(empty_store / "mlflow.db", tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    logged = Logged(tmp_path / "one")
    logged.report({1: 0.9})
    logged.log(COMPLETE)
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert runs_of(client)[0].info.status == "FINISHED"
    assert not (logged.run.mlflow / "mlflow.db").exists()
