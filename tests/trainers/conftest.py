"""The shipped trainers' tests share one cache, which starts empty."""

from pathlib import Path

import pytest
import torch
from threadpoolctl import threadpool_limits

from hpsearch.trainer.run import HP, Run
from hpsearch.trial import Folder, Spec

torch.set_num_threads(1)
threadpool_limits(1)  # as in a worker; NumPy's BLAS waits 30 ms for a second core that is busy


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HPSEARCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def hp():
    """Hyperparameters of a trainer: its defaults, changed."""

    def make(trainer, **changed) -> HP:
        return HP({**trainer.defaults, **changed})

    return make


@pytest.fixture
def start(tmp_path):
    """A trial's `Run` in a folder of its own."""

    def make(
        objective: str, *, name="trial", budget=100, report_every=50, role="draw", **hp
    ) -> Run:
        path: Path = tmp_path / name
        path.mkdir(exist_ok=True)
        spec = Spec(0, 0, 0, role, {}, (), 11, budget)
        return Run(spec, Folder(path), hp=hp, objective=objective, report_every=report_every)

    return make
