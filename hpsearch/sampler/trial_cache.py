"""The trials of a study's storage, read before each trial; finished ones are cached."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from hpsearch.sampler.table import Table

TABLES = 4  # tables cached, one per space of the study


class TrialCache:
    """The finished trials of one study, and their parameters.

    Args:
        sign: 1 to minimize, -1 to maximize.
    """

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._clear()

    def _clear(self) -> None:
        self._finished: list[FrozenTrial] = []
        self._numbers: set[int] = set()
        self._prefix = 0  # number of the study's first trials that are all finished and read
        self._prefix_ended: datetime | None = None  # when the last of them finished
        self.has_ranked = False  # whether any trial did not fail
        self._first: dict[str, tuple[int, int]] = {}  # trial and position of first use, by name
        self._latest: dict[str, tuple[int, BaseDistribution]] = {}
        self._distributions: dict[str, BaseDistribution] | None = None
        self._tables: list[Table] = []
        self.running: list[FrozenTrial] = []  # at the last `read`

    def read(self, trials: Sequence[FrozenTrial]) -> None:
        """Read all trials of the study, in the order of their numbers, finished or not."""
        if not self._contains_known(trials):
            self._clear()
        self.running = []
        start = self._prefix
        is_prefix = True
        for index, trial in enumerate(trials[start:], start):
            if not trial.state.is_finished():
                is_prefix = False
                if trial.state == TrialState.RUNNING:
                    self.running.append(trial)
                continue
            if trial.number not in self._numbers:
                self._numbers.add(trial.number)
                self._finished.append(trial)
                self.has_ranked |= trial.state != TrialState.FAIL
                self._add_distributions(trial)
            if is_prefix and trial.number == index:
                self._prefix = index + 1
                self._prefix_ended = trial.datetime_complete
            else:
                is_prefix = False

    def _contains_known(self, trials: Sequence[FrozenTrial]) -> bool:
        """Whether all trials read before are among these: a pruner may show a part of a study."""
        prefix = self._prefix
        if prefix > len(trials):
            return False
        if prefix and trials[prefix - 1].datetime_complete != self._prefix_ended:
            return False
        later = sum(trial.number in self._numbers for trial in trials[prefix:])
        return prefix + later == len(self._finished)

    def _add_distributions(self, trial: FrozenTrial) -> None:
        for position, (name, distribution) in enumerate(trial.distributions.items()):
            first = (trial.number, position)
            if name not in self._first or first < self._first[name]:
                self._first[name] = first
                self._distributions = None
            if name not in self._latest or trial.number > self._latest[name][0]:
                if name not in self._latest or self._latest[name][1] != distribution:
                    self._distributions = None
                else:
                    distribution = self._latest[name][1]
                self._latest[name] = (trial.number, distribution)

    def distributions(self) -> dict[str, BaseDistribution]:
        """The latest distribution of every parameter, in the order of first use."""
        if self._distributions is None:
            names = sorted(self._first, key=self._first.__getitem__)
            self._distributions = {name: self._latest[name][1] for name in names}
        return self._distributions

    def table(self, distributions: Mapping[str, BaseDistribution]) -> Table:
        for index, table in enumerate(self._tables):
            # The order of the parameters is part of a space.
            if table.distributions == distributions and list(table.distributions) == list(
                distributions
            ):
                self._tables.insert(0, self._tables.pop(index))
                break
        else:
            self._tables.insert(0, Table(distributions, self._sign))
            del self._tables[TABLES:]
        self._tables[0].update(self._finished)
        return self._tables[0]
