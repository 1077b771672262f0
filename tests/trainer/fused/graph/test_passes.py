"""What is done to a trace changes none of its numbers, and makes a member's its own."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from traced import Dispatched, numbers, program_of, replayed, traced

from hpsearch.trainer.fused.graph import batch_invariance as company
from hpsearch.trainer.fused.graph import passes
from hpsearch.trainer.fused.graph.effects import op_name

_aten = torch.ops.aten
X, Y, Z = (numbers(4096, seed=i, dtype=torch.float64) for i in range(3))
MASK = Y > 0
POSITIVE = {"log", "log1p", "sqrt", "rsqrt"}
OPERANDS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(
        ("add", "sub", "mul", "div", "maximum", "minimum", "rsub", "copy", "logical_and"), (X, Y)
    ),
    **dict.fromkeys(("eq", "ge", "gt", "le", "lt", "ne", "logical_or"), (X.round(), Y.round())),
    "addcdiv": (X, Y, Z),
    "addcmul": (X, Y, Z),
    "bitwise_and": (MASK, X > 0),
    "bitwise_not": (MASK,),
    "bitwise_or": (MASK, X > 0),
    "clamp": (X, -0.5, 0.7),
    "clamp_max": (X, 0.7),
    "clamp_min": (X, -0.5),
    "fill": (X, 0.3),
    "full_like": (X, 0.3),
    "hardtanh_backward": (Y, X, -1.0, 1.0),
    "leaky_relu": (X, 0.2),
    "leaky_relu_backward": (Y, X, 0.2, False),
    "lerp": (X, Y, Z),
    "masked_fill": (X, MASK, 0.3),
    "tanh_backward": (Y, X.tanh()),
    "threshold": (X, 0.1, 0.3),
    "threshold_backward": (Y, X, 0.1),
    "where": (MASK, X, Y),
}


def as_bits(tensor: Tensor) -> Tensor:
    """A NaN is the same as itself."""
    tensor = tensor.contiguous()
    return tensor if tensor.dtype == torch.bool else tensor.view(torch.uint8)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", sorted(company._POSITION_FREE))
def test_an_operation_that_is_left_alone_has_the_same_bits_wherever_an_element_stands(name, dtype):
    operation = getattr(_aten, name)
    operands = OPERANDS.get(name, (X.abs() + 1e-3 if name in POSITIVE else X,))
    operands = tuple(
        o.to(dtype) if isinstance(o, Tensor) and o.is_floating_point() else o for o in operands
    )
    whole = operation(*operands)
    for length in (1, 5, 16, 17, 31, 33):
        pieces = [
            operation(*(o[i : i + length] if isinstance(o, Tensor) else o for o in operands))
            for i in range(0, 4096 if length > 1 else 512, length)
        ]
        found = torch.cat(pieces)
        assert torch.equal(as_bits(found), as_bits(whole[: len(found)])), length


DEPENDENT = {
    "sigmoid": torch.sigmoid,
    "softplus": F.softplus,
    "gelu": F.gelu,
    "silu": F.silu,
    "elu": F.elu,
    "selu": F.selu,
    "celu": F.celu,
    "mish": F.mish,
    "hardswish": F.hardswish,
    "hardsigmoid": F.hardsigmoid,
    "log sigmoid": F.logsigmoid,
    "to the power of 1.5": lambda x: x.abs().pow(1.5),
    "to a power": lambda x: (x.abs() + 0.1).pow(x),
    "huber": lambda x: F.huber_loss(x, x.flip(-1), reduction="none", delta=0.3),
    "smooth l1": lambda x: F.smooth_l1_loss(x, x.flip(-1), reduction="none"),
    "arc tangent": lambda x: torch.atan2(x, x.flip(-1)),
    "hyperbolic": lambda x: torch.cosh(x.tanh()) + torch.sinh(x.tanh()),
    "log of a sum": lambda x: torch.logaddexp(x, x.flip(-1)),
    "complex": lambda x: torch.complex(x, x.flip(-1)).abs(),
    "silu in place": lambda x: F.silu(x * 2, inplace=True),
    "sigmoid in place": lambda x: (x * 2).sigmoid_(),
    "mish in place": lambda x: F.mish(x * 2, inplace=True),
    "power in place": lambda x: (x.abs() + 1).pow_(1.5),
}


@pytest.mark.parametrize("name", DEPENDENT)
def test_other_operations_and_their_gradients_have_them_after_their_tails_are_made_even(name):
    def forward_and_back(x):
        leaf = x.detach().requires_grad_()
        y = DEPENDENT[name](leaf)
        return y.detach(), *torch.autograd.grad((y * y.detach().cos()).sum(), [leaf])

    mine, reference = numbers(7, 13), None
    for members in (2, 3, 7, 25):
        for place in (0, members // 2, members - 1):
            stack = numbers(members, 7, 13, seed=members)
            stack[place] = mine
            found = [t[place] for t in replayed(forward_and_back, stack, members=members)]
            reference = reference or found
            for a, b in zip(found, reference, strict=True):
                assert torch.equal(a, b), (members, place)
    assert torch.allclose(reference[0], DEPENDENT[name](mine.clone()), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("has_bias", [True, False])
def test_a_product_with_a_matrix_that_all_share_is_one_for_each_member(is_first, has_bias):
    table = numbers(33, 29, seed=5)

    def product(stack):
        if is_first:  # [members * 7, 33] by [33, 29]
            flat = stack.reshape(-1, 33)
            found = torch.addmm(table[0], flat, table) if has_bias else flat @ table
            return found.view(len(stack), -1)
        flat = stack.reshape(-1, 33).T
        found = torch.addmm(table[:, :1].T[:, :1], table.T, flat) if has_bias else table.T @ flat
        return found.T.reshape(len(stack), -1)

    mine, reference = numbers(7, 33), None
    for members in (2, 3, 5, 25):
        stack = numbers(members, 7, 33, seed=members)
        stack[-1] = mine
        program = program_of(product, stack, members=members)
        assert not {"aten::mm", "aten::addmm"} & program.operations
        [found] = program.bind([stack])()
        reference = found[-1] if reference is None else reference
        assert torch.equal(found[-1], reference)
        assert torch.allclose(found, product(stack), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("reduce", [torch.sum, torch.mean, torch.nansum, torch.logsumexp])
def test_a_reduction_behind_a_batch_norm_does_not_know_how_many_columns_there_are(reduce):
    mine, reference = numbers(33, 13), None
    for members in (2, 3, 5, 25):
        for place in (0, members // 2, members - 1):
            rows = numbers(33, members, 13, seed=members)
            rows[:, place] = mine
            stack = rows.permute(1, 0, 2)
            assert stack.stride() == (13, 13 * members, 1)
            [found] = replayed(lambda x: reduce(x, dim=1), stack, members=members)
            reference = found[place] if reference is None else reference
            assert torch.equal(found[place], reference), (members, place)


def test_copies_are_left_out():
    program = program_of(lambda x: (x * 1).detach().reshape(7, 5).exp(), numbers(7, 5))
    assert program.operations == {"aten::exp"}


def test_a_copy_that_is_written_to_stays_one():
    x = numbers(7, 5)

    def function(x):
        copy = x * 1
        copy.add_(1)
        return x + copy

    before = x.clone()
    [found] = replayed(function, x)
    assert torch.equal(found, before + (before + 1))
    assert torch.equal(x, before)


def test_a_copy_stays_whose_view_its_source_cannot_be():
    x = numbers(5)
    [found] = replayed(lambda x: (x[:, None].expand(5, 3) * 1).view(15).exp(), x)
    assert torch.equal(found, x.repeat_interleave(3).exp())


def test_what_is_done_twice_is_done_once():
    x = numbers(7, 5)
    run = program_of(lambda x: x.exp() + x.exp() * x.sum(0, True), x).bind([x])
    with Dispatched() as dispatched:
        run()
    names = ("add.Tensor", "exp", "mul.Tensor", "sum.dim_IntList")
    assert sorted(dispatched.names) == [f"aten::{name}" for name in names]


def test_two_that_look_alike_stay_two_if_one_is_written_to():
    def function(x):
        first, second = x.exp(), x.exp()
        first.add_(1)
        return first, second

    x = numbers(7)
    first, second = replayed(function, x)
    assert torch.equal(first, x.exp() + 1)
    assert torch.equal(second, x.exp())


def test_two_looks_at_what_changes_between_them_stay_two():
    def function(x):
        before = x * 2
        x.add_(1)
        return before + x * 2

    x = numbers(7)
    expected = x * 2 + (x + 1) * 2
    assert torch.equal(replayed(function, x)[0], expected)


def test_a_batch_norm_that_is_called_twice_moves_its_running_mean_twice():
    x, mean, var = numbers(7, 13), torch.zeros(13), torch.ones(13)

    def function(x, mean, var):
        return F.batch_norm(x, mean, var, training=True) + F.batch_norm(x, mean, var, training=True)

    replayed(function, x, mean, var)
    assert torch.allclose(mean, x.mean(0) * (0.1 + 0.9 * 0.1))


def test_what_nobody_reads_is_left_out_and_what_writes_is_not():
    def function(x, buffer):
        x.exp()
        buffer.add_(1)
        return x.sin()

    x, buffer = numbers(7), torch.zeros(3)
    trace = passes.optimize(traced(function, x, buffer), None)
    assert [op_name(call) for call in trace.calls] == ["aten::add_", "aten::sin"]
    replayed(function, x, buffer)
    assert torch.equal(buffer, torch.ones(3))


def test_a_batch_norm_nobody_reads_still_moves_its_running_mean():
    x, mean, var = numbers(7, 13), torch.zeros(13), torch.ones(13)

    def function(x, mean, var):
        F.batch_norm(x, mean, var, training=True)
        return x.sin()

    replayed(function, x, mean, var)
    assert torch.allclose(mean, 0.1 * x.mean(0))
