"""StackedOptimizer optimizers: torch.optim's numbers, whoever shares the group."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hpsearch.trainer.fused.optim.optimizers import StackedOptimizer, build_optimizer, set_rate
from hpsearch.trainer.schedule import Schedule
from hpsearch.trainer.trainer import Optimizer

torch.set_num_threads(1)

COSINE = Schedule("cosine", 80, warmup=10, final=0.1)
OPTIMIZERS = {
    "sgd": Optimizer("sgd", 0.1),
    "sgd-decay": Optimizer("sgd", 0.1, weight_decay=0.01, schedule=Schedule("linear", 60)),
    "sgd-momentum": Optimizer("sgd", 0.1, momentum=0.9, schedule=COSINE),
    "sgd-nesterov": Optimizer("sgd", 0.1, momentum=0.8, nesterov=True, weight_decay=0.05),
    "sgd-nesterov-without-momentum": Optimizer("sgd", 0.1, nesterov=True),
    "adam": Optimizer("adam", 0.01),
    "adam-all": Optimizer("adam", 0.1, (0.0, 0.9), weight_decay=0.1, eps=1e-3, schedule=COSINE),
    "adamw": Optimizer("adamw", 0.02, (0.5, 0.99)),
    "adamw-all": Optimizer(
        "adamw", 0.1, weight_decay=0.2, eps=1e-2, schedule=Schedule("exponential", 90, final=0.1)
    ),
    "rmsprop": Optimizer("rmsprop", 0.01),
    "rmsprop-decay": Optimizer("rmsprop", 0.02, alpha=0.9, eps=1e-4, weight_decay=0.1),
    "rmsprop-momentum": Optimizer("rmsprop", 0.01, momentum=0.9, alpha=0.0, schedule=COSINE),
    "rmsprop-all": Optimizer(
        "rmsprop",
        0.01,
        momentum=0.5,
        weight_decay=0.1,
        eps=0.1,
        schedule=Schedule("step", 70, final=0.01),
    ),
}
# Shuffled, so that the rows of a kind do not lie side by side.
MIXED = [list(OPTIMIZERS.values())[5 * k % len(OPTIMIZERS)] for k in range(len(OPTIMIZERS))]
SIZE = 37  # no multiple of a vector's length


def numbers(*shape: int, seed: int, dtype=torch.float64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


def stacked(optimizers, dtype=torch.float64, seed=1):
    parameters = numbers(len(optimizers), SIZE, seed=seed, dtype=dtype)
    return StackedOptimizer(optimizers, parameters), parameters


def updates_of(stack: StackedOptimizer) -> list[int]:
    return [int(count) for count in stack.counts.flatten()]


def by_step(stack, parameters, gradients):
    stack.step(gradients.clone(), range(len(parameters)))


def by_update(stack, parameters, gradients):
    stack.update(parameters, gradients, torch.ones(len(parameters), dtype=torch.bool))


def plainly(optimizer: Optimizer, parameter: nn.Parameter) -> torch.optim.Optimizer:
    """The formulas of torch one by one, none of its fused kernels."""
    built = build_optimizer(optimizer, [parameter])
    for group in built.param_groups:
        group["fused"], group["foreach"] = False, False
    return built


def in_turn(stack, parameters, gradients, turns):
    """Step the members of each turn with their own next gradient; gradients [steps, K, P]."""
    for members in turns:
        taken = [min(n, len(gradients) - 1) for n in updates_of(stack)]
        stack.step(torch.stack([gradients[n, k] for k, n in enumerate(taken)]), members)


def everything(stack, parameters, k):
    return [parameters[k].clone(), *(row.clone() for row in stack.state(k).values())]


def same(a, b) -> bool:
    return len(a) == len(b) and all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("way", [by_step, by_update])
@pytest.mark.parametrize("company", ["of its kind", "of every kind"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_row_has_the_numbers_of_torch_in_float64(name, company, way):
    optimizer = OPTIMIZERS[name]
    others = [o for o in MIXED if company == "of every kind" or o.kind == optimizer.kind]
    stack, parameters = stacked(others)
    k = others.index(optimizer)
    alone = nn.Parameter(parameters[k].clone())
    torchs = plainly(optimizer, alone)
    for n in range(100):
        gradients = numbers(*parameters.shape, seed=100 + n)
        way(stack, parameters, gradients)
        alone.grad = gradients[k].clone()
        set_rate(torchs, optimizer, n)
        torchs.step()
    torch.testing.assert_close(parameters[k], alone.detach(), rtol=1e-12, atol=1e-14)
    for key, value in stack.state(k).items():
        torch.testing.assert_close(value, torchs.state[alone][key], rtol=1e-12, atol=1e-14)
    assert updates_of(stack) == [100] * len(others)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_the_bits_of_a_row_depend_neither_on_its_company_nor_on_who_else_is_updated(data):
    optimizer = data.draw(st.sampled_from(list(OPTIMIZERS.values())))
    others = data.draw(st.lists(st.sampled_from(MIXED), max_size=6))
    k = data.draw(st.integers(0, len(others)))
    row = numbers(1, SIZE, seed=5, dtype=torch.float32)
    gradients = numbers(12, len(others) + 1, SIZE, seed=6, dtype=torch.float32)
    alone_at = row.clone()
    alone = StackedOptimizer([optimizer], alone_at)
    in_turn(alone, alone_at, gradients[:, k : k + 1], [[0]] * 12)

    optimizers = [*others[:k], optimizer, *others[k:]]
    stack, parameters = stacked(optimizers, torch.float32)
    parameters[k] = row[0]
    everyone = st.sets(st.integers(0, len(others)))
    for _ in range(12):
        before, along = data.draw(everyone) - {k}, data.draw(everyone) | {k}
        order = data.draw(st.permutations(sorted(along)))
        in_turn(stack, parameters, gradients, [sorted(before), order])
    assert same(everything(stack, parameters, k), everything(alone, alone_at, 0))


def test_rows_that_are_not_updated_keep_their_bits():
    stack, parameters = stacked(MIXED, torch.float32)
    gradients = numbers(*parameters.shape, seed=2, dtype=torch.float32)
    by_step(stack, parameters, gradients)
    before = [everything(stack, parameters, k) for k in range(len(MIXED))]
    stack.step(gradients.clone(), [1, 4, 8])
    commit = torch.zeros(len(MIXED), dtype=torch.bool)
    commit[[1, 5]] = True
    stack.update(parameters, gradients, commit)
    changed = [k for k, b in enumerate(before) if not same(b, everything(stack, parameters, k))]
    assert changed == [1, 4, 5, 8]
    assert [n - 1 for n in updates_of(stack)] == [0, 2, 0, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("way", [by_step, by_update])
def test_a_row_that_is_not_finite_touches_no_other(way, value):
    (clean, at), (ill, ill_at) = stacked(MIXED, torch.float32), stacked(MIXED, torch.float32)
    for n in range(4):
        gradients = numbers(*at.shape, seed=n, dtype=torch.float32)
        way(clean, at, gradients)
        gradients[3::4] = value if n == 1 else gradients[3::4]
        way(ill, ill_at, gradients)
    healthy = [k for k in range(len(MIXED)) if k % 4 != 3]
    assert all(same(everything(clean, at, k), everything(ill, ill_at, k)) for k in healthy)
    assert not any(torch.isfinite(ill_at[k]).all() for k in (3, 7, 11))


def test_a_row_that_is_not_committed_is_not_touched_by_its_own_nan():
    stack, parameters = stacked(MIXED, torch.float32)
    before = [everything(stack, parameters, k) for k in range(len(MIXED))]
    commit = torch.arange(len(MIXED)) % 2 == 0
    gradients = numbers(*parameters.shape, seed=2, dtype=torch.float32)
    gradients[~commit] = float("nan")
    stack.update(parameters, gradients, commit)
    assert torch.isfinite(parameters).all()
    assert all(same(before[k], everything(stack, parameters, k)) for k in range(1, 13, 2))
    assert updates_of(stack) == commit.int().tolist()


def test_an_update_leaves_every_tensor_at_its_address():
    stack, parameters = stacked(MIXED)

    def addresses():
        rows = [row for k in range(len(MIXED)) for row in stack.state(k).values()]
        return [t.data_ptr() for t in (parameters, stack.counts, *rows)]

    before = addresses()
    by_update(stack, parameters, numbers(*parameters.shape, seed=2))
    assert addresses() == before


def test_gradients_of_any_strides_give_the_same_bits():
    (a, at), (b, bt) = stacked(MIXED, torch.float32), stacked(MIXED, torch.float32)
    gradients = numbers(*at.shape, seed=9, dtype=torch.float32)
    a.step(gradients.clone(), range(len(MIXED)))
    b.step(gradients.t().contiguous().t(), range(len(MIXED)))
    assert torch.equal(at, bt)


def test_compaction_goes_on_with_the_same_bits():
    (whole, at), (small, small_at) = stacked(MIXED, torch.float32), stacked(MIXED, torch.float32)
    for n in range(10):
        gradients = numbers(*at.shape, seed=n, dtype=torch.float32)
        by_step(whole, at, gradients)
        if n == 5:
            rows = [11, 2, 3, 8]
            small_at = small_at[rows].clone()
            saved = [small.to_torch(k, lambda row: [row]) for k in rows]
            small = StackedOptimizer([MIXED[k] for k in rows], small_at)
            for new, state in enumerate(saved):
                small.from_torch(new, state, 5, lambda row: [row])
        by_step(small, small_at, gradients if n < 5 else gradients[rows])
    assert updates_of(small) == [10] * 4
    for new, k in enumerate(rows):
        assert same(everything(small, small_at, new), everything(whole, at, k))


SHAPES = [(3, 5), (5,), (2, 3)]  # 26 of a row's 37 numbers; the rest is padding


def views(row):
    """The first parameter is stored transposed and padded to [6, 4], the others side by side."""
    return [row[:24].view(6, 4)[:5, :3].t(), row[24:29], row[29:35].view(2, 3)]


def alone(optimizer, dtype):
    parameters = [nn.Parameter(numbers(*shape, seed=3, dtype=dtype)) for shape in SHAPES]
    return build_optimizer(optimizer, parameters), parameters


def train_alone(optimizer, built, parameters, updates):
    for n in updates:
        for j, parameter in enumerate(parameters):
            parameter.grad = numbers(*parameter.shape, seed=10 * n + j, dtype=parameter.dtype)
        set_rate(built, optimizer, n)
        built.step()


def train_row(stack, k, updates, dtype):
    for n in updates:
        gradients = torch.zeros(len(stack.optimizers), SIZE, dtype=dtype)
        for j, view in enumerate(views(gradients[k])):
            view.copy_(numbers(*view.shape, seed=10 * n + j, dtype=dtype))
        stack.step(gradients, [k])


def assert_same_saved(a, b):
    assert a["param_groups"] == b["param_groups"]
    assert {i: list(entry) for i, entry in a["state"].items()} == {
        i: list(entry) for i, entry in b["state"].items()
    }
    for i, entry in a["state"].items():
        for key, value in entry.items():
            other = b["state"][i][key]
            assert torch.equal(value, other)
            assert (value.dtype, value.stride()) == (other.dtype, other.stride())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("updates", [0, 1, 7])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_state_dict_of_torch_comes_back_bit_for_bit(name, updates, dtype):
    optimizer = OPTIMIZERS[name]
    stack, _ = stacked(MIXED, dtype)
    k = MIXED.index(optimizer)
    built, values = alone(optimizer, dtype)
    train_alone(optimizer, built, values, range(updates))
    train_row(stack, k, range(3), dtype)  # what a row had before is gone
    stack.from_torch(k, built.state_dict(), updates, views)
    assert updates_of(stack)[k] == updates
    saved = stack.to_torch(k, views)
    assert_same_saved(built.state_dict(), saved)

    other, others = alone(optimizer, dtype)
    for value, new in zip(values, others, strict=True):
        new.data.copy_(value.data)
    other.load_state_dict(saved)
    for b, v in ((built, values), (other, others)):
        train_alone(optimizer, b, v, range(updates, updates + 5))
    assert_same_saved(built.state_dict(), other.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(values, others, strict=True))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_trial_goes_from_alone_to_a_group_and_back(name):
    optimizer = OPTIMIZERS[name]
    built, values = alone(optimizer, torch.float64)
    train_alone(optimizer, built, values, range(6))
    stack, parameters = stacked(MIXED)
    k = MIXED.index(optimizer)
    parameters[k] = 0
    for view, value in zip(views(parameters[k]), values, strict=True):
        view.copy_(value.detach())
    stack.from_torch(k, built.state_dict(), 6, views)
    train_row(stack, k, range(6, 12), torch.float64)
    train_alone(optimizer, built, values, range(6, 12))
    torch.testing.assert_close(stack.to_torch(k, views), built.state_dict(), rtol=1e-12, atol=1e-14)
    for view, value in zip(views(parameters[k]), values, strict=True):
        torch.testing.assert_close(view, value.detach(), rtol=1e-12, atol=1e-14)
        view.zero_()
    assert not parameters[k].any()  # the padding


def test_a_parameter_that_never_had_a_gradient_comes_without_a_state():
    built, values = alone(OPTIMIZERS["adam"], torch.float64)
    values[0].grad = torch.ones_like(values[0])
    built.step()
    stack, parameters = stacked([OPTIMIZERS["adam"]])
    by_step(stack, parameters, numbers(1, SIZE, seed=4))
    stack.from_torch(0, built.state_dict(), 1, views)
    first, *others = views(stack.state(0)["exp_avg"])
    torch.testing.assert_close(first, torch.full_like(first, 0.1))
    assert not any(view.any() for view in others)
