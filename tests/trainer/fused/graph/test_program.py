"""A program does again what was recorded, on the numbers that stand there now."""

import torch
from torch.nn import functional as F
from traced import Dispatched, numbers, program_of


def test_a_replay_reads_the_numbers_that_stand_there_now():
    x, weight = numbers(7, 5), numbers(3, 5, seed=1)

    def function(x, weight):
        y = F.softplus(F.linear(x, weight))
        return y.sum(), *y.sort(0)

    run = program_of(function, x, weight).bind([x, weight])
    for seed in range(2, 5):
        x.copy_(numbers(7, 5, seed=seed))
        for found, expected in zip(run(), function(x, weight), strict=True):
            assert torch.equal(found, expected)


def test_a_program_serves_other_tensors_than_those_of_its_recording():
    x, other = numbers(7, 5), numbers(7, 5, seed=1)
    program = program_of(lambda x: x.T.exp(), x)
    first, second = program.bind([x]), program.bind([other])
    assert torch.equal(second()[0], other.T.exp())
    assert torch.equal(first()[0], x.T.exp())


def test_what_depends_only_on_what_is_fixed_is_done_once():
    x, rate = numbers(7, 5), numbers(7, seed=1)

    def function(x, rate):
        factor = rate.sigmoid() * torch.linspace(0, 1, 7)
        return x.T * factor

    run = program_of(function, x, rate, fixed=[1]).bind([x, rate])
    with Dispatched() as dispatched:
        [found] = run()
    assert dispatched.names == ["aten::mul.Tensor"]
    assert torch.equal(found, function(x, rate))


def test_what_is_not_fixed_is_done_every_time():
    x, rate = numbers(7, 5), numbers(7, seed=1)
    run = program_of(lambda x, rate: x.T * rate.exp(), x, rate).bind([x, rate])
    with Dispatched() as dispatched:
        run()
    assert dispatched.names == ["aten::exp", "aten::mul.Tensor"]


def test_a_fixed_tensor_that_is_written_to_is_not_fixed():
    x, count = numbers(7), torch.zeros(())

    def function(x, count):
        count.add_(1)
        return x * count.exp()

    run = program_of(function, x, count, fixed=[1]).bind([x, count])
    assert [torch.equal(run()[0], x * torch.tensor(n).exp()) for n in (1.0, 2.0, 3.0)] == [True] * 3


def test_a_tensor_that_is_made_and_filled_is_made_anew_every_time():
    x = numbers(7)

    def function(x):
        place = torch.zeros(7)
        place.add_(x)
        return place

    run = program_of(function, x).bind([x])
    first, second = run()[0], run()[0]
    assert torch.equal(first, x)
    assert torch.equal(second, x)
    assert first is not second


def test_the_bytes_that_live_at_once_are_counted():
    x = torch.ones(1000)
    chain = program_of(lambda x: x.exp().sin().cos().tanh(), x)
    kept = program_of(lambda x: (y := x.exp()).sin().cos().tanh() + y, x)
    views = program_of(lambda x: x.exp().view(10, 100).T.sum(0), x)
    assert chain.peak_bytes == 2 * 4000
    assert kept.peak_bytes == 3 * 4000
    assert views.peak_bytes == 4000 + 40


def test_a_graph_gives_what_a_replay_gives():
    x, weight, scale = numbers(7, 13), numbers(3, 13, seed=1), torch.tensor([1.0, 2.0, 0.5])

    def function(x, weight):
        y = F.gelu(F.layer_norm(x, (13,))) @ weight.T
        values, places = y.sort(0)
        return values.cumsum(0) * scale, torch.cat([y, values], -1), places

    program = program_of(function, x, weight)
    expected = program.bind([x, weight])()
    found = program.graph()(x, weight)
    assert isinstance(found, tuple)
    for a, b in zip(found, expected, strict=True):
        assert torch.equal(a, b)


def test_numbers_that_python_writes_in_other_ways_are_kept():
    x = numbers(7)
    minus_infinity = float("-inf")
    run = program_of(lambda x: torch.where(x > 0, x, minus_infinity).clamp(max=1e-30), x).bind([x])
    assert torch.equal(run()[0], torch.where(x > 0, 1e-30, minus_infinity).clamp(max=x * 0 + 1e-30))
