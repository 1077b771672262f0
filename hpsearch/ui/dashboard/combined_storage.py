"""All run folders combined into one read-only Optuna storage, for Optuna Dashboard.

Optuna Dashboard shows one storage, and its pages must be at the root of a site, so one storage
holds all studies. A study's id is derived from its run folder's name, so that bookmarks stay valid.
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

_TRIALS = 1 << 20  # trial ids of one study; study_id * _TRIALS is exact in JavaScript


class _Member:
    """One run folder's study, under its ids in the combined storage."""

    def __init__(self, path: Path, name: str, study_id: int) -> None:
        self.path = path
        self.name = name
        self.study_id = study_id
        self.inode = path.stat().st_ino
        self._storage = open_read_only(path)
        self._finished: dict[int, FrozenTrial] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        self._storage.remove_session()

    def is_current(self) -> bool:
        """Whether the path still leads to the file that was opened."""
        return self.path.exists() and self.path.stat().st_ino == self.inode

    def study(self) -> FrozenStudy:
        study = copy.copy(self._inner())
        study.study_name, study._study_id = self.name, self.study_id
        return study

    def trials(self) -> list[FrozenTrial]:
        with self._lock:
            trials = self._storage.get_all_trials(self._inner()._study_id, deepcopy=False)
            return [self._renumbered(trial) for trial in trials]

    def _inner(self) -> FrozenStudy:
        [study] = self._storage.get_all_studies()
        return study

    def _renumbered(self, trial: FrozenTrial) -> FrozenTrial:
        if (cached := self._finished.get(trial._trial_id)) is not None:
            return cached
        renumbered = copy.copy(trial)
        renumbered._trial_id = self.study_id * _TRIALS + trial._trial_id
        if trial.state.is_finished():
            self._finished[trial._trial_id] = renumbered
        return renumbered


class CombinedStorage(BaseStorage):
    """The studies of a registry, named like their run folders.

    Run folders whose study has not started or cannot be read are left out.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
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
        """The members of the run folders that exist now, by study id."""
        with self._lock:
            current = {m.name: m for m in self._members.values() if m.is_current()}
            members: dict[int, _Member] = {}
            for name in self._registry.names():
                study_id = zlib.crc32(name.encode())
                while study_id in members:
                    study_id += 1
                if name in current:
                    members[current[name].study_id] = current[name]
                    continue
                try:
                    # Raises HpsearchError unless the study has started and can be read.
                    self._registry.snapshot(name)
                    database = RunFolder(self._registry.path(name)).database
                    members[study_id] = _Member(database, name, study_id)
                except HpsearchError:
                    continue
            for member in self._members.values():
                if member not in members.values():
                    member.close()
            self._members = members
            return members

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise PermissionError("only a study's controller writes its database")

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
