"""Clipped and averaged parameters: the numbers of torch, alone and in any group."""

import pytest
import torch
from contract_toys import SETTINGS, Convolves, Tidy
from group_toys import Ends, runs_of
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from hpsearch import testing
from hpsearch.errors import TrainerError
from hpsearch.method.structure import Shape
from hpsearch.testing.fused import FUSED_TRAINER_CHECKS, a_trials_bits_do_not_depend_on_its_group
from hpsearch.testing.trainers import a_trial_resumes_to_the_same_bits
from hpsearch.testing.trials import Trained, distance
from hpsearch.trainer import averages, loop
from hpsearch.trainer.fused import group
from hpsearch.trainer.fused.optim.optimizers import StackedOptimizer, build_optimizer
from hpsearch.trainer.trainer import Evaluation, Optimizer

SHAPE = Shape({"depth": 1, "width": 6, "shape": "plain"}, {"lr": None, "average": None})
STACKED = [
    Optimizer("adam", 0.05, clip=0.3, average=0.9),
    Optimizer("sgd", 0.1, momentum=0.9, average=0.0),
    Optimizer("sgd", 0.1, clip=1e-2, average=0.99),
    Optimizer("rmsprop", 0.02, average=0.4),
    Optimizer("adam", 0.05, average=0.9),
    Optimizer("adam", 0.05, clip=100.0, average=0.9),
]
SIZE = 37


class Mean(Tidy):
    """Judges its network by the average of its parameters; both phases may be clipped."""

    defaults = {**Tidy.defaults, "average": 0.9, "clip": 10.0, "batch_norm": False}
    structure = (*Tidy.structure, "batch_norm")

    def build(self, hp):
        nets = super().build(hp)
        if hp.batch_norm:
            nets["net"].insert(1, nn.BatchNorm1d(hp.width))
        return nets

    def optimizer(self, phase, hp):
        clip = None if hp.clip == 10 else hp.clip
        average = hp.average if phase == "net" else None
        return Optimizer(hp.kind, lr=hp.lr, weight_decay=hp.decay, clip=clip, average=average)

    def outputs(self, nets, inputs, hp):
        error = nets["net_average"](inputs["x"]) - inputs["y"]
        raw = nets["net"](inputs["x"]) - inputs["y"]
        return {"mse": (error**2).mean(), "raw": (raw**2).mean()}

    def evaluate(self, nets, outputs, hp):
        metrics = {"mse": float(outputs["mse"]), "raw": float(outputs["raw"])}
        for name in ("net", "net_average"):
            metrics[f"{name}_size"] = float(sum(p.abs().sum() for p in nets[name].parameters()))
        return Evaluation(metrics)

    def test(self, nets, hp):
        return {"test_size": float(sum(p.abs().sum() for p in nets["net_average"].parameters()))}


MEANS = [
    {**SETTINGS[0], "average": 0.0, "clip": 0.2},
    {**SETTINGS[2], "average": 0.95, "batch_norm": True},
]


def numbers(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("way", ["step", "update"])
def test_a_row_has_the_average_of_torch_and_stays_within_its_bound(way):
    parameters = numbers(len(STACKED), SIZE, seed=1)
    means = parameters.clone()
    stack = StackedOptimizer(STACKED, parameters, means)
    alone = [nn.ParameterList([row.clone()]) for row in parameters]
    torchs = [build_optimizer(o, list(net)) for o, net in zip(STACKED, alone, strict=True)]
    averaged = [
        AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(float(o.average)))
        for o, net in zip(STACKED, alone, strict=True)
    ]
    for model, net in zip(averaged, alone, strict=True):
        model.update_parameters(net)  # torch's first is a copy
    for n in range(30):
        gradients = numbers(*parameters.shape, seed=100 + n)
        if way == "step":
            stack.step(gradients.clone(), range(len(STACKED)))
        else:
            stack.update(parameters, gradients, torch.ones(len(STACKED), dtype=torch.bool))
        for k, (net, optimizer) in enumerate(zip(alone, torchs, strict=True)):
            net[0].grad = gradients[k].clone()
            optimizer.step()
            if STACKED[k].clip is not None:
                net[0].data.clamp_(-STACKED[k].clip, STACKED[k].clip)
            averaged[k].update_parameters(net)
    for k, (net, model) in enumerate(zip(alone, averaged, strict=True)):
        torch.testing.assert_close(parameters[k], net[0].detach(), rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(means[k], model.module[0].detach(), rtol=1e-12, atol=1e-14)
    assert [float(parameters[k].abs().max()) for k in (0, 2)] == [0.3, 0.01]


def test_the_average_of_a_straight_line_trails_it_as_the_geometric_series_says():
    parameters = torch.zeros(1, 1, dtype=torch.float64)
    means = parameters.clone()
    stack = StackedOptimizer([Optimizer("sgd", 1.0, average=0.75)], parameters, means)
    for n in range(1, 20):
        stack.step(-torch.ones(1, 1, dtype=torch.float64), [0])
        assert parameters.item() == n
        # The limit of the lag is decay / (1 - decay).
        assert means.item() == pytest.approx(n - 3 * (1 - 0.75**n), abs=1e-12)


def test_rows_that_do_not_move_keep_their_averages_also_beyond_their_bound():
    parameters = numbers(len(STACKED), SIZE, seed=1)
    means = numbers(len(STACKED), SIZE, seed=2)
    stack = StackedOptimizer(STACKED, parameters, means)
    before, before_means = parameters.clone(), means.clone()
    commit = torch.arange(len(STACKED)) % 2 == 1
    gradients = numbers(*parameters.shape, seed=3)
    gradients[~commit] = float("nan")
    stack.update(parameters, gradients, commit)
    stack.step(gradients.clone(), [1, 3])
    assert torch.equal(parameters[~commit], before[~commit])
    assert torch.equal(means[~commit], before_means[~commit])
    assert parameters.isfinite().all() and means.isfinite().all()
    assert not (means[commit] == before_means[commit]).any()
    assert any(state is means for state in stack.states)


def test_a_trainer_of_averages_keeps_the_contract():
    testing.check_trainer(Mean, MEANS, (a_trial_resumes_to_the_same_bits, *FUSED_TRAINER_CHECKS))


def test_a_trainer_of_averages_whose_members_go_one_by_one_keeps_the_contract():
    class Pictures(Mean, Convolves):
        pass

    testing.check_trainer(Pictures, MEANS[:1], (a_trials_bits_do_not_depend_on_its_group,))


def averaged_trials(folder, trainer=Mean, budget=12, **of_all):
    settings = [{"lr": 0.05, "average": a, **of_all} for a in (0.0, 0.9, 0.99)]
    ends = Ends()
    group.train_group(trainer(), runs_of(folder, settings, [budget] * 3), SHAPE, ends)
    assert list(ends.values()) == [None] * 3
    return [Trained.read(folder / str(k)) for k in range(3)]


def test_a_decay_of_zero_is_the_network_itself_and_another_is_not(tmp_path):
    none, some, much = averaged_trials(tmp_path)
    weight = "nets.{}.0.weight"
    assert torch.equal(none.state[weight.format("net")], none.state[weight.format("net_average")])
    assert none.metrics["12.mse"] == none.metrics["12.raw"]
    for trained in (some, much):
        assert trained.metrics["12.mse"] != trained.metrics["12.raw"]
        assert trained.metrics["12.net_size"] != trained.metrics["12.net_average_size"]


def test_a_trial_goes_from_alone_to_a_group_with_its_average(tmp_path):
    exact = testing.trials.in_doubles(Mean)
    straight = averaged_trials(tmp_path / "straight", exact)
    for run in runs_of(tmp_path / "parts", [{"lr": 0.05, "average": 0.9}] * 2, [8] * 2)[1:]:
        loop.train_trial(exact(), run)
    parts = averaged_trials(tmp_path / "parts", exact)
    last = {name: value for name, value in straight[1].metrics.items() if "12." in name}
    assert parts[1].state.keys() == straight[1].state.keys()
    assert distance(parts[1].state, straight[1].state)[0] < 1e-12
    assert distance({name: parts[1].metrics[name] for name in last}, last)[0] < 1e-12


class Replacing(nn.Module):
    """Counts its calls in a buffer that is a new tensor each time."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        if self.training:
            self.calls = self.calls + 1
        return x


@pytest.mark.parametrize("how", ["alone", "fused"])
def test_an_averaged_network_has_the_buffers_of_the_raw_one(how, tmp_path):
    class Watched(Mean):
        seen = []

        def build(self, hp):
            nets = super().build(hp)
            if how == "alone":
                nets["net"].append(Replacing())
            return nets

        def loss(self, phase, nets, batch, hp):
            assert list(nets) == ["net", "guesser"]
            return super().loss(phase, nets, batch, hp)

        def evaluate(self, nets, outputs, hp):
            raw, average = (dict(nets[name].named_buffers()) for name in ("net", "net_average"))
            assert raw.keys() == average.keys() != set()
            assert all(torch.equal(raw[name], average[name]) for name in raw)
            assert not any(net.training for net in nets.values())
            self.seen.append({name: buffer.clone() for name, buffer in raw.items()})
            return super().evaluate(nets, outputs, hp)

    settings = {"lr": 0.05, "batch_norm": True}
    runs, ends = runs_of(tmp_path, [settings] * 2, [8, 8]), Ends()
    if how == "alone":
        loop.train_trial(Watched(), runs[0])
    else:
        shape = Shape({**SHAPE.values, "batch_norm": True}, SHAPE.varying)
        group.train_group(Watched(), runs, shape, ends)
    first, last = Watched.seen[0], Watched.seen[-1]
    assert all(not torch.equal(first[name], last[name]) for name in first)


def test_a_trainer_that_asks_for_no_average_has_no_such_network(tmp_path):
    class Plain(Tidy):
        def evaluate(self, nets, outputs, hp):
            assert list(nets) == ["net", "guesser"]
            return super().evaluate(nets, outputs, hp)

    runs, ends = runs_of(tmp_path, [{}, {}], [4, 4]), Ends()
    loop.train_trial(Plain(), runs[0])
    assert not [p for p in Trained.read(tmp_path / "0").state if "average" in p]
    group.train_group(Plain(), runs, SHAPE, ends)
    assert list(ends.values()) == [None, None]


def test_a_group_in_which_some_have_an_average_and_others_none_is_refused(tmp_path):
    class Some(Mean):
        def optimizer(self, phase, hp):
            return Optimizer(lr=hp.lr, average=None if hp.average == 0.5 else hp.average)

    runs = runs_of(tmp_path, [{"average": 0.5}, {"average": 0.6}], [4, 4])
    with pytest.raises(TrainerError) as raised:
        group.train_group(Some(), runs, SHAPE, Ends())
    assert str(raised.value) == (
        "Some.optimizer: phase guesser has an average in some trials of a group and none in "
        "others; give average=0, which is the network itself, for none, or name the "
        "hyperparameter that decides this in structure"
    )


def test_a_network_that_has_the_name_of_an_average_is_refused():
    nets = {"net": nn.Linear(1, 1), "net_average": nn.Linear(1, 1)}
    with pytest.raises(TrainerError, match="the name net_average belongs to the average"):
        averages.averaged_nets(Mean(), nets, {"net": Optimizer(average=0.5)})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"clip": 0.0}, "optimizer: clip must be above 0, got 0.0"),
        ({"clip": float("nan")}, "optimizer: clip must be above 0, got nan"),
        ({"average": 1.0}, "optimizer: average must be in [0, 1), got 1.0"),
        (
            {"clip": -1, "average": -0.1},
            "optimizer: clip must be above 0, got -1; average must be in [0, 1), got -0.1",
        ),
    ],
)
def test_a_bound_and_a_decay_have_their_ranges(fields, message):
    with pytest.raises(TrainerError) as raised:
        Optimizer(**fields)
    assert str(raised.value) == message
