"""How the lone loop ends a trial: what its last report says, and what it refuses."""

import pytest
import torch
from lone_toys import Toy, result, start

from hpsearch.errors import TrainerError
from hpsearch.trainer import loop
from hpsearch.trainer.run import NonfiniteError
from hpsearch.trainer.trainer import Data, Evaluation, Optimizer
from hpsearch.workers import outcome as outcomes


def test_a_loss_that_turns_nan_ends_the_trial_with_phase_and_step(tmp_path):
    class Bursts(Toy):
        steps = 0

        def loss(self, phase, nets, batch, hp):
            self.steps += 1
            loss = super().loss(phase, nets, batch, hp)
            return loss * float("nan") if self.steps > 60 and phase == "actor" else loss

    with pytest.raises(NonfiniteError, match="the loss of phase actor is nan at step 98"):
        loop.train_trial(Bursts(), start(tmp_path, budget=1000, report_every=1000))


def test_random_numbers_of_the_losss_own_are_refused(tmp_path):
    class Draws(Toy):
        def loss(self, phase, nets, batch, hp):
            return super().loss(phase, nets, batch, hp) * torch.rand(())

    with pytest.raises(TrainerError, match=r"Draws.loss drew random numbers of its own"):
        loop.train_trial(Draws(), start(tmp_path, budget=5))


def test_a_confirmations_last_report_alone_holds_the_test_metrics(tmp_path):
    loop.train_trial(Toy(), start(tmp_path / "confirm", budget=10, role="confirm"))
    loop.train_trial(Toy(), start(tmp_path / "draw", budget=10))
    assert [set(r) for r in result(tmp_path / "confirm")[1]] == [
        {"step", "size"},
        {"step", "size", "test_size"},
    ]
    assert all("test_size" not in r for r in result(tmp_path / "draw")[1])


def test_a_test_metric_by_another_name_is_refused(tmp_path):
    class Wrong(Toy):
        def test(self, nets, hp):
            return {"size": 0.0}

    with pytest.raises(TrainerError, match=r"Wrong.test: metrics must be named test_\*, got size"):
        loop.train_trial(Wrong(), start(tmp_path, budget=5, role="confirm"))


@pytest.mark.parametrize("last", ["flat", None])
def test_the_last_evaluation_decides_whether_a_trial_is_collapsed(tmp_path, last):
    said = iter(["flat" if last is None else None, last])

    class Collapses(Toy):
        def evaluate(self, nets, outputs, hp):
            return Evaluation({"size": 1.0}, collapsed=next(said))

    run = start(tmp_path, budget=10)
    loop.train_trial(Collapses(), run)
    assert run.collapsed == last


def test_a_trial_with_a_saturated_discriminator_is_called_so_and_keeps_its_score(tmp_path):
    class Saturates(Toy):
        def evaluate(self, nets, outputs, hp):
            return Evaluation({"size": 1.0}, collapsed="flat", saturated="scores 9 apart")

    run = start(tmp_path, budget=10)
    loop.train_trial(Saturates(), run)
    outcomes.conclude(run.folder, "size", run, None, seconds=1.0, output=run.folder.log)
    outcome = run.folder.read_outcome()
    assert (outcome.state, outcome.value) == ("complete", 1.0)
    assert (outcome.reason, outcome.message) == ("discriminator_saturated", "scores 9 apart")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Data({"x": torch.zeros(5, 4)}, 8), r"Wrong.data: batch_size must be in 1..5, got 8"),
        (
            Data({"x": torch.zeros(9, 4), "y": torch.zeros(8)}, 8),
            r"Wrong.data: tensors must have equally many rows, got {'x': 9, 'y': 8}",
        ),
    ],
)
def test_data_that_make_no_batch_are_refused(tmp_path, data, message):
    class Wrong(Toy):
        def data(self, hp):
            return data

    with pytest.raises(TrainerError, match=message):
        loop.train_trial(Wrong(), start(tmp_path, budget=5))


def test_a_phase_without_a_network_is_refused(tmp_path):
    class Wrong(Toy):
        phases = ("critic", "actor", "judge")

    with pytest.raises(TrainerError, match=r"no network for phase judge \(has: critic, actor\)"):
        loop.train_trial(Wrong(), start(tmp_path, budget=5))


def test_an_unknown_optimizer_is_refused():
    with pytest.raises(TrainerError, match="must be sgd, adam, adamw or rmsprop, got 'lion'"):
        Optimizer(kind="lion")
