"""The batches of a group are those that its members would have alone."""

import pytest
import torch

from hpsearch.errors import TrainerError
from hpsearch.trainer.fused.batches import StackedBatches
from hpsearch.trainer.run import HP
from hpsearch.trainer.steps import Batches
from hpsearch.trainer.trainer import Data, Trainer

COMMON = torch.arange(58.0).view(29, 2)


class Reads(Trainer):
    """Rows of a table, the same object or equal or another; labels; noise of a width."""

    def data(self, hp):
        table = COMMON if hp.table == "same" else COMMON + hp.table
        return Data({"x": table, "label": torch.arange(29)}, hp.batch_size)

    def noise(self, hp):
        return {"z": (hp.batch_size, hp.width), "u": (3,)}


def hps(*tables, widths=(2, 4, 3), batch_size=7):
    return [
        HP({"table": table, "width": width, "batch_size": batch_size})
        for table, width in zip(tables, widths, strict=True)
    ]


def batches_of(settings, dtype=torch.float32):
    members = [Batches(Reads(), hp, 10 + k, "cpu") for k, hp in enumerate(settings)]
    return StackedBatches(members, {"z": (7, 5), "u": (3,)}, dtype, "cpu")


@pytest.mark.parametrize(
    "tables", [("same", "same", "same"), ("same", 0.0, 0.0), (0.0, 1.0, "same")]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_member_has_the_batch_of_its_own_step(tables, dtype):
    settings = hps(*tables)
    batches = batches_of(settings, dtype)
    for steps in ([(0, 0), (1, 0), (2, 0)], [(0, 5), (1, 1), (2, 130)], [(2, 3), (0, 64), (1, 0)]):
        batches.fill(steps)
        for k, step in steps:
            alone = Batches(Reads(), settings[k], 10 + k, "cpu").at(step, dtype)
            for name in ("x", "label", "u"):
                assert torch.equal(batches.batch[name][k], alone[name]), name
                assert batches.batch[name].dtype == alone[name].dtype
            width = settings[k].width
            assert torch.equal(batches.batch["z"][k, :, :width], alone["z"])
            assert not batches.batch["z"][k, :, width:].any()


@pytest.mark.parametrize("tables", [("same", "same", "same"), (0.0, 1.0, "same")])
def test_a_member_that_does_not_move_keeps_its_batch(tables):
    batches = batches_of(hps(*tables))
    batches.fill([(0, 4), (1, 4), (2, 4)])
    before = {name: tensor.clone() for name, tensor in batches.batch.items()}
    batches.fill([(1, 5)])
    for name, tensor in batches.batch.items():
        assert torch.equal(tensor[[0, 2]], before[name][[0, 2]])
        assert not torch.equal(tensor[1], before[name][1])


def test_the_tensors_stay_where_they_are():
    batches = batches_of(hps("same", 1.0, 2.0))
    places = {name: tensor.data_ptr() for name, tensor in batches.batch.items()}
    batches.fill([(0, 9), (2, 3)])
    assert {name: tensor.data_ptr() for name, tensor in batches.batch.items()} == places


def test_members_of_unlike_batches_are_refused():
    settings = [*hps("same", widths=(2,)), *hps("same", widths=(2,), batch_size=8)]
    with pytest.raises(TrainerError, match="batch_size differs within a group"):
        batches_of(settings)
