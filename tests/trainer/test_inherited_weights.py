"""A trial that starts from a survivor's weights has them where shapes overlap, and nothing else."""

import shutil

import pytest
import torch
from contract_toys import Tidy
from group_toys import Ends, runs_of
from torch import nn

from hpsearch.errors import RunFolderError
from hpsearch.method.structure import Shape
from hpsearch.testing.trials import Trained, difference, distance, in_doubles
from hpsearch.trainer import loop, randomness
from hpsearch.trainer.fused import group
from hpsearch.trainer.inherited_weights import copy_shared_weights, initial_nets
from hpsearch.trainer.run import Run
from hpsearch.trainer.trainer import Optimizer

SHAPE = Shape({"depth": 1, "width": 6, "shape": "plain"}, {"lr": None})


def test_what_overlaps_is_copied_and_the_rest_stays():
    net = nn.Linear(2, 3)
    nn.init.constant_(net.weight, 9)
    nn.init.constant_(net.bias, 9)
    copy_shared_weights(
        net, {"weight": torch.arange(6.0).view(2, 3), "bias": torch.tensor([7.0, 8, 9, 10])}
    )
    assert net.weight.tolist() == [[0, 1], [3, 4], [9, 9]]
    assert net.bias.tolist() == [7, 8, 9]


def test_buffers_are_inherited_and_tensors_of_another_rank_or_name_are_not():
    net = nn.BatchNorm1d(2)
    old = {"weight": torch.zeros(2, 2), "other": torch.ones(2), "note": "words"}
    old |= {"running_mean": torch.tensor([5.0]), "num_batches_tracked": torch.tensor(4)}
    copy_shared_weights(net, old)
    assert net.weight.tolist() == [1, 1]
    assert net.running_mean.tolist() == [5, 0]
    assert net.num_batches_tracked.item() == 4


class Averaged(Tidy):
    """A lr of 0 leaves its weights as they are."""

    def optimizer(self, phase, hp):
        return Optimizer("adam", lr=hp.lr, average=0.5 if phase == "net" else None)


def heir_of(run: Run, parent) -> Run:
    """The run as a heir; the parent is the folder of a trial."""
    shutil.copyfile(parent / "checkpoint.pt", run.folder.inherited)
    run._weights_of = 3
    return run


@pytest.fixture
def parent(tmp_path):
    """A trained trial's folder."""
    run, *_ = runs_of(tmp_path / "parent", [{"lr": 0.05}], [12])
    loop.train_trial(Averaged(), run)
    return run.folder.path


def heirs(folder, parent, settings, budget=8, trainer=Averaged):
    return [heir_of(run, parent) for run in runs_of(folder, settings, [budget] * len(settings))]


@pytest.mark.parametrize("how", ["alone", "fused"])
def test_a_heir_that_learns_nothing_has_its_parents_value_and_steps_of_its_own(
    how, tmp_path, parent
):
    runs, ends = heirs(tmp_path / "heirs", parent, [{"lr": 0.0}, {"lr": 0.1}]), Ends()
    if how == "alone":
        loop.train_trial(Averaged(), runs[0])
    else:
        group.train_group(Averaged(), runs, SHAPE, ends)
    before, after = Trained.read(parent), Trained.read(runs[0].folder.path)
    assert list(after.metrics) == ["4.mse", "8.mse"]
    for step in (4, 8):
        assert after.metrics[f"{step}.mse"] == pytest.approx(before.metrics["12.mse"], rel=1e-6)
    weight = "nets.net.0.weight"
    assert torch.equal(after.state[weight], before.state[weight])
    # The average begins with the weights, not where the parent's was.
    assert torch.equal(after.state["nets.net_average.0.weight"], before.state[weight])
    assert after.state["optimizers.net.state.0.step"] == 4
    assert after.state["step"] == 8


@pytest.mark.parametrize("settings", [{"width": 4}, {"width": 9}, {"depth": 2}])
def test_a_heir_of_another_shape_has_the_corner_and_is_fresh_elsewhere(settings, tmp_path, parent):
    run, *_ = heirs(tmp_path / "heirs", parent, [settings])
    run.add_defaults(Averaged.defaults)
    nets = initial_nets(Averaged(), run)
    with randomness.initial_weights(run.seed):
        fresh = Averaged().build(run.hp)
    old = torch.load(parent / "checkpoint.pt", weights_only=True)["nets"]
    for name, net in nets.items():
        for key, tensor in net.state_dict().items():
            like = old[name].get(key, tensor)
            shape = [min(a, b) for a, b in zip(tensor.shape, like.shape, strict=True)]
            corner = tuple(slice(0, size) for size in shape)
            inherited = torch.zeros_like(tensor, dtype=torch.bool)
            if key in old[name]:
                inherited[corner] = True
                assert torch.equal(tensor[corner], old[name][key][corner])
            assert torch.equal(tensor[~inherited], fresh[name].state_dict()[key][~inherited])


def test_a_heir_has_the_same_numbers_alone_and_fused(tmp_path, parent):
    settings = [{"lr": 0.05, "width": 5}, {"lr": 0.01}, {"lr": 0.02, "width": 3}]
    exact, ends = in_doubles(Averaged), Ends()
    fused = heirs(tmp_path / "fused", parent, settings)
    group.train_group(exact(), fused, SHAPE, ends)
    assert list(ends.values()) == [None] * 3
    for k, run in enumerate(heirs(tmp_path / "alone", parent, settings)):
        loop.train_trial(exact(), run)
        together, alone = (Trained.read(r.folder.path) for r in (fused[k], run))
        assert distance(together.state, alone.state)[0] < 1e-12
        assert distance(together.metrics, alone.metrics)[0] < 1e-12


@pytest.mark.parametrize("how", ["alone", "fused"])
def test_a_heir_that_is_stopped_goes_on_from_its_own_checkpoint(how, tmp_path, parent):
    def train(folder, budget):
        run, *_ = heirs(folder, parent, [{"lr": 0.05}], budget)
        if how == "alone":
            loop.train_trial(Averaged(), run)
        else:
            group.train_group(Averaged(), [run], SHAPE, Ends())
        return Trained.read(run.folder.path)

    straight = train(tmp_path / "straight", 8)
    train(tmp_path / "parts", 4)
    assert difference(straight, train(tmp_path / "parts", 8)) is None


def test_weights_that_are_gone_are_named(tmp_path, parent):
    run, *_ = heirs(tmp_path / "heirs", parent, [{}])
    run.folder.inherited.unlink()
    with pytest.raises(RunFolderError) as raised:
        loop.train_trial(Averaged(), run)
    assert str(raised.value) == (
        f"{run.folder.inherited}: missing; it is the checkpoint of trial 3, from whose weights "
        "this one starts"
    )
