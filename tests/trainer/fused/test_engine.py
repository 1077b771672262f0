"""A stack moves just the members that it is asked to move, and gives each what is its own."""

import pytest
import torch
from group_toys import SETTINGS, SHAPE, Fragile, runs_of

from hpsearch.method.structure import Shape
from hpsearch.trainer.fused.engine import Engine
from hpsearch.trainer.fused.member import Member
from hpsearch.trainer.trainer import Optimizer


def engine_of(folder, count, trainer=Fragile, shape=SHAPE):
    instance = trainer()
    runs = runs_of(folder, SETTINGS[:count], [20] * count)
    return Engine(instance, [Member(instance, run) for run in runs], shape)


def rows_of(engine):
    tensors = {name: stack.rows for name, stack in engine.tensors.stacks.items()}
    buffers = {
        f"{n}.{b}": t for n, s in engine.tensors.stacks.items() for b, t in s.buffers.items()
    }
    return {name: tensor.clone() for name, tensor in {**tensors, **buffers}.items()}


@pytest.mark.parametrize("moving", [[0], [1, 3], [0, 1, 2, 3]])
def test_only_the_rows_of_the_phase_and_of_those_that_move_are_changed(moving, tmp_path):
    engine = engine_of(tmp_path, 4)
    before = rows_of(engine)
    assert engine.step("critic", moving) == []
    still = [k for k in range(4) if k not in moving]
    after = rows_of(engine)
    for name in before:
        assert torch.equal(before[name][still], after[name][still]), name
    assert torch.equal(before["actor"], after["actor"])
    for name in ("critic", "actor.1.running_mean", "actor.1.num_batches_tracked"):
        for k in moving:
            assert not torch.equal(before[name][k], after[name][k]), name


def test_a_recording_itself_changes_nothing(tmp_path):
    engine = engine_of(tmp_path, 3)
    before = rows_of(engine)
    engine.step("actor", [])
    after = rows_of(engine)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert after["actor.1.num_batches_tracked"].tolist() == [0, 0, 0]


def test_a_lone_member_has_a_double_that_is_no_member(tmp_path):
    engine = engine_of(tmp_path, 1)
    assert len(engine.tensors.stacks["critic"].rows) == 2
    assert len(engine.members) == 1
    assert len(engine.outputs()) == 1
    engine.step("critic", [0])
    state = engine.checkpoint(0)
    assert state["nets"]["critic"]["weight"].shape == (1, 4)


def test_losses_that_are_not_finite_are_told_of_those_that_move(tmp_path):
    class Breaks(Fragile):
        def loss(self, phase, nets, batch, hp):
            return torch.where(hp.lr > 0.015, float("inf"), super().loss(phase, nets, batch, hp))

    engine = engine_of(tmp_path, 4, Breaks)  # with rates of 0.01, 0.02, 0.005 and 0.03
    assert engine.step("critic", [0, 1, 2, 3]) == [(1, float("inf")), (3, float("inf"))]
    assert engine.step("critic", [2, 3]) == [(3, float("inf"))]
    assert engine.step("actor", [0, 2]) == []


def test_the_state_of_a_member_is_one_of_its_own(tmp_path):
    engine = engine_of(tmp_path, 2)
    state = engine.checkpoint(0)
    before = {name: tensor.clone() for name, tensor in state["nets"]["critic"].items()}
    engine.step("critic", [0, 1])
    assert all(torch.equal(before[name], state["nets"]["critic"][name]) for name in before)
    assert not torch.equal(engine.checkpoint(0)["nets"]["critic"]["weight"], before["weight"])


def test_a_parameter_that_the_loss_does_not_read_only_decays(tmp_path):
    class Idle(Fragile):
        def build(self, hp):
            nets = super().build(hp)
            nets["critic"].idle = torch.nn.Parameter(torch.ones(3))
            return nets

        def optimizer(self, phase, hp):
            return Optimizer("sgd", lr=hp.lr, weight_decay=0.5)

    engine = engine_of(tmp_path, 2, Idle, Shape({}, {"lr": None, "n_critic": None}))
    for _ in range(2):
        engine.step("critic", [0, 1])
    for k, rate in enumerate((0.01, 0.02)):
        idle = engine.members[k].nets["critic"].idle
        assert torch.allclose(idle, torch.full((3,), (1 - 0.5 * rate) ** 2))
