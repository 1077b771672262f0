"""Networks of several widths in one tensor, each of which stays a network of its own."""

import math

import pytest
import torch
from torch import nn

from hpsearch.errors import TrainerError
from hpsearch.trainer.fused.stack import Stack, padded


def net(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width), nn.Linear(width, 2))


WIDTHS = (5, 2, 4)


@pytest.fixture
def stacked():
    members = [net(width) for width in WIDTHS]
    for k, member in enumerate(members):
        member[1].running_mean.fill_(k + 1)
    before = [{name: t.clone() for name, t in m.state_dict().items()} for m in members]
    return Stack(net(5), members, "cpu"), before


def test_every_member_keeps_its_own_numbers_in_its_own_shapes(stacked):
    stack, before = stacked
    for member, old in zip(stack.members, before, strict=True):
        state = member.state_dict()
        assert all(torch.equal(state[name], old[name]) for name in old)


def test_the_stack_has_a_members_numbers_in_the_corner_and_zeros_around_it(stacked):
    stack, before = stacked
    weight = stack.parameters["0.weight"]
    assert weight.shape == (3, 5, 3)
    for k, width in enumerate(WIDTHS):
        assert torch.equal(weight[k, :width], before[k]["0.weight"])
        assert not weight[k, width:].any()
    assert stack.buffers["1.running_mean"].tolist() == [[1] * 5, [2, 2, 0, 0, 0], [3] * 4 + [0]]


def test_a_members_network_follows_its_row(stacked):
    stack, before = stacked
    stack.rows[1] += 1
    stack.buffers["1.running_mean"][1] *= 2
    changed = stack.members[1].state_dict()
    assert torch.equal(changed["2.weight"], before[1]["2.weight"] + 1)
    assert changed["1.running_mean"].tolist() == [4, 4]
    for k in (0, 2):
        assert torch.equal(stack.members[k][2].weight, before[k]["2.weight"])


def test_every_parameter_begins_at_a_cache_line_and_matrices_lie_transposed(stacked):
    stack, _ = stacked
    assert [field.start for field in stack.fields] == [0, 16, 32, 48, 64, 80]
    assert stack.rows.shape == (3, 96)
    assert stack.parameters["0.weight"].stride() == (96, 1, 5)
    assert stack.parameters["0.weight"][0].T.is_contiguous()


def test_the_positions_of_a_member_are_those_of_its_own_network(stacked):
    stack, _ = stacked
    own = stack.own_positions()
    counts = [sum(p.numel() for p in member.parameters()) for member in stack.members]
    assert own.sum(1).tolist() == counts
    assert not stack.rows[~own].any()
    assert stack.is_padded
    stack.rows[own] = 7.0
    assert all(bool((p == 7).all()) for member in stack.members for p in member.parameters())


def test_members_that_are_all_as_wide_as_the_group_are_not_padded():
    assert not Stack(net(4), [net(4), net(4)], "cpu").is_padded


def test_a_row_of_an_optimizers_state_splits_as_the_parameters_do(stacked):
    stack, _ = stacked
    views = stack.views(1, torch.arange(96.0))
    assert [tuple(view.shape) for view in views] == [(2, 3), (2,), (2,), (2,), (2, 2), (2,)]
    assert views[0].tolist() == [[0, 5, 10], [1, 6, 11]]
    assert views[1].tolist() == [16, 17]


def test_a_network_of_doubles_makes_a_stack_of_doubles():
    stack = Stack(net(3).double(), [net(2).double()], "cpu")
    assert stack.rows.dtype == torch.float64


def test_a_tensor_that_fits_is_not_copied():
    tensor = torch.ones(2, 3)
    assert padded(tensor, (2, 3)) is tensor
    assert padded(tensor, (3, 3)).sum() == math.prod((2, 3))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (net(6), r"parameter 0.weight is \(6, 3\) in one trial of a group and \(5, 3\)"),
        (nn.Sequential(nn.Linear(3, 5)), "parameter 1.weight is None in one trial"),
        (nn.Sequential(*net(5), nn.Linear(2, 1)), "parameters 3.bias, 3.weight are not in every"),
        (nn.Sequential(nn.Bilinear(3, 3, 5), nn.BatchNorm1d(5), nn.Linear(5, 2)), "0.weight is"),
        (
            nn.Sequential(
                nn.Linear(3, 5), nn.BatchNorm1d(5, track_running_stats=False), nn.Linear(5, 2)
            ),
            "buffer 1.running_mean is None",
        ),
    ],
)
def test_networks_that_are_unlike_are_refused_by_name(other, message):
    with pytest.raises(TrainerError, match=message) as raised:
        Stack(net(5), [net(5), other], "cpu")
    assert str(raised.value).endswith("name the hyperparameter that decides this in structure")
