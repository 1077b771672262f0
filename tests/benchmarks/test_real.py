"""Real trials in a comparison: nothing of how they are trained shows, every step is counted."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch

import hpsearch
from benchmarks.quality.lines import Lines
from benchmarks.quality.real import __main__ as real
from benchmarks.quality.real import peers as real_peers
from benchmarks.quality.real.ours import ARMS, growing
from benchmarks.quality.real.peers import PEERS, suggest
from benchmarks.quality.real.search import asynchronous, confirmations, drive
from benchmarks.quality.real.task import TASKS
from benchmarks.quality.real.training import Order, Remembered, Trainings
from hpsearch.method.structure import shape_of
from hpsearch.trainer.fused import group
from hpsearch.trainer.run import Run
from hpsearch.trial import Folder, Spec

# Two rounds of three small trials, of one structure; a whole training has 8 steps and 2 reports.
ONE_STRUCTURE = (
    "space.depth.int=[1, 2]", "space.width.logint=[16, 17]", "space.activation=[relu, tanh]",
    "space.batch_size=[16, 32]", "search.trials=3", "search.survivors=1", "search.structures=[1]",
    "confirm.top=1", "confirm.seeds=2",
)  # fmt: skip
SMALL = dataclasses.replace(
    TASKS["classifier, whole space"], interval=4, full=8, rounds=2, overrides=ONE_STRUCTURE
)
ADAM = {"optimizer": "adam", "lr": 0.01, "weight_decay": 0.001, "depth": 1, "width": 16,
        "activation": "relu", "dropout": 0.1, "label_smoothing": 0.1, "batch_size": 32}  # fmt: skip
ORDERS = [
    Order.of({**ADAM, "lr": 0.03, "width": 17}, 3),
    Order.of({**ADAM, "optimizer": "adamw", "dropout": 0.4}, 4),
    Order.of({**ADAM, "activation": "tanh"}, 5),
]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def in_a_folder(task, order, folder):
    """The same training as a user's search has it: an ordinary run, and nothing remembered."""
    params = Remembered(task, order, task.interval, None).hp
    folder.mkdir()
    spec = Spec(0, 0, 0, "draw", dict(params), (), order.seed, task.full)
    run = Run(spec, Folder(folder), hp=params, objective="val_loss", report_every=task.interval)
    trainer = task.trainer
    shape = shape_of(
        dict(params), task.study.fixed, trainer.defaults, trainer.structure, task.space
    )
    ends = []
    group.train_group(trainer, [run], shape, lambda _run, error: ends.append(error))
    assert ends == [None]
    return {r.step: r.metrics["val_loss"] for r in Folder(folder).read_reports()}


def test_training_that_pauses_in_changing_company_has_the_bits_of_lone_training(tmp_path):
    task = dataclasses.replace(SMALL, full=16, rounds=3)
    trainings = Trainings(task)
    trainings.train({ORDERS[0]: 4, ORDERS[1]: 8})
    trainings.train({ORDERS[0]: 8, ORDERS[2]: 4})
    trainings.train(dict.fromkeys(ORDERS, 16))
    assert trainings.steps == 3 * 16
    for k, order in enumerate(ORDERS):
        assert trainings.curve(order).values == in_a_folder(task, order, tmp_path / str(k))


class StopsSecond:
    """Draws at random; its trial 1 is stopped at its first report."""

    def __init__(self, space):
        self.space, self.random, self.asked, self.ends = space, np.random.default_rng(0), 0, []

    def ask(self):
        self.asked += 1
        return self.asked - 1, {**ADAM, "lr": 10 ** self.random.uniform(-4, -1)}

    def goes_on(self, number, unit, value):
        assert unit == 1
        return number != 1

    def end(self, number, unit, value):
        self.ends.append((number, unit, value))

    def next_look(self, unit):
        return unit + 1


def test_the_steps_of_a_peer_that_stops_trials_are_those_counted_by_hand():
    # 3 trials of 4 steps, then 2 of 8 and one that goes on from 4: 12 + 16 + 4.
    assert (SMALL.total, SMALL.units) == (32, 2)
    trainings, peer = Trainings(SMALL), StopsSecond(SMALL.space)
    [log] = drive({0: asynchronous(peer, SMALL, 7, trainings, workers=2)}, trainings).values()
    # Ticks of 4 steps a worker: trials 0 1 | 0 2 | 2 3 | 3; then 4 steps are left, too few for a
    # whole training.
    assert (log.ticks, log.steps, log.trials) == (4, 28, 4)
    assert trainings.steps == 28
    assert [number for number, _, _ in peer.ends] == [0, 2, 3]
    assert [c.number for c in log.finished] == [0, 2, 3]
    assert [c.value for c in log.finished] == [value for _, _, value in peer.ends]
    assert all(unit == 2 for _, unit, _ in peer.ends)
    assert {steps: ticks for steps, ticks, _ in log.curve}.items() <= {
        8: 1,
        16: 2,
        24: 3,
        28: 4,
    }.items()
    bests = [best for _, _, best in log.curve]
    assert bests == sorted(bests, reverse=True)


@pytest.mark.slow
def test_ours_is_the_search_that_a_user_runs(tmp_path):
    trainings = Trainings(SMALL)
    arm = "hpsearch, shared structures"
    ARMS_HERE = {arm: ("search.structures=[1]",)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARMS, arm, ARMS_HERE[arm])
        [log] = drive({0: growing(arm, SMALL, 5, trainings)}, trainings).values()
        assert log.steps == trainings.steps == SMALL.total
    assert (log.ticks, log.trials) == (1 + 2, 3 + 2)
    overrides = ["search.rounds=2", "search.seed=5", "budget.steps=4", "budget.growth=2",
                 "budget.report_every=4", "start=[]", "fixed.schedule=constant",
                 *ONE_STRUCTURE]  # fmt: skip
    theirs = hpsearch.search(SMALL.file, runs=tmp_path, overrides=overrides)
    last = [t for t in theirs.records if t.spec.round == 1 and t.spec.searched]
    assert [(c.params, c.value) for c in log.finished] == [
        (t.spec.params, t.outcome.value) for t in last
    ]
    # And its confirmations are those of the search: the same seeds, the same values.
    [orders] = confirmations(SMALL, 5, log.candidates())[:1]
    trainings.train(dict.fromkeys(orders[:2], SMALL.full))
    found = [trainings.curve(order).at(SMALL.full) for order in orders[:2]]
    confirmed = [t.outcome.value for t in theirs.records if t.spec.role == "confirm"]
    assert found == confirmed


def test_a_search_that_was_killed_trains_only_what_is_missing(tmp_path):
    def run(lines):
        trainings = Trainings(SMALL, lines)
        peer = StopsSecond(SMALL.space)
        [log] = drive({0: asynchronous(peer, SMALL, 7, trainings, workers=2)}, trainings).values()
        return trainings.steps, dataclasses.replace(log, proposing=0.0)

    steps, whole = run(Lines(tmp_path / "curves.jsonl"))
    written = (tmp_path / "curves.jsonl").read_bytes().splitlines(keepends=True)
    # The kill tore the line after the second: trials 0 and 1 are at step 4, nothing else is known.
    (tmp_path / "killed.jsonl").write_bytes(b"".join(written[:2]) + written[2][:-7])
    again, resumed = run(Lines(tmp_path / "killed.jsonl"))
    assert resumed == whole
    # Trial 1 is not trained again; trial 0 begins anew, for its checkpoint is gone.
    assert (steps, again) == (28, 24)
    assert run(Lines(tmp_path / "killed.jsonl")) == (0, whole)


def test_what_a_run_wrote_is_not_run_again(tmp_path):
    lines = Lines(tmp_path / "real.jsonl")
    lines.append({"task": SMALL.name, "method": "hpsearch", "seed": 0})
    lines.append({"task": SMALL.name, "method": "hpsearch", "seed": 1, "alone_s": 3})
    left = real.missing(SMALL, ["hpsearch", "random search"], range(2), lines)
    assert left == [("random search", 0), ("hpsearch", 1), ("random search", 1)]


def test_successive_halving_keeps_the_best_quarter_of_a_rung():
    peer = PEERS["successive halving (Optuna)"](TASKS["classifier"], 0)
    numbers = [peer.ask()[0] for _ in range(9)]
    # Of fewer than 8 only the best so far goes on, of 8 the best two.
    values = [5.0, 6.0, 4.0, 7.0, 3.0, 9.0, 8.0, 3.5, 3.2]
    said = [peer.goes_on(n, 1, v) for n, v in zip(numbers, values, strict=True)]
    assert said == [True, False, True, False, True, False, False, True, True]
    assert [peer.goes_on(n, 2, 10.0) for n in (numbers[0], numbers[2])] == [True, True]
    # At the fourth report the second rung: the first to come goes on, a worse one does not.
    assert [peer.goes_on(n, 4, v) for n, v in zip(numbers[:3:2], (1, 2), strict=True)] == [
        True,
        False,
    ]


def test_asha_keeps_what_is_not_below_the_upper_quartile():
    pytest.importorskip("ray", reason="ray is not installed")
    peer = PEERS["ASHA (Ray Tune)"](TASKS["classifier"], 0)
    numbers = [peer.ask()[0] for _ in range(6)]
    # The cutoffs, of those before: none, 5, 5, 4.5, 4.25, 4.
    values = [5.0, 6.0, 4.0, 4.6, 4.0, 4.1]
    said = [peer.goes_on(n, 1, v) for n, v in zip(numbers, values, strict=True)]
    assert said == [True, False, True, False, True, False]


@pytest.mark.parametrize("method", list(PEERS))
def test_a_peer_stops_trials_only_where_it_said_that_it_looks(method):
    if "Ray" in method:
        pytest.importorskip("ray", reason="ray is not installed")
    task = TASKS["gan"]
    peer, random = PEERS[method](task, 3), np.random.default_rng(1)
    looks = list(itertools.takewhile(lambda unit: unit < task.units, _looks(peer, task)))
    stopped = set()
    for _ in range(40):
        number, params = peer.ask()
        assert set(params) == set(task.space.decode(_unit(task.space, params)))
        for unit in range(1, task.units):
            if not peer.goes_on(number, unit, float(random.random())):
                stopped.add(unit)
                break
        else:
            peer.end(number, task.units, float(random.random()))
    assert stopped == set(looks), f"{method} stops at {stopped}"


def _looks(peer, task):
    unit = 0
    while unit < task.units:
        unit = peer.next_look(unit)
        yield unit


def _unit(space, params):
    return [p.domain.encode(params[p.name]) if p.name in params else 0.5 for p in space]


def test_a_conditional_parameter_is_asked_for_only_while_it_is_active():
    optuna = real_peers.optuna
    space, seen = TASKS["classifier, whole space"].space, set()
    for seed in range(8):
        trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed)).ask()
        params = suggest(trial, space)
        assert set(trial.params) == set(params)
        assert ("lr_sgd" in params) == ("momentum" in params) == (params["optimizer"] == "sgd")
        assert ("lr" in params) != ("lr_sgd" in params)
        seen.add(params["optimizer"])
    assert "sgd" in seen
