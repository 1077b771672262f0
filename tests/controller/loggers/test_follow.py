"""A logger may fail, hang or be missing: the search is none the worse, and its user knows."""

import socket
import subprocess
import sys
import time

import pytest
from searches import HELD_STUDY, HeldSearch

from hpsearch.controller.loggers.follow import Follower
from hpsearch.controller.loggers.mlflow import MlflowLogger
from hpsearch.events import LoggerFailed, TrialEnded
from hpsearch.storage.run_folder import RunFolder
from hpsearch.study.load import load_study
from hpsearch.study.schema import MlflowSettings
from hpsearch.trial import Outcome, Spec

BOTH = HELD_STUDY + "loggers: [tensorboard, mlflow]\n"
# Runs the command line where the packages of the loggers cannot be imported.
WITHOUT = """
import sys
from importlib.abc import MetaPathFinder

class Missing(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in ("tensorboard", "mlflow"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from hpsearch.ui import main
main()
"""


def without_packages(search: HeldSearch, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *arguments],
        env=search.environment(),
        capture_output=True,
        text=True,
        timeout=100,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_package_that_is_missing_is_named_before_anything_runs(tmp_path, command):
    search = HeldSearch(tmp_path, BOTH)
    runs = ["--runs", str(search.runs)] if command == "run" else []
    line = BOTH.splitlines().index("loggers: [tensorboard, mlflow]") + 1
    assert without_packages(search, command, str(search.study), *runs) == (
        2,
        f"hpsearch: {search.study}:{line}:11  loggers[0]: tensorboard cannot be imported "
        "(No module named 'tensorboard'); pip install 'hpsearch[tensorboard]', or take it out of "
        "loggers\n"
        f"{search.study}:{line}:24  loggers[1]: mlflow cannot be imported "
        "(No module named 'mlflow'); pip install 'hpsearch[mlflow]', or take it out of loggers\n",
    )
    assert not search.runs.exists()


def test_a_search_without_loggers_needs_no_package_of_theirs(tmp_path, undisturbed_held):
    search = HeldSearch(tmp_path)
    arguments = ["run", str(search.study), "--runs", str(search.runs)]
    assert without_packages(search, *arguments) == (0, "")
    assert search.digest() == undisturbed_held


def test_a_search_with_loggers_has_the_same_trials(tmp_path, undisturbed_held):
    search = HeldSearch(tmp_path, BOTH)
    assert search.finish() == (0, "")
    assert search.digest() == undisturbed_held
    assert "cannot be logged" not in search.stdout()


def test_a_broken_logger_is_told_once_and_the_search_goes_on(tmp_path, undisturbed_held):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]  # where no one listens any more
    uri = f"http://127.0.0.1:{port}"
    loggers = f"loggers: [tensorboard, mlflow: {{uri: '{uri}'}}]\n"
    search = HeldSearch(tmp_path, HELD_STUDY + loggers)
    in_the_way = search.trial(3).tensorboard
    in_the_way.parent.mkdir(parents=True)
    in_the_way.touch()
    assert search.finish() == (0, "")
    assert search.digest() == undisturbed_held
    lines = search.stdout().splitlines()
    said = [line for line in lines if line.startswith("tensorboard: ")]
    assert said == [
        "tensorboard: trial 3 cannot be logged (NotADirectoryError: [Errno 20] Not a directory: "
        f"'{in_the_way}/complete'); the search continues, and what is missing is retried",
        "tensorboard: 1 of the finished trials is not logged; once the cause is removed, the same "
        "command logs it",
    ]
    refused, missing = [line for line in lines if line.startswith("mlflow: ")]
    assert refused.startswith("mlflow: trial 0 cannot be logged (MlflowException: API request to ")
    assert "ConnectionRefusedError: [Errno 111] Connection refused" in refused
    assert missing == (
        "mlflow: 10 of the finished trials are not logged; once the cause is removed, the same "
        "command logs them"
    )
    in_the_way.unlink()
    assert search.finish("--set", "loggers=[tensorboard]") == (0, "")
    assert (in_the_way / "complete").exists()


@pytest.fixture
def silent_server():
    """Takes every connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_server_that_never_answers_is_left_after_a_time(tmp_path, silent_server):
    (tmp_path / "trainer.py").touch()
    (tmp_path / "study.yaml").write_text(HELD_STUDY)
    logs = MlflowSettings(uri=silent_server)
    folder = RunFolder(tmp_path)
    logger = MlflowLogger(load_study(tmp_path / "study.yaml"), logs, folder)
    follower = Follower(logger, folder)
    spec = Spec(0, 0, 0, "draw", {"lr": 0.5}, (0.5,), seed=1, budget=2)
    folder.trial(0).write_spec(spec)
    follower.start()
    began = time.monotonic()
    follower.tell(TrialEnded(spec, Outcome("complete", 0.5, {"loss": 0.5})))
    follower.tell(None)
    follower.wait(longest_s=1)
    assert time.monotonic() - began < 10  # MLflow's own patience is longer
    assert follower.is_alive()
    assert follower.failures == [
        LoggerFailed(
            "mlflow",
            "1 of the finished trials is not logged; once the cause is removed, the same command "
            "logs it",
        )
    ]
