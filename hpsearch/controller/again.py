"""Trials that people want once more: the same parameters, from scratch, under a fresh seed."""

from hpsearch.controller.trial_table import TrialTable
from hpsearch.space import Space
from hpsearch.storage import Requests, StudyWriter
from hpsearch.trial import Spec, Trial


class Reruns:
    """Makes trials of the requests.

    Args:
        table: of all trials; gets the new ones.
        store: likewise.
        requests: those of the study's folder.
        space: of the study.
    """

    def __init__(
        self, table: TrialTable, store: StudyWriter, requests: Requests, space: Space
    ) -> None:
        self._table = table
        self._store = store
        self._requests = requests
        self._space = space
        # Recorded in an earlier session, which did not come to their end.
        self._left = [t.spec for t in table if t.spec.role == "again" and t.outcome is None]

    def specs(self) -> list[Spec]:
        """Trials to run that were not given out before, recorded by now."""
        specs, self._left = self._left, []
        for parent, repeat in self._requests.again():
            number = self._table.again(parent, repeat)
            if number is None:
                if not self._table.has_place(parent):
                    continue  # an accepted change of the space left it none; the request stands
                spec = self._table.again_spec(parent, repeat)
                number = spec.number
                self._table.put(Trial(spec))
                self._store.begin([spec], self._space)
                specs.append(spec)
            self._requests.record_again(parent, repeat, number)
        return specs
