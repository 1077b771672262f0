"""The lone loop: exact resumption, phases, reports, and what it refuses."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from hpsearch.errors import TrainerError
from hpsearch.fusion import Data, Evaluation, Optimizer, Trainer, chance, lone
from hpsearch.run import NonfiniteError, Run
from hpsearch.trial import Folder, Spec

torch.set_num_threads(1)

TENSORS = tuple[list[torch.Tensor], list[dict[str, float]]]


class Toy(Trainer):
    """Two networks, batch norm's buffers, noise, and an optimizer with state."""

    defaults = {"lr": 0.01, "kind": "adam", "n_critic": 2, "rows": 37}
    phases = ("critic", "actor")

    def data(self, hp):
        generator = torch.Generator().manual_seed(3)
        return Data({"x": torch.randn(hp.rows, 4, generator=generator)}, batch_size=8)

    def build(self, hp):
        actor = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 4))
        return {"critic": nn.Linear(4, 1), "actor": actor}

    def noise(self, hp):
        return {"z": (8, 3)}

    def optimizer(self, phase, hp):
        return Optimizer(kind=hp.kind, lr=hp.lr, momentum=0.5 if hp.kind != "adamw" else 0.0)

    def repeats(self, phase, hp):
        return hp.n_critic if phase == "critic" else 1

    def loss(self, phase, nets, batch, hp):
        fake = nets["critic"](nets["actor"](batch["z"]))
        if phase == "actor":
            return nn.functional.softplus(-fake).mean()
        real = nets["critic"](batch["x"])
        return nn.functional.softplus(fake).mean() + nn.functional.softplus(-real).mean()

    def evaluate(self, nets, hp):
        size = sum(float(p.abs().sum()) for net in nets.values() for p in net.parameters())
        pixels = torch.zeros(4, 4).numpy()
        return Evaluation({"size": size}, {"dots": pixels}, provenance={"judge": "sum"})

    def test(self, nets, hp):
        return {"test_size": 1.0}


def start(path: Path, *, budget: int, report_every: int = 5, role="draw", seed: int = 7, **hp):
    spec = Spec(0, 0, 0, role, {}, (), seed, budget)
    path.mkdir(parents=True, exist_ok=True)
    return Run(spec, Folder(path), hp=hp, objective="size", report_every=report_every)


def result(path: Path) -> TENSORS:
    """Every tensor of the checkpoint, and what was reported."""
    state = torch.load(path / "checkpoint.pt", weights_only=True)
    tensors: list[torch.Tensor] = []

    def visit(node):
        if isinstance(node, torch.Tensor):
            tensors.append(node)
        elif isinstance(node, dict):
            for key in node:
                visit(node[key])

    visit(state)
    lines = [json.loads(line) for line in (path / "reports.jsonl").read_text().splitlines()]
    return tensors, [{"step": line["step"], **line["metrics"]} for line in lines]


def assert_same(a: TENSORS, b: TENSORS) -> None:
    assert a[1] == b[1]
    assert len(a[0]) == len(b[0]) > 10
    assert all(torch.equal(x, y) for x, y in zip(a[0], b[0], strict=True))


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
    lone.train(Toy(), start(tmp_path / "straight", budget=34, kind=kind))
    lone.train(Toy(), start(tmp_path / "parent", budget=17, kind=kind))
    child = start(tmp_path / "child", budget=34, kind=kind, role="continue")
    child.folder.checkpoint.write_bytes((tmp_path / "parent/checkpoint.pt").read_bytes())
    lone.train(Toy(), child)
    tensors, reports = result(tmp_path / "straight")
    assert_same(result(tmp_path / "child"), (tensors, [r for r in reports if r["step"] > 17]))


def test_another_process_continues_with_the_same_bits(tmp_path):
    lone.train(Toy(), start(tmp_path / "straight", budget=20))
    code = (
        "import sys; from pathlib import Path; from test_lone import *;"
        "lone.train(Toy(), start(Path(sys.argv[1]), budget=int(sys.argv[2])))"
    )
    for budget in ("10", "20"):
        command = [sys.executable, "-c", code, str(tmp_path / "there"), budget]
        paths = {"PYTHONPATH": f"{Path(__file__).parent}:{Path(__file__).parents[1]}"}
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
    monkeypatch.setattr(lone, "SAVE_INTERVAL_S", saves)
    path = tmp_path_factory.mktemp("killed")
    lone.train(Toy(), start(path / "straight", budget=31, report_every=report_every))
    for reports in kills:
        try:
            run = start(path / "killed", budget=31, report_every=report_every)
            lone.train(Toy(), killed_after(run, reports))
        except Killed:
            pass
    lone.train(Toy(), start(path / "killed", budget=31, report_every=report_every))
    assert_same(result(path / "killed"), result(path / "straight"))


def test_reports_that_are_ahead_of_the_checkpoint_are_forgotten_before_training_goes_on(
    tmp_path, monkeypatch
):
    lone.train(Toy(), start(tmp_path, budget=10))
    start(tmp_path, budget=20).report(15, size=1.0)
    plain = Toy.loss

    def watched(self, *args):
        assert [report["step"] for report in result(tmp_path)[1]] == [5, 10]
        return plain(self, *args)

    monkeypatch.setattr(Toy, "loss", watched)
    lone.train(Toy(), start(tmp_path, budget=15))


@pytest.mark.parametrize("reported", [True, False])
def test_a_crash_after_the_last_checkpoint_needs_no_more_training(tmp_path, monkeypatch, reported):
    first = start(tmp_path, budget=10)
    lone.train(Toy(), first)
    before = result(tmp_path)
    if not reported:
        first.rewind(5)
    monkeypatch.setattr(Toy, "loss", None)
    again = start(tmp_path, budget=10)
    lone.train(Toy(), again)
    assert_same(result(tmp_path), before)
    assert again.provenance == {"judge": "sum"}


def test_a_checkpoint_is_kept_only_when_the_last_is_old_or_the_budget_spent(tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(Run, "save", lambda run, state: saved.append(state["step"]))
    monkeypatch.setattr(lone, "SAVE_INTERVAL_S", 1e9)
    lone.train(Toy(), start(tmp_path / "rare", budget=13))
    assert saved == [13]
    monkeypatch.setattr(lone, "SAVE_INTERVAL_S", 0.0)
    lone.train(Toy(), start(tmp_path / "often", budget=13))
    assert saved == [13, 5, 10, 13]


def test_reports_come_at_the_multiples_and_at_the_budget_each_with_its_picture(tmp_path):
    lone.train(Toy(), start(tmp_path, budget=12))
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
    lone.train(Toy(), start(tmp_path, budget=7, n_critic=2))
    assert phases == ["critic", "critic", "actor"] * 2 + ["critic"]


def test_networks_are_in_training_mode_for_the_loss_and_not_for_the_evaluation(tmp_path):
    class Watched(Toy):
        def loss(self, phase, nets, batch, hp):
            assert all(net.training for net in nets.values()) and torch.is_grad_enabled()
            return super().loss(phase, nets, batch, hp)

        def evaluate(self, nets, hp):
            assert not any(net.training for net in nets.values()) and not torch.is_grad_enabled()
            return super().evaluate(nets, hp)

    lone.train(Watched(), start(tmp_path, budget=7))
    assert len(result(tmp_path)[1]) == 2


def test_an_epoch_takes_every_row_at_most_once_and_epochs_differ_in_order(tmp_path):
    seen = []

    class Rows(Toy):
        def data(self, hp):
            return Data({"x": torch.arange(37.0)[:, None].expand(37, 4)}, batch_size=8)

        def loss(self, phase, nets, batch, hp):
            seen.append(batch["x"][:, 0].tolist())
            return super().loss(phase, nets, batch, hp)

    lone.train(Rows(), start(tmp_path, budget=8))
    first, second = (list(itertools.chain(*seen[a : a + 4])) for a in (0, 4))
    assert len(set(first)) == len(set(second)) == 32
    assert first != second


def test_a_step_has_its_own_noise_which_its_seed_decides():
    noise = [chance.Noise(seed, {"z": (4,), "u": (2, 3)}) for seed in (1, 1, 2)]
    first = [noise[0].at(step)["z"] for step in (0, 1, 0)]
    assert torch.equal(first[0], first[2]) and not torch.equal(first[0], first[1])
    assert torch.equal(noise[1].at(1)["z"], first[1])
    assert not torch.equal(noise[2].at(0)["z"], first[0])
    assert noise[0].at(5)["u"].shape == (2, 3)


def test_splitmix64_gives_the_published_sequence():
    """The first outputs for seed 1234567, as in Rosetta Code's test of the algorithm."""
    state, outputs = 1234567, []
    for _ in range(3):
        outputs.append(chance.splitmix64(state))
        state += 0x9E3779B97F4A7C15
    assert outputs == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_training_leaves_the_callers_generators_alone(tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    lone.train(Toy(), start(tmp_path, budget=5))
    assert torch.equal(torch.rand(3), expected)


def test_a_loss_that_turns_nan_ends_the_trial_with_phase_and_step(tmp_path):
    class Bursts(Toy):
        steps = 0

        def loss(self, phase, nets, batch, hp):
            self.steps += 1
            loss = super().loss(phase, nets, batch, hp)
            return loss * float("nan") if self.steps > 60 and phase == "actor" else loss

    with pytest.raises(NonfiniteError, match="the loss of phase actor is nan at step 98"):
        lone.train(Bursts(), start(tmp_path, budget=1000, report_every=1000))


def test_random_numbers_of_the_losss_own_are_refused(tmp_path):
    class Draws(Toy):
        def loss(self, phase, nets, batch, hp):
            return super().loss(phase, nets, batch, hp) * torch.rand(())

    with pytest.raises(TrainerError, match=r"Draws.loss drew random numbers of its own"):
        lone.train(Draws(), start(tmp_path, budget=5))


def test_a_confirmations_last_report_alone_holds_the_test_metrics(tmp_path):
    lone.train(Toy(), start(tmp_path / "confirm", budget=10, role="confirm"))
    lone.train(Toy(), start(tmp_path / "draw", budget=10))
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
        lone.train(Wrong(), start(tmp_path, budget=5, role="confirm"))


@pytest.mark.parametrize("last", ["flat", None])
def test_the_last_evaluation_decides_whether_a_trial_is_collapsed(tmp_path, last):
    said = iter(["flat" if last is None else None, last])

    class Collapses(Toy):
        def evaluate(self, nets, hp):
            return Evaluation({"size": 1.0}, collapsed=next(said))

    run = start(tmp_path, budget=10)
    lone.train(Collapses(), run)
    assert run.collapsed == last


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
        lone.train(Wrong(), start(tmp_path, budget=5))


def test_a_phase_without_a_network_is_refused(tmp_path):
    class Wrong(Toy):
        phases = ("critic", "actor", "judge")

    with pytest.raises(TrainerError, match=r"no network for phase judge \(has: critic, actor\)"):
        lone.train(Wrong(), start(tmp_path, budget=5))


def test_an_unknown_optimizer_is_refused():
    with pytest.raises(TrainerError, match="must be sgd, adam, adamw or rmsprop, got 'lion'"):
        lone.build_optimizer(Optimizer(kind="lion"), [nn.Parameter(torch.zeros(1))])
