"""The tests that Optuna ships for anybody's sampler."""

from collections.abc import Callable

import optuna
import pytest
from optuna.samplers import BaseSampler
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    RelativeSamplerTestCase,
    SingleOnlySamplerTestCase,
)

import hpsearch

optuna.logging.set_verbosity(optuna.logging.WARNING)


class TestOptunasOwn(BasicSamplerTestCase, RelativeSamplerTestCase, SingleOnlySamplerTestCase):
    @pytest.fixture(params=[25, 2], ids=["in round 0", "in many rounds"])
    def sampler(self, request: pytest.FixtureRequest) -> Callable[[], BaseSampler]:
        return lambda: hpsearch.TighteningSampler(seed=1, trials=request.param)
