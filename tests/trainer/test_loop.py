"""The lone loop: exact resumption, phases and reports."""

import itertools
import os
import subprocess
import sys

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lone_toys import Toy, assert_same, result, start

from hpsearch.trainer import loop, randomness
from hpsearch.trainer.run import Run
from hpsearch.trainer.trainer import Data


class Killed(BaseException):
    pass


def killed_after(run: Run, reports: int) -> Run:
    """The run, dying right after its `reports`-th report has been written."""
    report, count = run.report, itertools.count(1)

    def report_and_die(step, **metrics):
        report(step, **metrics)
        if next(count) == reports:
            raise Killed

    run.report = report_and_die
    return run


@pytest.mark.parametrize("kind", ["sgd", "adam", "adamw", "rmsprop"])
def test_training_to_b_and_then_to_2b_gives_the_bits_of_training_straight_to_2b(tmp_path, kind):
    loop.train_trial(Toy(), start(tmp_path / "straight", budget=34, kind=kind))
    loop.train_trial(Toy(), start(tmp_path / "parent", budget=17, kind=kind))
    child = start(tmp_path / "child", budget=34, kind=kind, role="continue")
    child.folder.checkpoint.write_bytes((tmp_path / "parent/checkpoint.pt").read_bytes())
    loop.train_trial(Toy(), child)
    tensors, reports = result(tmp_path / "straight")
    assert_same(result(tmp_path / "child"), (tensors, [r for r in reports if r["step"] > 17]))


def test_another_process_continues_with_the_same_bits(tmp_path):
    loop.train_trial(Toy(), start(tmp_path / "straight", budget=20))
    code = (
        "import sys; from pathlib import Path; from test_loop import *;"
        "loop.train_trial(Toy(), start(Path(sys.argv[1]), budget=int(sys.argv[2])))"
    )
    for budget in ("10", "20"):
        command = [sys.executable, "-c", code, str(tmp_path / "there"), budget]
        paths = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run(command, check=True, env=paths)
    assert_same(result(tmp_path / "there"), result(tmp_path / "straight"))


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    kills=st.lists(st.integers(1, 4), max_size=4),
    saves=st.sampled_from([0.0, 0.003, 1e9]),
    report_every=st.integers(3, 40),
)
def test_a_run_killed_at_any_reports_ends_as_an_undisturbed_one(
    tmp_path_factory, monkeypatch, kills, saves, report_every
):
    monkeypatch.setattr(loop, "SAVE_INTERVAL_S", saves)
    path = tmp_path_factory.mktemp("killed")
    loop.train_trial(Toy(), start(path / "straight", budget=31, report_every=report_every))
    for reports in kills:
        try:
            run = start(path / "killed", budget=31, report_every=report_every)
            loop.train_trial(Toy(), killed_after(run, reports))
        except Killed:
            pass
    loop.train_trial(Toy(), start(path / "killed", budget=31, report_every=report_every))
    assert_same(result(path / "killed"), result(path / "straight"))


def test_reports_that_are_ahead_of_the_checkpoint_are_forgotten_before_training_goes_on(
    tmp_path, monkeypatch
):
    loop.train_trial(Toy(), start(tmp_path, budget=10))
    start(tmp_path, budget=20).report(15, size=1.0)
    plain = Toy.loss

    def watched(self, *args):
        assert [report["step"] for report in result(tmp_path)[1]] == [5, 10]
        return plain(self, *args)

    monkeypatch.setattr(Toy, "loss", watched)
    loop.train_trial(Toy(), start(tmp_path, budget=15))


@pytest.mark.parametrize("reported", [True, False])
def test_a_crash_after_the_last_checkpoint_needs_no_more_training(tmp_path, monkeypatch, reported):
    first = start(tmp_path, budget=10)
    loop.train_trial(Toy(), first)
    before = result(tmp_path)
    if not reported:
        first.rewind(5)
    monkeypatch.setattr(Toy, "loss", None)
    again = start(tmp_path, budget=10)
    loop.train_trial(Toy(), again)
    assert_same(result(tmp_path), before)
    assert again.provenance == {"judge": "sum"}


def test_a_checkpoint_is_kept_only_when_the_last_is_old_or_the_budget_spent(tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(Run, "save", lambda run, state: saved.append(state["step"]))
    monkeypatch.setattr(loop, "SAVE_INTERVAL_S", 1e9)
    loop.train_trial(Toy(), start(tmp_path / "rare", budget=13))
    assert saved == [13]
    monkeypatch.setattr(loop, "SAVE_INTERVAL_S", 0.0)
    loop.train_trial(Toy(), start(tmp_path / "often", budget=13))
    assert saved == [13, 5, 10, 13]


def test_reports_come_at_the_multiples_and_at_the_budget_each_with_its_picture(tmp_path):
    loop.train_trial(Toy(), start(tmp_path, budget=12))
    assert [report["step"] for report in result(tmp_path)[1]] == [5, 10, 12]
    names = sorted(path.name for path in (tmp_path / "artifacts").iterdir())
    assert names == ["dots-000005.png", "dots-000010.png", "dots-000012.png"]


def test_phases_take_turns_and_a_step_moves_only_its_own_network(tmp_path, monkeypatch):
    phases, before = [], {}
    plain = Toy.loss

    def watched(self, phase, nets, batch, hp):
        now = {name: [p.clone() for p in net.parameters()] for name, net in nets.items()}
        for name in before:
            moved = any(not torch.equal(a, b) for a, b in zip(before[name], now[name], strict=True))
            assert moved == (name == phases[-1])
        before.update(now)
        phases.append(phase)
        assert all(
            p.requires_grad == (name == phase) for name in nets for p in nets[name].parameters()
        )
        return plain(self, phase, nets, batch, hp)

    monkeypatch.setattr(Toy, "loss", watched)
    loop.train_trial(Toy(), start(tmp_path, budget=7, n_critic=2))
    assert phases == ["critic", "critic", "actor"] * 2 + ["critic"]


def test_networks_are_in_training_mode_for_the_loss_and_not_for_the_evaluation(tmp_path):
    class Watched(Toy):
        def loss(self, phase, nets, batch, hp):
            assert all(net.training for net in nets.values()) and torch.is_grad_enabled()
            return super().loss(phase, nets, batch, hp)

        def evaluate(self, nets, outputs, hp):
            assert not any(net.training for net in nets.values()) and not torch.is_grad_enabled()
            return super().evaluate(nets, outputs, hp)

    loop.train_trial(Watched(), start(tmp_path, budget=7))
    assert len(result(tmp_path)[1]) == 2


def test_an_epoch_takes_every_row_at_most_once_and_epochs_differ_in_order(tmp_path):
    seen = []

    class Rows(Toy):
        def data(self, hp):
            return Data({"x": torch.arange(37.0)[:, None].expand(37, 4)}, batch_size=8)

        def loss(self, phase, nets, batch, hp):
            seen.append(batch["x"][:, 0].tolist())
            return super().loss(phase, nets, batch, hp)

    loop.train_trial(Rows(), start(tmp_path, budget=8))
    first, second = (list(itertools.chain(*seen[a : a + 4])) for a in (0, 4))
    assert len(set(first)) == len(set(second)) == 32
    assert first != second


def test_a_step_has_its_own_noise_which_its_seed_decides():
    noise = [randomness.Noise(seed, {"z": (4,), "u": (2, 3)}) for seed in (1, 1, 2)]
    first = [noise[0].at(step)["z"] for step in (0, 1, 0)]
    assert torch.equal(first[0], first[2]) and not torch.equal(first[0], first[1])
    assert torch.equal(noise[1].at(1)["z"], first[1])
    assert not torch.equal(noise[2].at(0)["z"], first[0])
    assert noise[0].at(5)["u"].shape == (2, 3)


def test_splitmix64_gives_the_published_sequence():
    """The first outputs for seed 1234567, as in Rosetta Code's test of the algorithm."""
    state, outputs = 1234567, []
    for _ in range(3):
        outputs.append(randomness.splitmix64(state))
        state += 0x9E3779B97F4A7C15
    assert outputs == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_training_leaves_the_callers_generators_alone(tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    loop.train_trial(Toy(), start(tmp_path, budget=5))
    assert torch.equal(torch.rand(3), expected)
