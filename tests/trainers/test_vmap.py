"""Several trials of a shipped trainer through `torch.func.vmap`: each has the lone one's numbers.

The tests' own stand-in for a fused group: hyperparameters as tensors without dimensions, choices by
`torch.where`.
"""

import contextlib
import itertools
from collections.abc import Callable, Mapping

import pytest
import torch
from torch import Tensor
from torch.nn.utils import stateless

from classifier import ACTIVATIONS, Classifier
from gan import GAN, LOSSES, PENALTIES
from hpsearch.trainer.run import HP
from hpsearch.trainer.trainer import Trainer

CLOSE = {"rtol": 1e-9, "atol": 1e-9}
WIDTHS = {"depth": 2, "width": 8, "batch_size": 12}
Trees = Mapping[str, Mapping[str, Tensor]]


class Company(HP):
    """One trial of a group under vmap; `codes` say which of `choices` is its own."""

    def __init__(self, values, codes: Mapping[str, Tensor], choices: Mapping[str, list[str]]):
        super().__init__(values)
        self._codes, self._choices = codes, choices

    def __getitem__(self, name):
        assert name not in self._codes, f"{name} is no plain value"
        return super().__getitem__(name)

    def pick(self, name: str, of: Mapping[str, Callable[[], Tensor]]) -> Tensor:
        if name not in self._codes:
            return super().pick(name, of)
        first, *others = self._choices[name]
        picked = of[first]()
        for code, choice in enumerate(others, start=1):
            picked = torch.where(self._codes[name] == code, of[choice](), picked)
        return picked

    def among(self, name: str, *choices: str) -> bool:
        if name not in self._codes:
            return super().among(name, *choices)
        inside = {choice in choices for choice in self._choices[name]}
        assert len(inside) == 1
        return inside.pop()


def group_of(hps: list[HP], varying: list[str]):
    """Numbers [K] and codes [K] of what varies, and the choices behind the codes."""
    numbers, codes, choices = {}, {}, {}
    for name in varying:
        values = [hp[name] for hp in hps]
        if isinstance(values[0], str):
            choices[name] = sorted(set(values))
            codes[name] = torch.tensor([choices[name].index(value) for value in values])
        else:
            numbers[name] = torch.tensor(values, dtype=torch.float64)
    return numbers, codes, choices


def doubles(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {n: t.double() if t.is_floating_point() else t for n, t in tensors.items()}


def stack(mappings: list[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Stacks by name; noise that a trial has none of is zero, as in a group."""
    every = {name: tensor for mapping in mappings for name, tensor in mapping.items()}
    return {
        name: torch.stack([m.get(name, torch.zeros_like(like)) for m in mappings])
        for name, like in every.items()
    }


@contextlib.contextmanager
def having(nets, states):
    """The networks have these parameters inside the block."""
    with contextlib.ExitStack() as stack:
        for name, net in nets.items():
            stack.enter_context(stateless._reparametrize_module(net, states[name]))
        yield nets


class Members:
    """Networks and batches of a few trials."""

    def __init__(self, trainer: Trainer, hps: list[HP]) -> None:
        self.trainer, self.hps = trainer, hps
        self.nets, self.batches = [], []
        rows = trainer.data(hps[0]).train
        for i, hp in enumerate(hps):
            torch.manual_seed(i)
            self.nets.append({name: net.double() for name, net in trainer.build(hp).items()})
            batch = {name: data[i * 40 : i * 40 + hp.batch_size] for name, data in rows.items()}
            noise = {name: torch.randn(shape) for name, shape in trainer.noise(hp).items()}
            self.batches.append(doubles(batch | noise))

    def alone(self, phase: str) -> list[tuple[Tensor, list[Tensor]]]:
        found = []
        for nets, batch, hp in zip(self.nets, self.batches, self.hps, strict=True):
            loss = self.trainer.loss(phase, nets, batch, hp)
            found.append((loss, torch.autograd.grad(loss, list(nets[phase].parameters()))))
        return found

    def together(self, phase: str, varying: list[str]) -> tuple[Tensor, dict[str, Tensor]]:
        numbers, codes, choices = group_of(self.hps, varying)
        states = {
            name: torch.func.stack_module_state([nets[name] for nets in self.nets])[0]
            for name in self.nets[0]
        }

        def loss(learning, others, batch, numbers, codes):
            of = {**others, phase: learning}
            hp = Company({**self.hps[0], **numbers}, codes, choices)
            with having(self.nets[0], of) as nets:
                return self.trainer.loss(phase, nets, batch, hp)

        step = torch.func.vmap(torch.func.grad_and_value(loss), randomness="error")
        slopes, losses = step(states.pop(phase), states, stack(self.batches), numbers, codes)
        return losses, slopes


def assert_together_is_alone(trainer: Trainer, phase: str, hps: list[HP], varying: list[str]):
    members = Members(trainer, hps)
    losses, slopes = members.together(phase, varying)
    for i, (loss, gradients) in enumerate(members.alone(phase)):
        torch.testing.assert_close(losses[i], loss, **CLOSE)
        for ours, theirs in zip(slopes.values(), gradients, strict=True):
            torch.testing.assert_close(ours[i], theirs, **CLOSE)
    assert len({float(loss) for loss in losses.detach()}) == len(hps)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_classifiers_of_unlike_dropout_and_smoothing(hp, activation):
    hps = [
        hp(Classifier, activation=activation, dropout=p, label_smoothing=s, **WIDTHS)
        for p, s in [(0.0, 0.0), (0.2, 0.1), (0.5, 0.3)]
    ]
    assert_together_is_alone(Classifier(), "net", hps, ["dropout", "label_smoothing"])


@pytest.mark.parametrize("phase", GAN.phases)
@pytest.mark.parametrize("penalty", ["none", *PENALTIES])
def test_gans_of_unlike_losses(hp, phase, penalty):
    hps = [
        hp(GAN, loss=loss, penalty=penalty, penalty_weight=w, z_dim=3, **WIDTHS)
        for loss, w in zip(LOSSES, (0.1, 0.3, 1.0, 2.0, 3.0, 10.0), strict=True)
    ]
    assert_together_is_alone(GAN(), phase, hps, ["loss", "penalty_weight"])


@pytest.mark.parametrize("loss", LOSSES)
def test_gans_of_unlike_penalties(hp, loss):
    hps = [hp(GAN, loss=loss, penalty=p, penalty_weight=2.0, z_dim=3, **WIDTHS) for p in PENALTIES]
    assert_together_is_alone(GAN(), "discriminator", hps, ["penalty", "penalty_weight"])


def test_gans_of_every_loss_with_every_penalty_in_one_group(hp):
    hps = [
        hp(GAN, loss=loss, penalty=penalty, z_dim=3, **WIDTHS)
        for loss, penalty in itertools.product(LOSSES, PENALTIES)
    ]
    assert_together_is_alone(GAN(), "discriminator", hps, ["loss", "penalty"])


@pytest.mark.parametrize("broken", PENALTIES)
def test_a_member_that_is_not_finite_leaves_the_others_alone(hp, broken):
    losses = list(LOSSES)[:3]
    hps = [
        hp(GAN, loss=loss, penalty=penalty, z_dim=3, **WIDTHS)
        for loss, penalty in zip(losses, PENALTIES, strict=True)
    ]
    members = Members(GAN(), hps)
    _, slopes = members.together("discriminator", ["loss", "penalty"])
    row = PENALTIES.index(broken)
    members.nets[row]["discriminator"][0].weight.data.fill_(float("nan"))
    values, broken_slopes = members.together("discriminator", ["loss", "penalty"])
    for i in range(3):
        assert bool(values[i].isnan()) == (i == row)
        for before, after in zip(slopes.values(), broken_slopes.values(), strict=True):
            assert i == row or torch.equal(before[i], after[i])


@pytest.mark.parametrize("trainer", [GAN(), Classifier()], ids=["gan", "classifier"])
def test_what_is_put_out_for_the_evaluation_is_that_of_each(hp, trainer):
    hps = [hp(type(trainer), **WIDTHS) for _ in range(3)]
    members = Members(trainer, hps)
    inputs = doubles(trainer.inputs(hps[0]))
    states = {
        name: torch.func.stack_module_state([nets[name] for nets in members.nets])[0]
        for name in members.nets[0]
    }

    def one(states):
        with having(members.nets[0], states) as nets:
            return trainer.outputs(nets, inputs, hps[0])

    fused = torch.func.vmap(one)(states)
    for i, nets in enumerate(members.nets):
        for name, alone in trainer.outputs(nets, inputs, hps[i]).items():
            torch.testing.assert_close(fused[name][i], alone, **CLOSE)


@pytest.mark.parametrize("trainer", [GAN, Classifier], ids=["gan", "classifier"])
def test_inputs_are_the_same_objects_for_trials_that_can_share_them(hp, trainer):
    a, b = (trainer().inputs(hp(trainer, lr=lr)) for lr in (0.1, 0.2))
    assert len(a) > 3 and all(a[name] is b[name] for name in a)
