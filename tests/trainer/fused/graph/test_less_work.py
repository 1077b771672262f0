"""Passes that leave work out: zeros, transposed copies, sums beside products, narrow softmaxes."""

import torch
from torch.nn import functional as F
from traced import replayed, traced

from hpsearch.trainer.fused.graph.bindings import flush_denormals
from hpsearch.trainer.fused.graph.effects import op_name
from hpsearch.trainer.fused.graph.passes import optimize

MEMBERS, BATCH, WIDTH = 3, 8, 16


def numbers(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


def names(function, *inputs, members=MEMBERS):
    return [op_name(call) for call in optimize(traced(function, *inputs), members).calls]


def penalty(x, *layers):
    """A discriminator's gradient penalty, and its gradients in the order of the rows."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        learning = [layer.detach().requires_grad_() for layer in layers]
        logits = x
        for layer in learning[:-1]:
            logits = F.leaky_relu(torch.bmm(logits, layer), 0.2)
        logits = torch.bmm(logits, learning[-1])
        [slope] = torch.autograd.grad(logits.sum(), x, create_graph=True)
        loss = (slope**2).sum()
        found = torch.autograd.grad(loss, learning)
    return [gradient.detach().reshape(MEMBERS, -1) for gradient in found]


def test_a_gradient_penalty_without_its_zeros_is_what_autograd_says():
    square = MEMBERS, WIDTH, WIDTH
    inputs = numbers(MEMBERS, BATCH, WIDTH), numbers(*square), numbers(*square), numbers(*square)
    expected = penalty(*inputs)
    for found, wanted in zip(replayed(penalty, *inputs, members=MEMBERS), expected, strict=True):
        assert torch.allclose(found, wanted, rtol=1e-12, atol=1e-10)
    recorded = [op_name(call) for call in traced(penalty, *inputs).calls]
    assert "aten::zeros_like" in recorded
    done = names(penalty, *inputs)
    assert "aten::zeros_like" not in done
    assert sum("bmm" in name for name in done) <= sum("bmm" in name for name in recorded) - 3


def test_zero_times_what_the_inputs_say_is_zero_and_its_sums_are_the_other_term():
    def function(x, y):
        zero = torch.zeros_like(x)
        return torch.bmm(zero, y) + x, (zero * y).transpose(1, 2).sum(1), zero + 1

    x, y = numbers(MEMBERS, 4, 4), numbers(MEMBERS, 4, 4)
    total, sums, ones = replayed(function, x, y, members=MEMBERS)
    assert torch.equal(total, x)
    assert torch.equal(sums, torch.zeros(MEMBERS, 4, dtype=x.dtype))
    assert torch.equal(ones, torch.ones_like(x))
    assert "aten::bmm" not in names(function, x, y)


def test_zeros_that_are_written_to_are_no_zeros():
    def function(x):
        place = torch.zeros_like(x)
        place.add_(x)
        return place * 2

    x = numbers(MEMBERS, 4)
    assert torch.equal(replayed(function, x, members=MEMBERS)[0], x * 2)


def test_a_transposed_sum_of_products_is_computed_without_a_copy():
    def function(a, b, c):
        straight, across = torch.bmm(c.transpose(1, 2), a), torch.bmm(a.transpose(1, 2), b)
        return (across.transpose(1, 2) + straight).transpose(1, 2).reshape(MEMBERS, -1)

    a, b, c = (numbers(MEMBERS, BATCH, WIDTH) for _ in range(3))
    done = names(function, a, b, c)
    assert "aten::clone" not in done and "aten::add" not in done
    assert done.count("aten::baddbmm") == 1
    [found] = replayed(function, a, b, c, members=MEMBERS)
    assert torch.allclose(found, function(a, b, c), rtol=1e-12, atol=1e-12)


def test_a_product_that_somebody_else_reads_stays_as_it_is():
    def function(a, b):
        product = torch.bmm(a, b)
        return product + b, product.transpose(1, 2).clone(memory_format=torch.contiguous_format)

    a, b = numbers(MEMBERS, WIDTH, WIDTH), numbers(MEMBERS, WIDTH, WIDTH)
    done = names(function, a, b)
    assert done.count("aten::bmm") == 1
    for found, wanted in zip(
        replayed(function, a, b, members=MEMBERS), function(a, b), strict=True
    ):
        assert torch.equal(found, wanted)


def test_a_softmax_over_ten_classes_and_its_gradient_are_torchs():
    def function(x):
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            y = F.log_softmax(x, -1)
            [gradient] = torch.autograd.grad((y * y).sum(), x)
        return y.detach(), gradient

    for classes in (2, 10, 15, 16):
        x = 30 * numbers(MEMBERS, BATCH, classes)
        for found, wanted in zip(replayed(function, x, members=MEMBERS), function(x), strict=True):
            assert torch.allclose(found, wanted, rtol=1e-12, atol=1e-12), classes
    assert torch.equal(
        replayed(function, torch.full((MEMBERS, 4, 10), 1e30), members=MEMBERS)[0],
        F.log_softmax(torch.zeros(MEMBERS, 4, 10), -1),
    )


def test_numbers_too_small_for_a_fast_processor_are_zero_inside_the_block_only():
    tiny = torch.tensor([1e-30])
    with flush_denormals():
        assert float((tiny * 1e-10).abs()) == 0
    assert float((tiny * torch.tensor([1e-10])).abs()) > 0
