"""`TighteningSampler`: rounds of random draws that tighten, inside Optuna.

The sampler has no state but caches. A draw depends on the seed, the trial's number and the trials
in the storage; so a study that is loaded again, in this process or in several, continues as if it
had never stopped.
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

from hpsearch.method import round_slot
from hpsearch.sampler.axes import axes, axis
from hpsearch.sampler.designs import Designs
from hpsearch.sampler.surrogate_cache import SurrogateCache
from hpsearch.sampler.table import DRAWN, Point
from hpsearch.sampler.trial_cache import TrialCache
from hpsearch.trial import Direction

_INDEPENDENT = 2**31 + 2  # first word of spawn keys, above every round's number


class TighteningSampler(BaseSampler):
    """Random search whose distributions tighten around the best trials, round by round.

    Trial number n is slot n % trials of round n // trials. Round 0 fills the space; a later draw
    recombines and moves the best trials that have finished by then (docs/method.md).

    Args:
        seed: the seed of all draws, at least 0. Processes that share a study share the seed.
        trials: the number of trials of a round.
        survivors: the number of best distinct trials that a round draws around.
        surrogate: "gp" for a Gaussian process that selects one of several draws, in about 7 ms at
            100 finished trials and 20 ms from 300 on; None takes the first draw, in 0.1 ms.
        space: the distributions by name, if they are known before the first trial. Round 0 is then
            the controller's scrambled Sobol' sequence in this order of the parameters; without it,
            a scrambled Sobol' sequence in the order in which each trial asks for them.
        constraints_func: returns a finished trial's constraints, each satisfied if at most 0. It is
            not needed with `Trial.set_constraint`.

    Raises:
        ValueError: an argument is out of its range; from `ask`, the study has several objectives.
        TypeError: an argument is unknown.
    """

    def __init__(
        self,
        seed: int = 0,
        trials: int = 25,
        survivors: int = 3,
        surrogate: Literal["gp"] | None = "gp",
        space: Mapping[str, BaseDistribution] | None = None,
        constraints_func: Callable[[FrozenTrial], Sequence[float]] | None = None,
        **renamed: Any,
    ) -> None:
        _refuse_renamed(renamed)
        for name, value, least in (
            ("seed", seed, 0),
            ("trials", trials, 1),
            ("survivors", survivors, 1),
        ):
            if type(value) is not int or value < least:
                raise ValueError(
                    f"TighteningSampler: {name} must be an int of at least {least}, got {value!r}"
                )
        if surrogate not in ("gp", None):
            raise ValueError(
                f'TighteningSampler: surrogate must be "gp" or None, got {surrogate!r}'
            )
        if space is not None:
            axes(space)  # raises a ValueError
        self._seed, self._trials, self._survivors = seed, trials, survivors
        self._surrogate = surrogate
        self._space = None if space is None else dict(space)
        self._constraints_func = constraints_func
        self._start_empty()

    def _start_empty(self) -> None:
        """Reset the caches; all of them can be rebuilt from the storage."""
        self._lock = threading.RLock()
        self._study: tuple[weakref.ref[Any], int] | None = None
        self._cache = TrialCache(1)
        self._designs = Designs(self._seed)
        self._surrogate_cache = SurrogateCache()

    def __getstate__(self) -> dict[str, Any]:
        names = ("_seed", "_trials", "_survivors", "_surrogate", "_space", "_constraints_func")
        return {name: self.__dict__[name] for name in names}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start_empty()

    def reseed_rng(self) -> None:
        """Do nothing: each trial has a generator of its own."""

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        _check_single_objective(study)

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
        _check_single_objective(study)
        if trial.number < self._trials:
            return {} if self._space is None else dict(self._space)
        with self._lock:
            return self._relative_space(self._read(study))

    def _relative_space(self, cache: TrialCache) -> dict[str, BaseDistribution]:
        seen = cache.distributions()
        if self._space is not None:
            return self._space | seen
        if not cache.has_ranked:
            return {}
        return {name: known for name, known in seen.items() if not known.single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        _check_single_objective(study)
        if not search_space:
            return {}
        with self._lock:
            point = self._point(study, trial.number, search_space, self._surrogate)
        drawn = dict(zip(search_space, point, strict=True))
        # Later trials are drawn around this point, which the values do not determine: an int does
        # not tell its coordinate within its bucket.
        study._storage.set_trial_system_attr(trial._trial_id, DRAWN, drawn)
        return {name: axis(search_space[name]).value(u) for name, u in drawn.items()}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        _check_single_objective(study)
        with self._lock:
            u = self._coordinate(study, trial, param_name, param_distribution)
        return axis(param_distribution).value(u)

    def _coordinate(
        self, study: Study, trial: FrozenTrial, name: str, distribution: BaseDistribution
    ) -> float:
        """The coordinate of a parameter that is not in the trial's relative search space."""
        if trial.number < self._trials:
            space = self._space
        else:
            space = self._relative_space(self._read(study)) or None
        if space is None:
            return self._designs.coordinate(len(trial.params), trial.number)
        if name in space:
            # It was asked for with another range: the plain draw from the table with that range.
            space = space | {name: distribution}
            point = self._point(study, trial.number, space)
            return point[list(space).index(name)]
        word = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
        key = np.random.SeedSequence(self._seed, spawn_key=(_INDEPENDENT, trial.number, word))
        return float(np.random.default_rng(key).random())

    def _point(
        self,
        study: Study,
        number: int,
        space: Mapping[str, BaseDistribution],
        surrogate: Literal["gp"] | None = None,
    ) -> Point:
        round, index = divmod(number, self._trials)
        if round == 0:
            return self._designs.point(space, number)
        cache = self._read(study)
        table = cache.table(space)
        tightening = table.tighten(round, self._survivors)
        if not tightening.survivors:
            return self._designs.point(space, number)
        slot = round_slot(table.space, tightening, seed=self._seed, round=round, index=index)
        if surrogate is None:
            return slot.plain.unit
        running = [table.point(t) for t in cache.running if t.number != number]
        running = [point for point in running if any(u == u for u in point)]
        return self._surrogate_cache.select(slot, self._trials, table, running)

    def _read(self, study: Study) -> TrialCache:
        storage, study_id = study._storage, study._study_id
        if self._study is None or self._study[0]() is not storage or self._study[1] != study_id:
            self._study = weakref.ref(storage), study_id
            self._cache = TrialCache(Direction[study.direction.name].sign)
        self._cache.read(study.get_trials(deepcopy=False))
        return self._cache


def _check_single_objective(study: Study) -> None:
    if study._is_multi_objective():
        raise ValueError(
            f"TighteningSampler ranks trials by one objective, got {len(study.directions)}: "
            "return one value, or use optuna.samplers.NSGAIISampler"
        )


def _refuse_renamed(arguments: Mapping[str, Any]) -> None:
    for name in arguments:
        cure = '; it is called surrogate now: "gp" or None' if name == "judge" else ""
        raise TypeError(f"TighteningSampler: unknown argument {name!r}{cure}")
