"""What TensorBoard itself reads in the event files of a search."""

import json
import math
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from logged import COMPLETE, STUDY, LoggedSearch, WrittenTrial
from PIL import Image
from searches import Search, until
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS
from tensorboard.plugins.hparams.metadata import SESSION_END_INFO_TAG, SESSION_START_INFO_TAG
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from hpsearch.controller.loggers.tensorboard import TensorboardLogger
from hpsearch.trial import Folder

EVERYTHING = {"scalars": 0, "images": 0, "tensors": 0}


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    search = LoggedSearch(tmp_path_factory.mktemp("tensorboard"), "[tensorboard]")
    assert search.finish() == (0, "")
    return search


def read(search: Search, number: int) -> EventAccumulator:
    return read_folder(search.trial(number).tensorboard)


def read_folder(folder: Path) -> EventAccumulator:
    assert len([file for file in folder.glob("*tfevents*") if file.stat().st_size]) == 1
    return EventAccumulator(str(folder), EVERYTHING).Reload()


def scalars(log: EventAccumulator) -> dict[str, list[tuple[int, float]]]:
    return {
        name: [(event.step, event.value) for event in log.Scalars(name)]
        for name in log.Tags()["scalars"]
    }


def reported(search: Search, number: int) -> dict[str, list[tuple[int, float]]]:
    values: dict[str, list[tuple[int, float]]] = {}
    for report in search.trial(number).read_reports():
        for name, value in report.metrics.items():
            number_or_nan = pytest.approx(math.nan if value is None else value, nan_ok=True)
            values.setdefault(name, []).append((report.step, number_or_nan))
    return values


def hparams(log: EventAccumulator, tag: str) -> HParamsPluginData:
    return HParamsPluginData.FromString(log.SummaryMetadata(tag).plugin_data.content)


def trials(search: Search) -> range:
    return range(len(list(search.run.path.glob("trials/*"))))


def test_each_trial_has_every_report_once(search):
    assert len(trials(search)) == 10
    for number in trials(search):
        assert scalars(read(search, number)) == reported(search, number) != {}


def test_reports_stand_at_the_times_at_which_they_were_made(search):
    for number in trials(search):
        events = read(search, number).Scalars("loss")
        last = search.trial(number).reports.stat().st_mtime
        before = [last - event.wall_time for event in events]
        reports = search.trial(number).read_reports()
        expected = [reports[-1].seconds - report.seconds for report in reports]
        assert before == pytest.approx(expected, abs=0.05)


def test_pictures_are_there_at_their_steps(search):
    pictures = read(search, 1).Images("samples")
    assert [(p.step, p.width, p.height) for p in pictures] == [(2, 6, 4), (4, 6, 4), (6, 6, 4)]
    file = search.trial(1).artifacts / "samples-000004.png"
    assert pictures[1].encoded_image_string == file.read_bytes()


def test_hparams_are_the_parameters_and_the_state(search):
    states = set()
    for number in trials(search):
        log = read(search, number)
        info = hparams(log, SESSION_START_INFO_TAG).session_start_info
        values = {k: getattr(v, v.WhichOneof("kind")) for k, v in info.hparams.items()}
        params = search.trial(number).read_spec().params
        assert values == {k: "null" if v is None else v for k, v in params.items()}
        outcome = search.trial(number).read_outcome()
        state = hparams(log, SESSION_END_INFO_TAG).session_end_info.status
        assert state == (STATUS_SUCCESS if outcome.state == "complete" else STATUS_FAILURE)
        states.add(state)
    assert states == {STATUS_SUCCESS, STATUS_FAILURE}


@contextmanager
def tensorboard(folder: Path) -> Iterator[str]:
    """The address of a real one that looks at the run folder."""
    options = ["--logdir", str(folder), "--port", "0", "--host", "127.0.0.1"]
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tensorboard.main", *options],
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            lines = (re.search(r"http://127.0.0.1:\d+", line) for line in server.stderr)
            yield next(match[0] for match in lines if match)
        finally:
            server.kill()


def ask(address: str, question: dict[str, Any] | None = None) -> Any:
    data = json.dumps(question).encode() if question is not None else None
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_tensorboard_shows_the_trials_and_the_mean_over_the_winners_seeds(search):
    states = ["STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING", "STATUS_UNKNOWN"]
    question = {
        "startIndex": 0,
        "sliceSize": 99,
        "allowedStatuses": states,
        "aggregationType": "AGGREGATION_AVG",
    }
    with tensorboard(search.run.path) as address:
        until(lambda: len(ask(f"{address}/data/runs")) == 10, "it has read all trials")
        answer = ask(f"{address}/data/plugin/hparams/session_groups", question)
    groups = {group["name"]: group for group in answer["sessionGroups"]}
    [failed] = groups["trial 0"]["sessions"]
    assert (failed["name"], failed["status"]) == ("trials/00000/tensorboard", "STATUS_FAILURE")
    [confirmed] = [group for name, group in groups.items() if name.endswith("confirmed")]
    assert len(confirmed["sessions"]) == 2
    means = {value["name"]["tag"]: value["value"] for value in confirmed["metricValues"]}
    values = [search.trial(number).read_outcome().value for number in (8, 9)]
    assert means["loss"] == pytest.approx(sum(values) / 2)


@pytest.fixture
def held(tmp_path):
    """A search whose first trials wait after their fifth report, one behind their checkpoint."""
    search = LoggedSearch(tmp_path, "[tensorboard]", STUDY.replace("null, true", "null"))
    search.hold()
    yield search
    search.kill()


def seen(search: Search, number: int) -> list[int]:
    """The steps that a reader finds while the file is being written."""
    folder = search.trial(number).tensorboard
    if not list(folder.glob("*tfevents*")):
        return []
    log = EventAccumulator(str(folder), EVERYTHING).Reload()
    return [step for step, _ in scalars(log).get("loss", [])]


def test_reports_are_there_while_the_trial_runs_and_a_resumed_one_has_each_once(held):
    controller = held.start()
    until(lambda: seen(held, 1) == [1, 2, 3, 4, 5], "a running trial's reports are logged")
    watching = EventAccumulator(str(held.trial(1).tensorboard), EVERYTHING).Reload()
    controller.kill()
    held.end(controller)
    held.release()
    assert held.finish() == (0, "")
    assert (held.trial(1).path / "attempts").read_text() == "xx"
    for number in trials(held):
        assert scalars(read(held, number)) == reported(held, number) != {}
    # One that has watched all the while, as a TensorBoard in a browser does.
    assert scalars(watching.Reload()) == reported(held, 1)


def test_a_finished_search_gets_its_logs_when_a_logger_is_added(search, tmp_path):
    other = LoggedSearch(tmp_path, "[]")
    shutil.copytree(search.run.path, other.run.path)
    for folder in other.run.path.glob("trials/*/tensorboard"):
        shutil.rmtree(folder)
    assert other.finish("--set", "loggers=[tensorboard]") == (0, "")
    for number in trials(other):
        assert scalars(read(other, number)) == reported(other, number) != {}
    assert other.digest() == search.digest()


def test_the_logs_of_finished_trials_are_left_alone(search):
    files = sorted(search.run.path.glob("trials/*/tensorboard/*"))
    before = [(file, file.stat().st_mtime_ns) for file in files]
    assert search.finish() == (0, "")
    assert [(file, file.stat().st_mtime_ns) for file in files] == before


@pytest.fixture
def trial(tmp_path):
    return WrittenTrial(Folder(tmp_path / "trial"))


@pytest.fixture
def logger():
    logger = TensorboardLogger()
    yield logger
    logger.close()


def losses(trial: WrittenTrial) -> list[tuple[int, float]]:
    return scalars(read_folder(trial.folder.tensorboard))["loss"]


def test_a_trial_that_is_rewound_has_each_report_once(logger, trial):
    for values in ({1: 9, 2: 8, 3: 7}, {1: 9}, {1: 9, 2: 8, 3: 6}):
        trial.report(values)
        logger.log(trial.snapshot(), lambda: None)
        assert losses(trial) == list(values.items())
    logger.log(trial.snapshot(COMPLETE), lambda: None)
    assert losses(trial) == [(1, 9), (2, 8), (3, 6)]


def test_a_trial_whose_log_could_not_be_written_is_logged_when_it_can(logger, trial):
    trial.folder.tensorboard.write_text("in the way")
    trial.report({1: 9, 2: 8})
    with pytest.raises(NotADirectoryError):
        logger.log(trial.snapshot(COMPLETE), lambda: None)
    trial.folder.tensorboard.unlink()
    logger.log(trial.snapshot(COMPLETE), lambda: None)
    assert losses(trial) == [(1, 9), (2, 8)]


def test_a_picture_that_is_made_again_and_again_is_shown_as_it_became(logger, trial):
    for steps in ([3], [3, 5]):
        trial.report(dict.fromkeys(steps, 1.0))
        Image.new("L", (steps[-1], 1)).save(trial.folder.artifacts / "latest.png")
        logger.log(trial.snapshot(), lambda: None)
    pictures = read_folder(trial.folder.tensorboard).Images("latest")
    assert [(picture.step, picture.width) for picture in pictures] == [(3, 3), (5, 5)]


def test_a_file_that_is_no_picture_is_left_out(logger, trial):
    (trial.folder.artifacts / "broken-1.png").write_text("no picture")
    (trial.folder.artifacts / "notes.txt").write_text("no picture")
    trial.report({1: 9})
    logger.log(trial.snapshot(COMPLETE), lambda: None)
    assert read_folder(trial.folder.tensorboard).Tags()["images"] == []
