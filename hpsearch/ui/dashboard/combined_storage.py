"""All run folders as one Optuna storage that can only be read, for Optuna Dashboard.

Optuna Dashboard shows one storage, and its pages insist on being at the root of a site; a storage
of all studies serves them all, and has no way to write. A study's number comes from its run
folder's name, so that bookmarks last.
"""

import copy
import threading
import zlib
from collections.abc import Container
from pathlib import Path
from typing import Any, NoReturn

from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, TrialState

from hpsearch.errors import HpsearchError
from hpsearch.storage import RunFolder, open_read_only
from hpsearch.ui.dashboard.registry import Registry

_TRIALS = 1 << 20  # numbers for the trials of one study; JavaScript's numbers hold the product


class _Member:
    """One run folder's study, under the numbers that it has in the union."""

    def __init__(self, path: Path, name: str, study_id: int) -> None:
        self.path = path
        self.name = name
        self.study_id = study_id
        self.inode = path.stat().st_ino
        self._storage = open_read_only(path)
        self._ended: dict[int, FrozenTrial] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        self._storage.remove_session()

    def is_current(self) -> bool:
        """Whether the file is still the one that was opened."""
        return self.path.exists() and self.path.stat().st_ino == self.inode

    def study(self) -> FrozenStudy:
        inner = self._inner()
        return FrozenStudy(
            study_name=self.name,
            direction=None,
            directions=inner.directions,
            user_attrs=inner.user_attrs,
            system_attrs=inner.system_attrs,
            study_id=self.study_id,
        )

    def trials(self) -> list[FrozenTrial]:
        with self._lock:
            found = self._storage.get_all_trials(self._inner()._study_id, deepcopy=False)
            return [self._renumbered(trial) for trial in found]

    def _inner(self) -> FrozenStudy:
        [study] = self._storage.get_all_studies()
        return study

    def _renumbered(self, trial: FrozenTrial) -> FrozenTrial:
        if (kept := self._ended.get(trial._trial_id)) is not None:
            return kept
        renumbered = copy.copy(trial)
        renumbered._trial_id = self.study_id * _TRIALS + trial._trial_id
        if trial.state.is_finished():
            self._ended[trial._trial_id] = renumbered
        return renumbered


class UnionStorage(BaseStorage):
    """The studies of a shelf's run folders, by the folders' names.

    Args:
        shelf: of run folders; those that have not begun or cannot be read are left out.
    """

    def __init__(self, shelf: Registry) -> None:
        self._shelf = shelf
        self._members: dict[int, _Member] = {}
        self._lock = threading.Lock()

    def get_all_studies(self) -> list[FrozenStudy]:
        return [member.study() for member in self._refreshed().values()]

    def get_study_id_from_name(self, study_name: str) -> int:
        for member in self._refreshed().values():
            if member.name == study_name:
                return member.study_id
        raise KeyError(f"no study {study_name}")

    def get_study_name_from_id(self, study_id: int) -> str:
        return self._member(study_id).name

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return list(self._member(study_id).study().directions)

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return dict(self._member(study_id).study().user_attrs)

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return dict(self._member(study_id).study().system_attrs)

    def get_trial(self, trial_id: int) -> FrozenTrial:
        for trial in self._member(trial_id // _TRIALS).trials():
            if trial._trial_id == trial_id:
                return trial
        raise KeyError(f"no trial {trial_id}")

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        trials = self._member(study_id).trials()
        chosen = [trial for trial in trials if states is None or trial.state in states]
        return copy.deepcopy(chosen) if deepcopy else chosen

    def _member(self, study_id: int) -> _Member:
        members = self._members if study_id in self._members else self._refreshed()
        if study_id not in members:
            raise KeyError(f"no study {study_id}")
        return members[study_id]

    def _refreshed(self) -> dict[int, _Member]:
        """The members as the shelf has them now."""
        with self._lock:
            former = {m.name: m for m in self._members.values() if m.is_current()}
            members: dict[int, _Member] = {}
            for name in self._shelf.names():
                study_id = zlib.crc32(name.encode())
                while study_id in members:
                    study_id += 1
                if name in former:
                    members[former[name].study_id] = former[name]
                    continue
                try:
                    self._shelf.snapshot(name)  # whether it has begun and can be read
                    database = RunFolder(self._shelf.path(name)).database
                    members[study_id] = _Member(database, name, study_id)
                except HpsearchError:
                    continue
            for member in self._members.values():
                if member not in members.values():
                    member.close()
            self._members = members
            return members

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise PermissionError("the study's database is written by its controller alone")

    create_new_study = _refuse
    delete_study = _refuse
    set_study_user_attr = _refuse
    set_study_system_attr = _refuse
    create_new_trial = _refuse
    set_trial_param = _refuse
    set_trial_state_values = _refuse
    set_trial_intermediate_value = _refuse
    set_trial_user_attr = _refuse
    set_trial_system_attr = _refuse
