"""What a member computes is the same to the bit, whoever shares its group, and right."""

import pytest
import torch
from architectures import ARCHITECTURES
from trained_nets import MINE, SHAPE, others, trainer_of

from hpsearch.testing.trials import (
    Member,
    difference,
    distance,
    in_doubles,
    train_alone,
    train_together,
)
from hpsearch.trainer.trainer import Data

STEPS = 4
# Torch says so of operations that vmap does one member after another.
pytestmark = pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_member_has_the_same_bits_at_every_place_of_every_company(name, tmp_path):
    trainer, mine = trainer_of(name), Member(MINE, 7, STEPS)
    [alone] = train_together(trainer, tmp_path / "1", [mine], SHAPE, STEPS)
    for size in (2, 3, 5, 25):
        places = {size // 2, size - 1, *([0] if size > 2 else [])}
        members = [
            mine if k in places else Member(settings, 20 + k, STEPS)
            for k, settings in enumerate(others(size))
        ]
        found = train_together(trainer, tmp_path / str(size), members, SHAPE, STEPS)
        for k in places:
            off = difference(alone, found[k])
            assert off is None, f"at place {k} of {size}: {off}"


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_member_has_the_numbers_that_it_has_alone(name, tmp_path):
    trainer = in_doubles(trainer_of(name))
    members = [Member(settings, 20 + k, 20) for k, settings in enumerate([MINE, *others(2)])]
    fused = train_together(trainer, tmp_path, members, SHAPE, 10)
    for each, ours in zip(members, fused, strict=True):
        place = tmp_path / f"lone-{each.seed}"
        alone = train_alone(
            trainer, place, each.settings, budget=20, seed=each.seed, report_every=10
        )
        assert distance(ours.state, alone.state)[0] < 1e-9
        assert distance(ours.metrics, alone.metrics)[0] < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize(
    ("inputs", "hidden", "classes", "batch"),
    [(128, 33, 5, 33), (64, 65, 5, 33), (32, 33, 10, 17), (17, 33, 10, 32), (64, 65, 10, 50)],
)
def test_products_of_odd_sizes_have_the_same_bits_at_every_index(
    inputs, hidden, classes, batch, tmp_path
):
    # Where rows times columns are no multiple of 4 the next member's result starts at another
    # alignment, by which Intel MKL chooses its kernel unless MKL_CBWR is set.
    class Sized(trainer_of("relu")):
        def data(self, hp):
            generator = torch.Generator().manual_seed(5)
            x = torch.randn(2 * batch, inputs, generator=generator)
            y = torch.randint(classes, (2 * batch,), generator=generator)
            return Data({"x": x, "y": y, "read": x}, batch)

        def build(self, hp):
            layers = (torch.nn.Linear(inputs, hidden), torch.nn.ReLU())
            return {"net": torch.nn.Sequential(*layers, torch.nn.Linear(hidden, classes))}

        def noise(self, hp):
            return {}

        def loss(self, phase, nets, batch, hp):
            return torch.nn.functional.cross_entropy(nets["net"](batch["x"]), batch["y"])

    mine = Member(MINE, 7, STEPS)
    [alone] = train_together(Sized, tmp_path / "1", [mine], SHAPE, STEPS)
    for size in (3, 25):
        found = train_together(Sized, tmp_path / str(size), [mine] * size, SHAPE, STEPS)
        for k, trained in enumerate(found):
            off = difference(alone, trained)
            assert off is None, f"at index {k} of {size}: {off}"
