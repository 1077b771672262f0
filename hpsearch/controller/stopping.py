"""Decides whether a further round begins: planned and added rounds, requests, the time limit."""

import time
from collections.abc import Callable
from dataclasses import replace

from hpsearch.events import EndedOnRequest, Event, OutOfTime, RoundsAdded
from hpsearch.storage import Requests, RunFolder, SearchPlan, StudyWriter
from hpsearch.study import Study, training_stages


class StoppingRule:
    """Decides whether a further round begins, and keeps the plan in the database up to date.

    Args:
        study: gives the planned number of rounds and the time limit.
        folder: holds the users' requests.
        store: the database.
        on_event: called when rounds are added and when a search ends early.
    """

    def __init__(
        self,
        study: Study,
        folder: RunFolder,
        store: StudyWriter,
        on_event: Callable[[Event], None],
    ) -> None:
        self._study = study
        self._folder = folder
        self._requests = Requests(folder)
        self._store = store
        self._on_event = on_event
        self._began = time.monotonic()
        self._rounds = max(study.search.rounds, self._requests.rounds or 0)
        self._stored: int | None = None

    def rounds(self, begun: int) -> int:
        """Current number of rounds in all; the `begun` recorded ones are finished in any case."""
        requested = self._requests.rounds_to_accept
        if requested is not None and requested > self._rounds:
            self._rounds = requested
            self._on_event(RoundsAdded(requested, self.stages(requested)))
        last = self._requests.end_after
        rounds = self._rounds if last is None else min(self._rounds, max(last + 1, begun))
        if rounds != self._stored:
            search, confirm = self._study.search, self._study.confirm
            self._store.record_plan(SearchPlan(rounds, search.trials, confirm.top, confirm.seeds))
            self._stored = rounds
        if requested is not None:
            self._requests.accept_rounds(requested)
        return rounds

    def may_begin(self, round: int) -> bool:
        """Whether `round`, the first that is not recorded, may begin."""
        return round < self.rounds(round) and not self._is_late(round)

    def announce_early_end(self, done: int) -> None:
        """Emit an event with the reason if the search ends after fewer rounds than planned."""
        if done < self.rounds(done):
            self._on_event(OutOfTime(done))
        elif done < self._rounds:
            self._on_event(EndedOnRequest(done, self._rounds, str(self._folder.path)))

    def _is_late(self, round: int) -> bool:
        limit = self._study.limits.search_seconds
        return round > 0 and limit is not None and time.monotonic() - self._began >= limit

    def stages(self, rounds: int) -> tuple[int, ...]:
        """Training steps of a trial in each of `rounds` rounds and in the confirmation."""
        search = replace(self._study.search, rounds=rounds)
        return tuple(stage.steps for stage in training_stages(replace(self._study, search=search)))
