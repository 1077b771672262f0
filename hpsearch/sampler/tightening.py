"""`TighteningSampler`: rounds of random draws that tighten, inside Optuna.

The sampler remembers nothing. A trial's place is its number, what it is drawn from are the trials
that the storage holds, and its generator is seeded by the two; so a study that is loaded again, in
this process or in several, goes on as if it had never stopped.
"""

import hashlib
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.samplers._base import _process_constraints_after_trial
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from hpsearch.method import round_candidates_at
from hpsearch.sampler.axes import axes, axis
from hpsearch.sampler.designs import Designs
from hpsearch.sampler.surrogate_cache import SurrogateCache
from hpsearch.sampler.table import DRAWN, Point
from hpsearch.sampler.trial_cache import TrialCache
from hpsearch.trial import Direction

_ALONE = 2**31 + 2  # first word of spawn keys that no round has


class TighteningSampler(BaseSampler):
    """Random search whose distributions tighten around the best trials, round by round.

    Trial number n is place n % trials of round n // trials. Round 0 fills the space; a later draw
    recombines and moves the best trials that have finished by then (docs/method.md).

    Args:
        seed: of all draws, at least 0. Processes that share a study share the seed.
        trials: places of a round.
        survivors: how many of the best distinct trials a round draws around.
        judge: "gp" for a Gaussian process that picks one of several draws, in some 7 ms at 100
            finished trials and 20 ms from 300 on; None takes the first, in 0.1 ms.
        space: the distributions by name, if they are known before the first trial. Round 0 is then
            a scrambled Sobol' sequence in this order of the parameters, the controller's; without
            it, a scrambled Sobol' sequence in the order in which each trial asks for them.
        constraints_func: Optuna's older way to give a finished trial's constraints, each at most 0
            where it holds; `Trial.set_constraint` needs no such function.

    Raises:
        ValueError: an argument is out of its range; and from `ask`, the study has several
            objectives.
    """

    def __init__(
        self,
        seed: int = 0,
        trials: int = 25,
        survivors: int = 3,
        judge: Literal["gp"] | None = "gp",
        space: Mapping[str, BaseDistribution] | None = None,
        constraints_func: Callable[[FrozenTrial], Sequence[float]] | None = None,
    ) -> None:
        for name, value, least in (
            ("seed", seed, 0),
            ("trials", trials, 1),
            ("survivors", survivors, 1),
        ):
            if type(value) is not int or value < least:
                raise ValueError(
                    f"TighteningSampler: {name} must be an int of at least {least}, got {value!r}"
                )
        if judge not in ("gp", None):
            raise ValueError(f'TighteningSampler: judge must be "gp" or None, got {judge!r}')
        if space is not None:
            axes(space)  # or a ValueError
        self._seed, self._trials, self._survivors = seed, trials, survivors
        self._judge = judge
        self._space = None if space is None else dict(space)
        self._constraints_func = constraints_func
        self._start_empty()

    def _start_empty(self) -> None:
        """No caches: all of them are made of what is stored."""
        self._lock = threading.RLock()
        self._study: tuple[weakref.ref[Any], int] | None = None
        self._known = TrialCache(1)
        self._designs = Designs(self._seed)
        self._mind = SurrogateCache()

    def __getstate__(self) -> dict[str, Any]:
        kept = ("_seed", "_trials", "_survivors", "_judge", "_space", "_constraints_func")
        return {name: self.__dict__[name] for name in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start_empty()

    def reseed_rng(self) -> None:
        """Nothing: each trial has a generator of its own."""

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        _refuse_objectives(study)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        if self._constraints_func is not None:
            _process_constraints_after_trial(self._constraints_func, study, trial, state)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        _refuse_objectives(study)
        first = trial.number < self._trials
        if self._space is not None and first:
            return dict(self._space)
        if first:
            return {}
        with self._lock:
            return self._relative_space(self._read(study))

    def _relative_space(self, known: TrialCache) -> dict[str, BaseDistribution]:
        seen = known.distributions()
        if self._space is not None:
            return self._space | seen
        if not known.has_ranked:
            return {}
        return {name: found for name, found in seen.items() if not found.single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        _refuse_objectives(study)
        if not search_space:
            return {}
        with self._lock:
            point = self._point(study, trial.number, search_space, self._judge)
        drawn = dict(zip(search_space, point, strict=True))
        # The next trials are drawn around this point, which the values alone do not give back: an
        # int does not say where in its bucket it was drawn.
        study._storage.set_trial_system_attr(trial._trial_id, DRAWN, drawn)
        return {name: axis(search_space[name]).value(u) for name, u in drawn.items()}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        _refuse_objectives(study)
        with self._lock:
            u = self._coordinate(study, trial, param_name, param_distribution)
        return axis(param_distribution).value(u)

    def _coordinate(
        self, study: Study, trial: FrozenTrial, name: str, distribution: BaseDistribution
    ) -> float:
        """A coordinate that the trial's own point does not have, or not in the range asked for."""
        if trial.number < self._trials:
            space = self._space
        else:
            space = self._relative_space(self._read(study)) or None
        if space is None:
            return self._designs.coordinate(len(trial.params), trial.number)
        if name in space:
            # The plain draw, from the table with the range that is asked for.
            space = space | {name: distribution}
            point = self._point(study, trial.number, space)
            return point[list(space).index(name)]
        word = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
        key = np.random.SeedSequence(self._seed, spawn_key=(_ALONE, trial.number, word))
        return float(np.random.default_rng(key).random())

    def _point(
        self,
        study: Study,
        number: int,
        space: Mapping[str, BaseDistribution],
        judge: Literal["gp"] | None = None,
    ) -> Point:
        """The point of a trial, in a space."""
        round, place = divmod(number, self._trials)
        if round == 0:
            return self._designs.point(space, number)
        known = self._read(study)
        table = known.table(space)
        tightening = table.tighten(round, self._survivors)
        if not tightening.survivors:
            return self._designs.point(space, number)
        offer = round_candidates_at(
            table.space, tightening, seed=self._seed, round=round, place=place
        )
        if judge is None:
            return offer.plain.unit
        running = [table.point(t) for t in known.running if t.number != number]
        running = [point for point in running if any(u == u for u in point)]
        return self._mind.pick(offer, self._trials, table, running)

    def _read(self, study: Study) -> TrialCache:
        storage, study_id = study._storage, study._study_id
        if self._study is None or self._study[0]() is not storage or self._study[1] != study_id:
            self._study = weakref.ref(storage), study_id
            self._known = TrialCache(Direction[study.direction.name].sign)
        self._known.read(study.get_trials(deepcopy=False))
        return self._known


def _refuse_objectives(study: Study) -> None:
    if study._is_multi_objective():
        raise ValueError(
            f"TighteningSampler ranks trials by one objective, got {len(study.directions)}: "
            "return one value, or take optuna.samplers.NSGAIISampler"
        )
