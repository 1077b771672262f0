"""A GAN that can blow up at a step of its own choice, and the groups that its trials train in."""

from collections.abc import Sequence
from pathlib import Path

import torch
from lone_toys import Toy

from hpsearch.method.structure import Shape
from hpsearch.testing.trials import Trained, start
from hpsearch.trainer.fused.group import Group
from hpsearch.trainer.fused.member import Member
from hpsearch.trainer.run import Run

SHAPE = Shape({}, {"lr": None, "n_critic": None, "limit": None, "kind": ("adam", "sgd")})
SETTINGS = [
    {"lr": 0.01, "n_critic": 2},
    {"lr": 0.02, "n_critic": 1, "kind": "sgd"},
    {"lr": 0.005, "n_critic": 3},
    {"lr": 0.03, "n_critic": 2, "kind": "sgd"},
    {"lr": 0.001, "n_critic": 4},
]


class Fragile(Toy):
    """Its loss is not a number once its noise exceeds a limit."""

    defaults = {**Toy.defaults, "limit": 100.0}

    def loss(self, phase, nets, batch, hp):
        loss = super().loss(phase, nets, batch, hp)
        return torch.where(batch["z"].max() > hp.limit, float("nan"), loss)


class Ends(dict[Path, BaseException | None]):
    """What each trial of a group ended with, in the order of their ends."""

    def __call__(self, run: Run, error: BaseException | None) -> None:
        assert run.folder.path not in self, "ended twice"
        self[run.folder.path] = error


def runs_of(folder: Path, settings: Sequence[dict], budgets: Sequence[int], **of_run) -> list[Run]:
    """Trials of seeds 10, 11, ...; trial k's folder is `folder / str(k)`."""
    return [
        start(folder / str(k), each, budget=budget, seed=10 + k, **of_run)
        for k, (each, budget) in enumerate(zip(settings, budgets, strict=True))
    ]


def by_itself(folder: Path, k: int, settings: dict, budget: int, trainer=Fragile) -> Trained:
    """Trial k of `runs_of` in a group of its own."""
    run = start(folder / f"alone-{k}", settings, budget=budget, seed=10 + k)
    ends = Ends()
    group_of([run], ends, trainer).run()
    assert list(ends.values()) == [None]
    return Trained.read(run.folder.path)


def group_of(runs: Sequence[Run], ends: Ends, trainer=Fragile) -> Group:
    instance = trainer()
    return Group(instance, [Member(instance, run) for run in runs], SHAPE, ends)
