"""Reruns on request: a trial's parameters again, from scratch, under a fresh seed."""

from hpsearch.controller.trial_table import TrialTable
from hpsearch.space import Space
from hpsearch.storage import Requests, StudyWriter
from hpsearch.trial import Spec, Trial


class Reruns:
    """Turns requests for reruns into trials, and adds them to the table and the database."""

    def __init__(
        self, table: TrialTable, store: StudyWriter, requests: Requests, space: Space
    ) -> None:
        self._table = table
        self._store = store
        self._requests = requests
        self._space = space
        # Recorded in an earlier session that ended before they did.
        self._unfinished = [t.spec for t in table if t.spec.role == "rerun" and t.outcome is None]

    def next_specs(self) -> list[Spec]:
        """Record the requested reruns, and return those that no earlier call returned."""
        specs, self._unfinished = self._unfinished, []
        for parent, repeat in self._requests.reruns():
            number = self._table.find_rerun(parent, repeat)
            if number is None:
                if not self._table.is_in_space(parent):
                    continue  # outside the space since an accepted change; the request stays
                spec = self._table.rerun_spec(parent, repeat)
                number = spec.number
                self._table.put(Trial(spec))
                self._store.begin([spec], self._space)
                specs.append(spec)
            self._requests.record_rerun(parent, repeat, number)
        return specs
