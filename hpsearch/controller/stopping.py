"""How far a search goes: the study's rounds, those that people add, an earlier end, the time."""

import time
from collections.abc import Callable
from dataclasses import replace

from hpsearch.events import EndedOnRequest, Event, OutOfTime, RoundsAdded
from hpsearch.storage import Requests, RunFolder, SearchPlan, StudyWriter
from hpsearch.study import Study, training_stages


class StoppingRule:
    """Whether a next round may begin; and the plan in the database, which says how many will.

    Args:
        study: says how many rounds there are if nobody says otherwise.
        folder: with the requests.
        store: gets the plan.
        watch: is told when rounds are added and why a search ends early.
    """

    def __init__(
        self, study: Study, folder: RunFolder, store: StudyWriter, watch: Callable[[Event], None]
    ) -> None:
        self._study = study
        self._folder = folder
        self._requests = Requests(folder)
        self._store = store
        self._watch = watch
        self._began = time.monotonic()
        self._rounds = max(study.search.rounds, self._requests.rounds or 0)
        self._noted: int | None = None

    def rounds(self, begun: int) -> int:
        """Rounds in all as things stand, of which `begun` are recorded and will be finished."""
        asked = self._requests.rounds_to_take_up
        if asked is not None and asked > self._rounds:
            self._rounds = asked
            self._watch(RoundsAdded(asked, self.stages(asked)))
        end = self._requests.end_after
        rounds = self._rounds if end is None else min(self._rounds, max(end + 1, begun))
        if rounds != self._noted:
            search, confirm = self._study.search, self._study.confirm
            self._store.note_plan(SearchPlan(rounds, search.trials, confirm.top, confirm.seeds))
            self._noted = rounds
        if asked is not None:
            self._requests.take_up_rounds(asked)
        return rounds

    def may_begin(self, round: int) -> bool:
        """Whether this round, the first that is not recorded, may be."""
        return round < self.rounds(round) and not self._is_late(round)

    def tell(self, done: int) -> None:
        """Say why no more rounds begin after `done` of them, if that is early."""
        if done < self.rounds(done):
            self._watch(OutOfTime(done))
        elif done < self._rounds:
            self._watch(EndedOnRequest(done, self._rounds, str(self._folder.path)))

    def _is_late(self, round: int) -> bool:
        limit = self._study.limits.search_seconds
        return round > 0 and limit is not None and time.monotonic() - self._began >= limit

    def stages(self, rounds: int) -> tuple[int, ...]:
        """Steps of training in each of so many rounds, and in the confirmation."""
        search = replace(self._study.search, rounds=rounds)
        return tuple(stage.steps for stage in training_stages(replace(self._study, search=search)))
