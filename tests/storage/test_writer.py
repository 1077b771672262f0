"""The study's database: what Optuna would have stored, all or nothing."""

import math
import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import optuna
import pytest
import sqlalchemy as sa
from optuna.trial import TrialState, create_trial

from hpsearch.errors import RunFolderError
from hpsearch.space import Choice, Condition, Int, Logint, Loguniform, Parameter, Space, Uniform
from hpsearch.storage.round_record import RoundRecord
from hpsearch.storage.writer import StudyWriter, optuna_distribution
from hpsearch.trial import Direction, Outcome, Report, Spec

SPACE = Space(
    (
        Parameter("lr", Loguniform(1e-5, 1e-2)),
        Parameter("loss", Choice(("wgan", 7, 2.5, True, None))),
        Parameter("depth", Int(1, 5), (Condition("loss", ("wgan",)),)),
        Parameter("width", Logint(32, 128)),
        Parameter("beta1", Uniform(0.0, 1.0)),
    )
)
RECORD = RoundRecord(0, 10, 0.2, {"lr": 1.0}, ())
OPTIONS = ["wgan", 7, 2.5, True, None]


def spec(number: int) -> Spec:
    params = {"lr": 1e-3, "loss": OPTIONS[number % 5], "width": 64, "beta1": 0.5}
    if number % 5 == 0:
        params["depth"] = 3
    return Spec(number, 0, number, "draw", params, (0.5,) * 5, seed=2**62 + number, budget=10)


REPORTS = [
    Report(1, {"fid": 3.5, "acc": 0.1}, 0.5),
    Report(5, {"fid": None, "acc": 0.2}, 1.0),
    Report(10, {"acc": 0.3}, 1.5),
    Report(11, {"fid": -1e308}, 1.5),
]
COMPLETE = Outcome("complete", -1e308, {"fid": -1e308}, None, "", 1.5, 11, {"sha": "a", "n": 5})
FAILED = Outcome("fail", None, {"fid": None}, "nonfinite", "fid is nan", 1.0, 5)


def make(path: Path) -> StudyWriter:
    return StudyWriter.create_or_open(path, "s", metric="fid", direction=Direction.MINIMIZE)


@pytest.fixture
def store(tmp_path):
    store = make(tmp_path / "study.db")
    yield store
    store.close()


def test_its_rows_are_what_optunas_public_calls_would_have_stored(store, tmp_path):
    specs = [spec(number) for number in range(6)]
    store.record_trials(specs, SPACE, RECORD)
    for number, outcome in ((1, FAILED), (0, COMPLETE)):
        store.record_outcome(specs[number], outcome, REPORTS)

    theirs = optuna.create_study(storage=f"sqlite:///{tmp_path / 'theirs.db'}", study_name="s")
    for each in specs:
        bases = {p.name: optuna_distribution(p.domain) for p in SPACE if p.name in each.params}
        keys = ("round", "index", "role", "unit", "seed", "budget", "parent", "threads")
        running = create_trial(
            state=TrialState.RUNNING,
            params=dict(each.params),
            distributions=bases,
            user_attrs={key: asdict(each)[key] for key in keys},
        )
        theirs._storage.create_new_trial(theirs._study_id, running)
    for number, outcome in ((1, FAILED), (0, COMPLETE)):
        trial = optuna.trial.Trial(theirs, theirs.trials[number]._trial_id)
        keys = ("metrics", "reason", "message", "seconds", "steps", "provenance")
        for key, value in {k: asdict(outcome)[k] for k in keys}.items():
            trial.set_user_attr(key, value)
        trial.set_user_attr("trainer", "")
        trial.set_user_attr("group", [])
        for report in REPORTS:
            value = report.metrics.get("fid")
            trial.report(math.nan if value is None else value, report.step)
        if outcome.state == "complete":
            theirs.tell(trial, outcome.value)
        else:
            theirs.tell(trial, state=TrialState.FAIL)

    ours = optuna.load_study(study_name="s", storage=f"sqlite:///{tmp_path / 'study.db'}")
    assert len(ours.trials) == len(theirs.trials) == 6
    for mine, other in zip(ours.trials, theirs.trials, strict=True):
        assert comparable(mine) == comparable(other)


def test_a_trial_that_has_landed_keeps_its_group_and_an_older_one_has_none(store, tmp_path):
    specs = [replace(spec(number), group=(0, 1)) for number in range(2)]
    store.record_trials(specs, SPACE, RECORD)
    for each in specs:
        store.record_outcome(each, COMPLETE, REPORTS)
    with sqlite3.connect(tmp_path / "study.db") as database:
        database.execute(
            "DELETE FROM trial_user_attributes WHERE key = 'group' AND trial_id ="
            " (SELECT trial_id FROM trials WHERE number = 1)"
        )
    database.close()
    assert [trial.spec.group for trial in store.recorded().trials] == [(0, 1), ()]


def comparable(trial: optuna.trial.FrozenTrial) -> dict[str, object]:
    steps = {step: str(value) for step, value in trial.intermediate_values.items()}
    times = (trial.datetime_start is None, trial.datetime_complete is None)
    return {
        "number": trial.number,
        "state": trial.state,
        "values": trial.values,
        # Optuna gives them back in the order of their rows' numbers, or none.
        "params": {name: (type(v), v) for name, v in sorted(trial.params.items())},
        "distributions": trial.distributions,
        "user_attrs": {k: list(v) if type(v) is tuple else v for k, v in trial.user_attrs.items()},
        "system_attrs": trial.system_attrs,
        "steps": steps,
        "times": times if trial.state != TrialState.RUNNING else times[1],
    }


def test_trials_and_rounds_come_back_as_they_were_recorded(store):
    specs = [spec(number) for number in range(3)]
    store.record_trials(specs, SPACE, RECORD)
    store.record_outcome(specs[2], COMPLETE, REPORTS)
    store.record_outcome(specs[0], FAILED, [])
    trials = store.recorded().trials
    assert [trial.spec for trial in trials] == specs
    assert [trial.outcome for trial in trials] == [FAILED, None, COMPLETE]
    assert store.recorded().rounds == (RECORD,)


KILLED_BEFORE_IT_COMMITS = """\
import os, signal, sys
import sqlalchemy as sa
sys.path.insert(0, sys.argv[2])
from pathlib import Path
import test_writer as t

store = t.make(Path(sys.argv[1]))
sa.event.listen(store._storage.engine, "commit", lambda _: os.kill(os.getpid(), signal.SIGKILL))
if sys.argv[3] == "begin":
    store.record_trials([t.spec(n) for n in range(1, 25)], t.SPACE, t.RECORD)
else:
    store.record_outcome(t.spec(0), t.COMPLETE, t.REPORTS)
"""


@pytest.mark.parametrize("what", ["begin", "land"])
def test_a_write_that_is_killed_before_its_end_leaves_nothing(tmp_path, what):
    path = tmp_path / "study.db"
    store = make(path)
    store.record_trials([spec(0)], SPACE)
    store.close()
    here = Path(__file__).parent
    child = subprocess.run(
        [sys.executable, "-c", KILLED_BEFORE_IT_COMMITS, str(path), str(here), what],
        env=os.environ | {"PYTHONPATH": str(here.parents[1])},
        check=False,
    )
    assert child.returncode == -signal.SIGKILL
    store = make(path)
    assert [(t.spec, t.outcome) for t in store.recorded().trials] == [(spec(0), None)]
    assert store.recorded().rounds == ()
    store.record_trials([spec(1)], SPACE, RECORD)
    store.record_outcome(spec(0), COMPLETE, REPORTS)
    assert [trial.outcome for trial in store.recorded().trials] == [COMPLETE, None]
    store.close()


def test_a_begin_that_cannot_be_written_records_no_trial(store, tmp_path):
    store.record_trials([spec(0)], SPACE)

    def refuse(connection, cursor, statement, *_):
        if "INSERT INTO study_user_attributes" in statement:
            raise sqlite3.OperationalError("database or disk is full")

    sa.event.listen(store._storage.engine, "before_cursor_execute", refuse)
    with pytest.raises((RunFolderError, sqlite3.OperationalError)):
        store.record_trials([spec(1), spec(2)], SPACE, RECORD)
    sa.event.remove(store._storage.engine, "before_cursor_execute", refuse)
    assert len(store.recorded().trials) == 1


def test_a_database_that_was_cut_off_while_it_was_made_is_made_to_its_end(tmp_path):
    path = tmp_path / "study.db"
    store = make(path)
    store.close()
    with sqlite3.connect(path) as database:
        for table in ("trial_params", "trial_values"):
            database.execute(f"DROP TABLE {table}")
        database.execute("DELETE FROM study_system_attributes")
        database.execute("DELETE FROM alembic_version")
    database.close()
    store = make(path)
    store.record_trials([spec(0)], SPACE, RECORD)
    store.record_outcome(spec(0), COMPLETE, REPORTS)
    assert store.recorded().trials[0].outcome == COMPLETE
    store.close()


def test_options_that_python_holds_equal_are_told_apart(store: StudyWriter, tmp_path: Path) -> None:
    options = (0, False, None, "0", "false", "", 1, True, 0.5, "1e-4", 1e-4)
    space = Space((Parameter("c", Choice(options)), Parameter("d", Choice((True, 1, False, 0)))))
    specs = [
        Spec(i, 0, i, "draw", {"c": option, "d": [True, 1, False, 0][i % 4]}, (0.5, 0.5), i, 10)
        for i, option in enumerate(options)
    ]
    store.record_trials(specs, space, RECORD)
    wanted = [repr(dict(spec.params)) for spec in specs]
    assert [repr(dict(trial.spec.params)) for trial in store.recorded().trials] == wanted
    theirs = optuna.load_study(study_name="s", storage=f"sqlite:///{tmp_path / 'study.db'}")
    assert [repr(trial.params) for trial in theirs.trials] == wanted
