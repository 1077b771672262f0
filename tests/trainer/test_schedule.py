"""Schedules of the learning rate, and the range of what an optimizer may be given."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lone_toys import Toy, assert_same, result, start

from hpsearch.errors import TrainerError
from hpsearch.trainer import loop
from hpsearch.trainer.fused.optim.rates import Rates
from hpsearch.trainer.schedule import KINDS, Schedule
from hpsearch.trainer.steps import updates_before
from hpsearch.trainer.trainer import Optimizer


@st.composite
def schedules(draw) -> Schedule:
    warmup = draw(st.integers(0, 30))
    return Schedule(
        draw(st.sampled_from(KINDS)),
        warmup + draw(st.integers(1, 200)),
        warmup,
        draw(st.floats(1e-6, 1)),
        draw(st.integers(1, 9)),
    )


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        (Schedule("constant", 9), {0: 1, 5: 1, 9: 1, 99: 1}),
        (Schedule("constant", 9, warmup=3), {0: 0.25, 1: 0.5, 2: 0.75, 3: 1, 4: 1}),
        (Schedule("linear", 4), {0: 1, 1: 0.75, 2: 0.5, 3: 0.25, 4: 0, 5: 0}),
        (Schedule("linear", 6, warmup=2, final=0.2), {0: 1 / 3, 1: 2 / 3, 2: 1, 4: 0.6, 6: 0.2}),
        (Schedule("cosine", 6), {0: 1, 2: 0.75, 3: 0.5, 4: 0.25, 6: 0}),
        (Schedule("cosine", 8, warmup=2, final=0.5), {2: 1, 5: 0.75, 8: 0.5}),
        (Schedule("exponential", 4, final=1 / 16), {0: 1, 1: 0.5, 2: 0.25, 3: 0.125, 4: 1 / 16}),
        (Schedule("step", 9, final=1e-3), {0: 1, 2: 1, 3: 0.1, 5: 0.1, 6: 0.01, 8: 0.01, 9: 1e-3}),
        (Schedule("step", 7, 1, 0.25, drops=2), {0: 0.5, 1: 1, 3: 1, 4: 0.5, 6: 0.5, 7: 0.25}),
    ],
)
def test_the_factors_are_those_computed_by_hand(schedule, factors):
    assert {n: schedule.factor(n) for n in factors} == pytest.approx(factors, rel=1e-14)


@given(schedules(), st.integers(0, 400))
def test_a_factor_lies_between_the_final_one_and_1_and_is_exact_at_the_ends(schedule, n):
    last = 1.0 if schedule.kind == "constant" else schedule.final
    assert schedule.factor(schedule.warmup) == 1.0
    assert schedule.factor(schedule.length) == schedule.factor(schedule.length + n) == last
    after = schedule.warmup + n
    assert schedule.final <= schedule.factor(after + 1) <= schedule.factor(after) <= 1.0
    if n < schedule.warmup:
        assert 0 < schedule.factor(n) < schedule.factor(n + 1)


@settings(max_examples=50)
@given(st.lists(st.tuples(schedules() | st.none(), st.integers(0, 250)), min_size=1, max_size=8))
def test_the_rates_of_a_group_are_those_of_its_trials(drawn):
    optimizers = [Optimizer(lr=0.1 + k, schedule=s) for k, (s, _) in enumerate(drawn)]
    updates = torch.tensor([[n] for _, n in drawn], dtype=torch.float64)
    rates = Rates(optimizers, torch.device("cpu")).at(updates)
    expected = [o.rate(n) for o, (_, n) in zip(optimizers, drawn, strict=True)]
    assert rates.flatten().tolist() == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "sine"}, "kind must be one of constant, linear, cosine, exponential, step"),
        ({"warmup": 10}, r"length must be above warmup \(10\), got 10"),
        ({"warmup": -1}, "warmup must be at least 0, got -1"),
        ({"final": 1.5, "drops": 0}, r"final .* got 1.5; drops must be at least 1, got 0"),
        ({"kind": "step"}, "final must be above 0 for kind step, got 0.0"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused_with_every_reason(fields, message):
    with pytest.raises(TrainerError, match=message):
        Schedule(**{"kind": "linear", "length": 10} | fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"lr": -1, "betas": (0.9, 1.0)}, r"lr must .* got -1; betas .* got \(0.9, 1.0\)"),
        ({"lr": float("nan")}, "lr must be at least 0, got nan"),
        ({"eps": 0.0}, "eps must be above 0, got 0.0"),
        ({"kind": "rmsprop", "alpha": 1.0}, r"alpha must be in \[0, 1\), got 1.0"),
        ({"kind": "sgd", "momentum": -0.5}, "momentum must be at least 0, got -0.5"),
    ],
)
def test_an_optimizer_out_of_range_is_refused(fields, message):
    with pytest.raises(TrainerError, match=f"optimizer: {message}"):
        Optimizer(**fields)


def test_what_an_optimizer_does_not_read_may_be_anything():
    assert Optimizer("sgd", betas=(0.9, 1.0), eps=0.0).rate(3) == 1e-3


@given(st.lists(st.sampled_from("ab"), min_size=1, max_size=7), st.integers(0, 50))
def test_a_phases_updates_are_counted_from_the_step_alone(turns, step):
    taken = [turns[s % len(turns)] for s in range(step)]
    assert updates_before(step, "a", tuple(turns)) == taken.count("a")


class Scheduled(Toy):
    """The critic's rate falls to 0 after 12 of its updates, the actor's stays."""

    def optimizer(self, phase, hp):
        schedule = Schedule("linear", 12, warmup=2) if phase == "critic" else None
        return Optimizer("adam", hp.lr, schedule=schedule)


def test_a_scheduled_trial_goes_on_with_the_bits_it_would_have_had(tmp_path):
    loop.train_trial(Scheduled(), start(tmp_path / "straight", budget=30))
    loop.train_trial(Scheduled(), start(tmp_path / "halted", budget=10))
    loop.train_trial(Scheduled(), start(tmp_path / "halted", budget=30))
    assert_same(result(tmp_path / "halted"), result(tmp_path / "straight"))


def test_a_trial_alone_follows_the_schedule_of_each_phase(tmp_path):
    saved = {}
    for budget in (18, 24):  # the critic has had 12 and 16 updates
        loop.train_trial(Scheduled(), start(tmp_path / "trial", budget=budget))
        saved[budget] = torch.load(tmp_path / "trial/checkpoint.pt", weights_only=True)
    critics, actors = (
        [state["nets"][net] for state in saved.values()] for net in ("critic", "actor")
    )
    assert all(torch.equal(critics[0][name], critics[1][name]) for name in critics[0])
    assert not torch.equal(actors[0]["0.weight"], actors[1]["0.weight"])
    groups = saved[24]["optimizers"]
    assert groups["critic"]["param_groups"][0]["lr"] == 0.0
    assert groups["actor"]["param_groups"][0]["lr"] == 0.01
