"""Reading the database: what Optuna would read, and then only what has changed."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import optuna
import pytest
from test_writer import COMPLETE, FAILED, RECORD, REPORTS, SPACE, make, spec

from hpsearch.errors import RunFolderError
from hpsearch.storage.reader import StudyReader
from hpsearch.storage.round_record import SearchPlan
from hpsearch.trial import Trial


@pytest.fixture
def store(tmp_path):
    store = make(tmp_path / "study.db")
    yield store
    store.close()


@pytest.fixture
def reader(store, tmp_path):
    reader = StudyReader(tmp_path / "study.db")
    yield reader
    reader.close()


def numbers(trials: tuple[Trial, ...]) -> list[int]:
    return [trial.spec.number for trial in trials]


def test_it_reads_what_optuna_reads(store, tmp_path):
    store.record_trials([spec(number) for number in range(7)], SPACE, RECORD)
    store.record_outcome(spec(1), FAILED, REPORTS)
    store.record_outcome(spec(0), COMPLETE, REPORTS)
    [theirs] = optuna.get_all_study_summaries(f"sqlite:///{tmp_path / 'study.db'}")
    trials = optuna.load_study(
        study_name=theirs.study_name, storage=f"sqlite:///{tmp_path / 'study.db'}"
    ).trials
    ours = store.recorded().trials
    assert len(ours) == len(trials) == 7
    for one, other in zip(ours, trials, strict=True):
        assert one.spec == spec(other.number)
        assert list(one.spec.params.items()) == list(other.params.items())
        assert [type(v) for v in one.spec.params.values()] == [
            type(v) for v in other.params.values()
        ]
        assert one.started == other.datetime_start
        assert one.ended == other.datetime_complete
    assert [trial.outcome for trial in ours] == [COMPLETE, FAILED, *[None] * 5]


def test_the_second_reading_gives_only_what_has_changed(store, reader):
    store.record_trials([spec(0), spec(1)], SPACE, RECORD)
    store.record_plan(SearchPlan(4, 25, 3, 5))
    first = reader.read()
    assert numbers(first.trials) == [0, 1]
    assert (first.rounds, first.plan) == ((RECORD,), SearchPlan(4, 25, 3, 5))
    assert reader.read() is None

    store.record_outcome(spec(1), FAILED, REPORTS)
    store.record_trials([spec(2)], SPACE)
    second = reader.read()
    assert numbers(second.trials) == [1, 2]
    assert [trial.outcome for trial in second.trials] == [FAILED, None]

    store.record_outcome(spec(0), COMPLETE, REPORTS)
    assert numbers(reader.read().trials) == [0]
    assert reader.read() is None


def test_a_reading_while_the_writer_is_in_the_midst_sees_all_or_nothing(reader, tmp_path):
    assert reader.read().trials == ()
    with sqlite3.connect(tmp_path / "study.db") as writer:
        writer.execute("INSERT INTO trials (number, study_id, state) VALUES (0, 1, 'RUNNING')")
        assert reader.read() is None
        writer.rollback()
    writer.close()


def test_an_empty_file_has_not_begun(tmp_path):
    (tmp_path / "study.db").touch()
    with pytest.raises(RunFolderError, match="the search has not begun yet"):
        StudyReader(tmp_path / "study.db")


def test_a_plan_is_absent_until_it_is_noted(store, reader):
    assert reader.read().plan is None
    store.record_plan(SearchPlan(4, 25, 3, 5))
    assert reader.read().plan == SearchPlan(4, 25, 3, 5)


def test_something_else_than_a_database_is_refused_by_name(tmp_path):
    path = tmp_path / "study.db"
    path.write_text("not a database, but long enough to look like a file " * 20)
    with pytest.raises(RunFolderError, match=r"study\.db: the study's database cannot be read"):
        StudyReader(path)


def test_a_path_that_looks_like_a_uri_is_read(tmp_path):
    folder = tmp_path / "a?mode=memory&b#c %41"
    folder.mkdir()
    store = make(folder / "study.db")
    store.record_trials([spec(0)], SPACE, RECORD)
    assert numbers(store.recorded().trials) == [0]
    store.close()


def test_it_starts_without_optuna():
    code = "import sys, hpsearch.storage.view; assert not {'optuna', 'torch'} & set(sys.modules)"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
