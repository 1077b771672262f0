import json

import pytest
from logged import WrittenTrial

from hpsearch.trial import Folder


@pytest.fixture
def trial(tmp_path):
    return WrittenTrial(Folder(tmp_path / "trial"))


def append(trial: WrittenTrial, text: str) -> None:
    with trial.folder.reports.open("a") as file:
        file.write(text)


def steps(trial: WrittenTrial) -> list[int]:
    return [report.step for report in trial.snapshot().reports]


def test_reports_are_read_on_as_they_come_and_a_torn_one_when_it_is_whole(trial):
    assert steps(trial) == []
    trial.report({1: 0.5})
    assert steps(trial) == [1]
    append(trial, '{"step": 2, "metrics": {"lo')
    assert steps(trial) == [1]
    append(trial, 'ss": 0.4}, "seconds": 2}\n')
    assert steps(trial) == [1, 2]
    assert list(trial.snapshot().reports) == trial.folder.read_reports()


def test_a_line_that_a_power_cut_left_is_not_a_report(trial):
    trial.report({1: 0.5})
    append(trial, "\0\0\0\n")
    assert steps(trial) == [1]
    trial.report({1: 0.5, 2: 0.4})
    assert steps(trial) == [1, 2]


def test_reports_that_were_rewound_are_forgotten(trial):
    trial.report({1: 0.5, 2: 0.4, 3: 0.3})
    assert steps(trial) == [1, 2, 3]
    trial.report({1: 0.5, 2: 0.1})
    assert [report.metrics["loss"] for report in trial.snapshot().reports] == [0.5, 0.1]


def test_times_are_counted_back_from_the_last_report_over_all_attempts(trial):
    for step, seconds in ((1, 10), (2, 15), (3, 2), (4, 8)):
        record = {"step": step, "metrics": {}, "seconds": seconds}
        append(trial, json.dumps(record) + "\n")
    snapshot = trial.snapshot()
    last = trial.folder.reports.stat().st_mtime
    assert [last - time for time in snapshot.times()] == pytest.approx([11, 6, 6, 0])


def test_a_half_written_artifact_is_not_seen(trial):
    (trial.folder.artifacts / ".a.png.17.tmp").touch()
    (trial.folder.artifacts / "epoch-1").mkdir()
    (trial.folder.artifacts / "epoch-1" / "a.png").touch()
    [artifact] = trial.snapshot().artifacts
    assert artifact.name == "epoch-1/a.png"
