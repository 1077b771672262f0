"""Operations that vmap does for all members at once do for each what they would do for it alone."""

import pytest
import torch
from torch.func import vmap
from torch.nn import functional as F
from traced import Dispatched, numbers, traced

from hpsearch.trainer.fused.graph.passes import optimize
from hpsearch.trainer.fused.graph.per_member_ops import (
    mask_padding_gradients,
    pad_channels,
    split_transforms,
)
from hpsearch.trainer.fused.graph.program import Program


def run(mended, function, *inputs):
    """What a program gives to whose trace `mended` was done before the usual passes."""
    members = len(inputs[0])
    trace = optimize(mended(traced(function, *inputs), members), members)
    return Program(trace, frozenset()).bind(inputs)()


def normalised(is_training):
    """What a batch norm gives, and its gradients; its running mean and variance move."""

    def of_one(x, weight, bias, mean, var, g):
        # Behind a ReLU the gradient lies as the norm's result does: only then it is vectorised.
        y = F.relu(F.batch_norm(x, mean, var, weight, bias, is_training))
        return (y * g).sum() + F.linear(y, g[:1]).sum()

    def function(x, weight, bias, mean, var, g):
        learning = [tensor.detach().requires_grad_() for tensor in (x, weight, bias)]
        losses = vmap(of_one)(*learning, mean, var, g)
        return losses.detach(), *torch.autograd.grad(losses.sum(), learning)

    return function


def members_of_a_batch_norm(members, place):
    shapes = [(33, 13), (13,), (13,), (13,), (13,), (33, 13)]
    stacks = [numbers(members, *shape, seed=members + i) for i, shape in enumerate(shapes)]
    for i, (stack, shape) in enumerate(zip(stacks, shapes, strict=True)):
        stack[place] = numbers(*shape, seed=1000 + i)
    stacks[4].abs_()
    return stacks


@pytest.mark.parametrize("is_training", [True, False])
def test_a_batch_norm_has_the_same_bits_at_every_place_of_every_company(is_training):
    reference = None
    for members in (2, 3, 5, 25):
        for place in (0, members // 2, members - 1):
            stacks = members_of_a_batch_norm(members, place)
            found = run(pad_channels, normalised(is_training), *stacks)
            own = [tensor[place] for tensor in (*found, *stacks[3:5])]
            reference = reference or own
            for a, b in zip(own, reference, strict=True):
                assert torch.equal(a, b), (members, place)


@pytest.mark.parametrize("is_training", [True, False])
def test_a_batch_norm_has_nearly_the_numbers_of_torchs(is_training):
    mended, plain = (members_of_a_batch_norm(3, 1) for _ in range(2))
    found = run(pad_channels, normalised(is_training), *mended)
    expected = normalised(is_training)(*plain)
    for a, b in zip((*found, *mended), (*expected, *plain), strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-3)
    moves = not torch.equal(mended[3], members_of_a_batch_norm(3, 1)[3])
    assert moves == is_training


def test_a_batch_norm_of_whole_registers_is_left_alone():
    stacks = [numbers(2, 5, 64), numbers(2, 64), numbers(2, 64), *numbers(2, 2, 64).abs()]
    function = normalised(True)
    trace = traced(function, *stacks, numbers(2, 5, 64))
    assert pad_channels(trace, 2) == trace


@pytest.mark.parametrize("padding", [0, 4, -1])
def test_the_padding_word_of_each_member_has_no_gradient(padding):
    tables, words = numbers(3, 11, 5), torch.arange(12).view(3, 4).remainder(5)
    padding_idx = None if padding < 0 else padding

    def gradient(tables, words):
        leaf = tables.detach().requires_grad_()
        looked = vmap(lambda w, t: F.embedding(w, t, padding_idx))(words, leaf)
        return torch.autograd.grad(looked.square().sum(), [leaf])

    [found] = run(mask_padding_gradients, gradient, tables, words)
    for k in range(3):
        leaf = tables[k].clone().requires_grad_()
        alone = F.embedding(words[k], leaf, padding_idx).square().sum()
        assert torch.equal(found[k], torch.autograd.grad(alone, [leaf])[0])


def test_fourier_transforms_are_those_of_each_member():
    x = numbers(5, 7, 3)
    [found] = run(split_transforms, lambda x: torch.fft.rfft(x, dim=1), x)
    assert torch.equal(found, torch.cat([torch.fft.rfft(each, dim=1) for each in x.split(1)]))
    trace = split_transforms(traced(lambda x: torch.fft.rfft(x, dim=1), x), 5)
    replay = Program(trace, frozenset()).bind([x])
    with Dispatched() as dispatched:
        replay()
    assert dispatched.names.count("aten::_fft_r2c") == 5
