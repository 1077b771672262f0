"""The page on trainers: its code runs and keeps the contract, and its table tells the truth."""

import re
from pathlib import Path

import pytest
import torch
from contract_toys import Tidy
from torch import nn
from torch.nn import functional as F

from hpsearch import testing
from hpsearch.method.structure import Shape
from hpsearch.testing.trainers import LONE_TRAINER_CHECKS
from hpsearch.testing.trials import distance, train_alone
from hpsearch.trainer.fused.probe import fusion_obstacle

PAGE = (Path(__file__).parents[2] / "docs" / "trainers.md").read_text()
SETTINGS = [{"lr": 0.01}, {"loss": "margin", "width": 48, "dropout": 0.3}, {"depth": 2, "width": 9}]


@pytest.fixture(scope="module")
def page():
    """What the page's code defines, from the class on."""
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    names: dict = {"__name__": "page"}
    for block in blocks[1:]:
        exec(compile(block, "docs/trainers.md", "exec"), names)
    return names


def test_the_plain_trainer_keeps_the_contract_of_lone_ones(page):
    testing.check_trainer(page["Plain"], SETTINGS, LONE_TRAINER_CHECKS)


def test_the_fused_trainer_keeps_the_contract(page):
    testing.check_trainer(page["Fused"], SETTINGS)


def test_the_averaged_trainer_evaluates_the_average_which_is_another_network(page, tmp_path):
    plain, averaged = (
        train_alone(page[name], tmp_path / name, {"lr": 0.01}, budget=40)
        for name in ("Plain", "Averaged")
    )
    shared = {path: averaged.state[path] for path in plain.state}
    assert distance(shared, plain.state) == (0.0, "")
    assert averaged.metrics["40.val_accuracy"] != plain.metrics["40.val_accuracy"]


def test_the_one_line_test_passes(page):
    page["test_my_trainer_keeps_the_contract"]()


def test_the_margin_is_that_of_torch(page):
    logits, labels = torch.randn(20, 10), torch.randint(10, (20,))
    torch.testing.assert_close(page["margin"](logits, labels), F.multi_margin_loss(logits, labels))


class Recurrent(nn.Module):
    def __init__(self, kind) -> None:
        super().__init__()
        self.cells, self.out = kind(4, 3, batch_first=True), nn.Linear(3, 1)

    def forward(self, x):
        return self.out(self.cells(x[:, None])[0][:, -1])


def with_loss(change):
    class Changed(Tidy):
        def loss(self, phase, nets, batch, hp):
            return super().loss(phase, nets, batch, hp) + change(nets, batch, hp)

    return Changed


def with_net(build):
    class Changed(Tidy):
        def build(self, hp):
            return {**super().build(hp), "net": build(hp)}

    return Changed


def penalty(nets, batch, hp):
    x = batch["x"].clone().requires_grad_()
    return torch.autograd.grad(nets["net"](x).sum(), x, create_graph=True)[0].sum()


def smoothed(nets, batch, hp):
    labels = torch.zeros(8, dtype=torch.int64)
    return F.cross_entropy(nets["net"](batch["x"]).expand(8, 3), labels, label_smoothing=hp.blur)


ROWS = [
    (
        with_loss(lambda nets, batch, hp: batch["x"].mean().item()),
        with_loss(lambda nets, batch, hp: float(hp.blur)),
        with_loss(lambda nets, batch, hp: 1.0 if hp.blur > 0 else 0.0),
    ),
    (
        with_loss(lambda nets, batch, hp: batch["x"][batch["x"] > 0].mean()),
        with_loss(lambda nets, batch, hp: batch["x"].nonzero().sum()),
    ),
    (with_loss(smoothed), with_loss(lambda nets, batch, hp: F.dropout(batch["x"], hp.blur).mean())),
    (
        with_net(lambda hp: nn.Sequential(nn.Linear(4, 1), nn.Dropout(0.1))),
        with_loss(lambda nets, batch, hp: torch.rand(())),
    ),
    (with_loss(penalty),),
    (with_net(lambda hp: Recurrent(nn.GRU)),),
    (with_net(lambda hp: nn.utils.parametrizations.spectral_norm(nn.Linear(4, 1))),),
    (with_net(lambda hp: nn.Linear(4, 1 + int(10 * hp.blur))),),
]


def table() -> list[str]:
    """What hpsearch says, row by row."""
    rows = re.search(r"^\| in `loss`.*?\n\|---.*?\n(.*?)\n\n", PAGE, re.MULTILINE | re.DOTALL)
    assert rows is not None
    return [line.split("|")[2].strip().strip("`") for line in rows[1].splitlines()]


@pytest.mark.parametrize(
    ("said", "trainer"),
    [(said, trainer) for said, row in zip(table(), ROWS, strict=True) for trainer in row],
)
def test_what_the_page_calls_unfusable_is_and_is_told_in_those_words(said, trainer):
    shape = Shape({"depth": 1, "width": 6, "shape": "plain"}, {"lr": None, "blur": None})
    params = [{"lr": 0.1, "blur": 0.1}, {"lr": 0.2, "blur": 0.3}]
    assert said in (fusion_obstacle(trainer(), params, {}, shape) or "")


def test_the_cures_of_the_page_are_fusable():
    def cured(nets, batch, hp):
        x = torch.where(batch["x"] > hp.blur, batch["x"], 0)
        return x.mean() + torch.func.grad(lambda x: nets["net"](x).sum())(x).sum()

    shape = Shape({"depth": 1, "width": 6, "shape": "plain"}, {"lr": None, "blur": None})
    params = [{"lr": 0.1, "blur": 0.1}, {"lr": 0.2, "blur": 0.3}]
    assert fusion_obstacle(with_loss(cured)(), params, {}, shape) is None
