"""The shipped trainers' tests share one cache, which starts empty."""

from pathlib import Path

import pytest
import torch

from hpsearch.run import HP, Run
from hpsearch.trial import Folder, Spec

torch.set_num_threads(1)


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


@pytest.fixture
def stacked():
    """A trainer's loss for several trials at once through vmap, and one after another."""

    def both(trainer, phase: str, hps: list[HP], tensors: tuple[str, ...] = ()):
        lone, batches, members = [], [], []
        rows = trainer.data(hps[0])
        for i, hp in enumerate(hps):
            torch.manual_seed(i)
            nets = trainer.build(hp)
            batch = {
                name: data[i * 40 : i * 40 + hp.batch_size] for name, data in rows.train.items()
            }
            batch |= {name: torch.randn(shape) for name, shape in trainer.noise(hp).items()}
            lone.append(trainer.loss(phase, nets, batch, hp))
            batches.append(batch)
            members.append(nets)
        return _vmapped(trainer, phase, hps, tensors, members, batches), torch.stack(lone)

    return both


def _vmapped(trainer, phase, hps, tensors, members, batches):
    stacks = {
        name: torch.func.stack_module_state([nets[name] for nets in members]) for name in members[0]
    }
    batch = {name: torch.stack([b[name] for b in batches]) for name in batches[0]}
    values = {name: torch.tensor([hp[name] for hp in hps]) for name in tensors}

    def one(states, batch, values):
        nets = {
            name: lambda *x, name=name: torch.func.functional_call(
                members[0][name], states[name], x
            )
            for name in states
        }
        return trainer.loss(phase, nets, batch, HP({**hps[0], **values}))

    return torch.func.vmap(one)(stacks, batch, values)
