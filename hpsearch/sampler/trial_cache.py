"""What a study's storage says: read before each trial, kept as far as it cannot change."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from hpsearch.sampler.table import Table

TABLES = 4  # spaces of one study whose tables are kept


class TrialCache:
    """The finished trials of one study, and the parameters that they have had.

    Args:
        sign: 1 where lower is better, -1 where higher is.
    """

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._forget()

    def _forget(self) -> None:
        self._finished: list[FrozenTrial] = []
        self._numbers: set[int] = set()
        self._settled = 0  # the study's first trials, all finished and read
        self._settled_at: datetime | None = None  # when the last of them finished
        self.has_ranked = False  # whether any of them is no failure
        self._first: dict[str, tuple[int, int]] = {}  # trial and position of first appearance
        self._latest: dict[str, tuple[int, BaseDistribution]] = {}
        self._distributions: dict[str, BaseDistribution] | None = None
        self._tables: list[Table] = []
        self.running: list[FrozenTrial] = []  # at the last reading

    def read(self, trials: Sequence[FrozenTrial]) -> None:
        """Take in all trials of the study, in the order of their numbers, finished or not."""
        if not self._has(trials):
            self._forget()
        self.running = []
        start = self._settled
        is_prefix = True
        for place, trial in enumerate(trials[start:], start):
            if not trial.state.is_finished():
                is_prefix = False
                if trial.state == TrialState.RUNNING:
                    self.running.append(trial)
                continue
            if trial.number not in self._numbers:
                self._numbers.add(trial.number)
                self._finished.append(trial)
                self.has_ranked |= trial.state != TrialState.FAIL
                self._note_distributions(trial)
            if is_prefix and trial.number == place:
                self._settled = place + 1
                self._settled_at = trial.datetime_complete
            else:
                is_prefix = False

    def _has(self, trials: Sequence[FrozenTrial]) -> bool:
        """Whether what was read before is still there: a pruner may show a part of a study."""
        settled = self._settled
        if settled > len(trials):
            return False
        if settled and trials[settled - 1].datetime_complete != self._settled_at:
            return False
        later = sum(trial.number in self._numbers for trial in trials[settled:])
        return settled + later == len(self._finished)

    def _note_distributions(self, trial: FrozenTrial) -> None:
        for position, (name, distribution) in enumerate(trial.distributions.items()):
            place = (trial.number, position)
            if name not in self._first or place < self._first[name]:
                self._first[name] = place
                self._distributions = None
            if name not in self._latest or trial.number > self._latest[name][0]:
                if name not in self._latest or self._latest[name][1] != distribution:
                    self._distributions = None
                else:
                    distribution = self._latest[name][1]
                self._latest[name] = (trial.number, distribution)

    def distributions(self) -> dict[str, BaseDistribution]:
        """The latest distribution of every parameter, in the order of first appearance."""
        if self._distributions is None:
            names = sorted(self._first, key=self._first.__getitem__)
            self._distributions = {name: self._latest[name][1] for name in names}
        return self._distributions

    def table(self, distributions: Mapping[str, BaseDistribution]) -> Table:
        """The finished trials in a space."""
        for place, table in enumerate(self._tables):
            # The order is part of a space.
            if table.distributions == distributions and list(table.distributions) == list(
                distributions
            ):
                self._tables.insert(0, self._tables.pop(place))
                break
        else:
            self._tables.insert(0, Table(distributions, self._sign))
            del self._tables[TABLES:]
        self._tables[0].catch_up(self._finished)
        return self._tables[0]
