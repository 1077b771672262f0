"""Reads the study's database: the whole of it once, then the changes only.

It uses plain SQL on Optuna's tables, because Optuna reads every trial with its reports, which takes
seconds for thousands of trials, and because its import takes another second.
"""

import contextlib
import json
import sqlite3
import urllib.parse
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from hpsearch.errors import RunFolderError
from hpsearch.space import Scalar
from hpsearch.storage.round_record import RoundRecord, SearchPlan
from hpsearch.trial import FORMER_ROLES, Direction, Outcome, Spec, Trial

METRIC_NAMES = "study:metric_names"  # where Optuna's plots look
SPEC_ATTRIBUTES = ("round", "index", "role", "unit", "seed", "budget", "parent", "threads")
RARE_ATTRIBUTES = {"weights_of": None, "candidate": 0}  # of the spec, stored unless equal
RUN_ATTRIBUTES = ("trainer", "group")  # of the spec, known once the trial has ended
OUTCOME_ATTRIBUTES = ("metrics", "reason", "message", "seconds", "steps", "provenance")

_CHUNK = 500  # numbers in one query; SQLite's own limit is higher


@dataclass(frozen=True)
class Changes:
    """The difference between two readings.

    Attributes:
        trials: new trials and trials that have ended since, by number.
        rounds: all recorded rounds, in order.
        plan: the current plan; None until the search has recorded it.
        foreign: how many trials in the database other programs have added; they are passed over.
    """

    trials: tuple[Trial, ...]
    rounds: tuple[RoundRecord, ...]
    plan: SearchPlan | None
    foreign: int = 0


class StudyReader:
    """One study's database, open for reading, also in a read-only folder.

    Attributes:
        name, metric, direction: of the study.

    Raises:
        RunFolderError: from every method, when there is no study or it cannot be read.
    """

    name: str
    metric: str
    direction: Direction

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = 0  # the highest trial id
        self._foreign = 0
        self._open: set[int] = set()  # ids of trials that had not ended
        self._version: object = None
        if not path.exists():
            raise RunFolderError(f"{path}: there is no study here; start one with `hpsearch run`")
        if path.stat().st_size == 0:
            raise RunFolderError(not_started(path))
        with _explained(path):
            self._connect()
        try:
            with self._transaction():
                self._identify()
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        self._connection.close()

    def read(self) -> Changes | None:
        """The changes since the last call; at the first call everything, None if there are none.

        A trial is a change when it is recorded and once more when it has ended.
        """
        with self._transaction():
            version = self._committed()
            if version == self._version:
                return None
            changed = self._changed_trials()
            changes = Changes(changed, self._rounds(), self._plan(), self._foreign)
        self._version = version
        return changes

    def _connect(self) -> None:
        path = urllib.parse.quote(str(self._path))
        for mode in ("mode=ro", "immutable=1"):
            # The threads of a server share the connection; each call is made under a lock.
            self._connection = sqlite3.connect(
                f"file:{path}?{mode}",
                uri=True,
                timeout=60,
                isolation_level=None,
                check_same_thread=False,
            )
            self._immutable = mode != "mode=ro"
            try:
                self._connection.execute("SELECT 1 FROM studies").fetchall()
                return
            except sqlite3.OperationalError:
                # SQLite cannot create its shared-memory file here; then nobody can be writing.
                self._connection.close()
                if self._immutable:
                    raise

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """All queries inside read the same state of the database."""
        with _explained(self._path):
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("COMMIT")

    def _committed(self) -> object:
        """A value that differs after every write."""
        if self._immutable:
            status = self._path.stat()
            return status.st_mtime_ns, status.st_size
        [(version,)] = self._connection.execute("PRAGMA data_version")
        return version

    def _identify(self) -> None:
        studies = self._rows(
            "SELECT s.study_name, d.direction, a.value_json FROM studies s"
            " JOIN study_directions d USING (study_id)"
            " LEFT JOIN study_system_attributes a ON a.study_id = s.study_id AND a.key = ?",
            [METRIC_NAMES],
        )
        if len(studies) > 1:
            message = f"{self._path}: expected one study in it, found {len(studies)}"
            raise RunFolderError(message)
        if not studies or studies[0][2] is None:
            raise RunFolderError(not_started(self._path))
        [(self.name, direction, names)] = studies
        self.direction = Direction(direction.lower())
        self.metric = json.loads(names)[0]

    def _rounds(self) -> tuple[RoundRecord, ...]:
        rows = self._rows("SELECT value_json FROM study_user_attributes WHERE key LIKE 'round:%'")
        records = [json.loads(text) for (text,) in rows]
        rounds = [RoundRecord.from_record(record) for record in records]
        return tuple(sorted(rounds, key=lambda record: record.round))

    def _plan(self) -> SearchPlan | None:
        rows = self._rows("SELECT value_json FROM study_user_attributes WHERE key = 'plan'")
        return SearchPlan(**json.loads(rows[0][0])) if rows else None

    def _changed_trials(self) -> tuple[Trial, ...]:
        changed = [*self._new_trials(), *self._trials_that_ended()]
        return tuple(sorted(changed, key=lambda trial: trial.spec.number))

    def _new_trials(self) -> list[Trial]:
        trials = self._trials("> ?", [self._seen])
        query = "SELECT COUNT(*), MAX(trial_id) FROM trials WHERE trial_id > ?"
        [(count, last)] = self._rows(query, [self._seen])
        self._foreign += count - len(trials)
        self._seen = max(self._seen, last or 0)
        self._open |= {i for i, trial in trials.items() if trial.outcome is None}
        return list(trials.values())

    def _trials_that_ended(self) -> list[Trial]:
        ended: list[int] = []
        for chunk in _chunks(sorted(self._open)):
            condition = f"IN ({', '.join('?' * len(chunk))})"
            query = f"SELECT trial_id FROM trials WHERE trial_id {condition} AND state != 'RUNNING'"
            ended += [number for (number,) in self._rows(query, chunk)]
        self._open -= set(ended)
        trials: dict[int, Trial] = {}
        for chunk in _chunks(ended):
            trials |= self._trials(f"IN ({', '.join('?' * len(chunk))})", chunk)
        return list(trials.values())

    def _trials(self, condition: str, values: Sequence[int]) -> dict[int, Trial]:
        """The trials whose id meets a condition, by id; without those of other programs."""

        def grouped(columns: str, table: str, decode: Callable[..., Any]) -> dict[int, Any]:
            of_trial: dict[int, dict[str, Any]] = defaultdict(dict)
            query = (
                f"SELECT trial_id, {columns} FROM {table} WHERE trial_id {condition} ORDER BY rowid"
            )
            for trial_id, name, *rest in self._rows(query, values):
                of_trial[trial_id][name] = decode(*rest)
            return of_trial

        rows = self._rows(
            "SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials"
            f" WHERE trial_id {condition} ORDER BY trial_id",
            values,
        )
        params = grouped("param_name, param_value, distribution_json", "trial_params", _external)
        attributes = grouped("key, value_json", "trial_user_attributes", _decode)
        objective = grouped("objective, value", "trial_values", lambda value: value)
        return {
            trial_id: _trial(
                number,
                state,
                params[trial_id],
                attributes[trial_id],
                objective[trial_id].get(0),
                (_time(started), _time(ended)),
            )
            for trial_id, number, state, started, ended in rows
            if attributes[trial_id].keys() >= set(SPEC_ATTRIBUTES)
        }

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        return self._connection.execute(query, values).fetchall()


def not_started(path: Path) -> str:
    return f"{path}: the search has not begun yet; try again in a moment, or `hpsearch run` it"


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise RunFolderError(
            f"{path}: the study's database cannot be read: {error}. It is left unchanged; correct "
            "the permissions or restore the file"
        ) from error


def _trial(
    number: int,
    state: str,
    params: dict[str, Scalar],
    attributes: dict[str, Any],
    value: float | None,
    times: tuple[datetime | None, datetime | None],
) -> Trial:
    fields = {key: attributes[key] for key in SPEC_ATTRIBUTES}
    fields["unit"] = tuple(fields["unit"])
    fields["group"] = tuple(attributes.get("group", ()))  # studies from before groups have none
    fields["role"] = FORMER_ROLES.get(fields["role"], fields["role"])
    fields |= {key: attributes[key] for key in RARE_ATTRIBUTES if key in attributes}
    spec = Spec(number=number, params=params, **fields)
    if state not in ("COMPLETE", "FAIL"):
        return Trial(spec, None, times[0])
    outcome = Outcome(
        state="complete" if state == "COMPLETE" else "fail",
        value=value,
        **{key: attributes[key] for key in OUTCOME_ATTRIBUTES},
    )
    return Trial(spec, outcome, *times)


def _external(value: float, distribution: str) -> Scalar:
    """A parameter's value; Optuna stores all as floats, and an option as its index."""
    kind, options = _distribution(distribution)
    if kind == "CategoricalDistribution":
        option: Scalar = options[int(value)]
        return option
    return int(value) if kind == "IntDistribution" else value


@lru_cache(maxsize=1024)
def _distribution(text: str) -> tuple[str, tuple[Any, ...]]:
    record = json.loads(text)
    return record["name"], tuple(record["attributes"].get("choices", ()))


@lru_cache(maxsize=4096)
def _simple(text: str) -> Any:
    return json.loads(text)


def _decode(text: str) -> Any:
    # Short attributes repeat in many trials and are cached; lists and dicts are not, being mutable.
    return _simple(text) if len(text) < 12 and text[0] not in "[{" else json.loads(text)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _chunks(numbers: Sequence[int]) -> Iterable[list[int]]:
    return (list(numbers[i : i + _CHUNK]) for i in range(0, len(numbers), _CHUNK))
