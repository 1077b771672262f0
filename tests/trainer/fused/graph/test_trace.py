"""What a recording holds, and what it refuses to hold."""

import random

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from traced import numbers, program_of, replayed, traced

from hpsearch.errors import TrainerError, UnfusableError
from hpsearch.trainer.fused.graph.effects import op_name
from hpsearch.trainer.fused.graph.trace import Slot, slots_in, substitute

TABLE = numbers(7, seed=9)


@pytest.mark.parametrize(
    ("draw", "operation"),
    [
        (lambda x: x + torch.rand(7), "aten::rand"),
        (lambda x: x + torch.randn_like(x), "aten::randn_like"),
        (lambda x: F.dropout(x, 0.3), "aten::bernoulli_"),
        (lambda x: x.sigmoid().bernoulli(), "aten::bernoulli"),
        (
            lambda x: F.scaled_dot_product_attention(*[x.view(1, 1, 7, 1)] * 3, dropout_p=0.1),
            "aten::",
        ),
    ],
)
def test_an_operation_that_draws_is_named(draw, operation):
    with pytest.raises(TrainerError) as raised:
        traced(draw, numbers(7))
    assert str(raised.value).startswith(operation)
    assert "draws random numbers" in str(raised.value)


@pytest.mark.parametrize("draw", [np.random.random, random.random])
def test_a_draw_from_elsewhere_is_refused(draw):
    with pytest.raises(TrainerError, match=r"drawn from `random` or NumPy"):
        traced(lambda x: x + draw(), numbers(7))


def test_attention_that_drops_nothing_draws_nothing():
    x = numbers(2, 3, 6, 5)
    [found] = replayed(lambda x: F.scaled_dot_product_attention(x, x, x), x)
    assert torch.equal(found, F.scaled_dot_product_attention(x, x, x))


@pytest.mark.parametrize(
    ("ask", "operation"),
    [
        (lambda x: x * x.sum().item(), "aten::_local_scalar_dense"),
        (lambda x: x * 2 if x[0] > 0 else x, "aten::_local_scalar_dense"),
        (lambda x: x * float(x[0]), "aten::_local_scalar_dense"),
        (lambda x: x[x > 0].sum(), "aten::index"),
        (lambda x: x.nonzero().sum(), "aten::nonzero"),
        (lambda x: x.masked_select(x > 0).sum(), "aten::masked_select"),
        (lambda x: x.round().unique().sum(), "aten::_unique2"),
        (lambda x: x * float(x.detach().numpy().mean()), "Tensor.numpy"),
        (lambda x: x * float(np.asarray(x[1:]).mean()), "Tensor.__array__"),
        (lambda x: x * (x + 1).tolist()[0], "Tensor.tolist"),
    ],
)
def test_what_lets_numbers_decide_is_named(ask, operation):
    with pytest.raises(UnfusableError) as raised:
        traced(ask, numbers(7))
    assert str(raised.value).startswith(operation)


def test_numbers_that_are_no_part_of_the_recording_may_be_read():
    [found] = replayed(lambda x: x * TABLE.tolist()[0], numbers(7))
    assert torch.equal(found, numbers(7) * TABLE[0])


def test_an_index_that_is_a_tensor_of_positions_is_recorded():
    x, at = numbers(7), torch.tensor([3, 1, 1])
    run = program_of(lambda x, at: x[at], x, at).bind([x, at])
    at.copy_(torch.tensor([0, 6, 2]))
    assert torch.equal(run()[0], x[[0, 6, 2]])


def test_a_tensor_from_elsewhere_is_a_constant():
    trace = traced(lambda x: x + TABLE, numbers(7))
    [constant] = trace.constants
    assert trace.value(constant) is TABLE
    assert [op_name(call) for call in trace.calls] == ["aten::add"]
    assert trace.calls[0].inputs == [*trace.inputs, constant]


def test_an_output_that_no_operation_made_is_a_constant():
    assert torch.equal(replayed(lambda x: TABLE, numbers(7))[0], TABLE)


def test_an_operation_of_several_results_may_leave_some_out():
    def gradient(x, g):
        return torch.ops.aten.native_layer_norm_backward(
            g, x, [5], x.mean(-1, True), x.var(-1, keepdim=True), None, None, [True, False, False]
        )[0]

    x, g = numbers(7, 5), numbers(7, 5, seed=1)
    [call] = [c for c in traced(gradient, x, g).calls if "layer_norm" in op_name(c)]
    assert [slot is None for slot in call.results] == [False, True, True]
    assert not call.is_single
    assert torch.equal(replayed(gradient, x, g)[0], gradient(x, g))


def test_slots_are_found_and_renamed_in_nests():
    a, b, c = (Slot(i) for i in range(3))
    nest = (a, [b, 2.0, (a, "x")], None)
    assert slots_in(nest) == [a, b, a]
    assert substitute(nest, {a: c}) == (c, [b, 2.0, (c, "x")], None)
