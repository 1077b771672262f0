"""The trainers' contract: one that keeps it passes; one that breaks one thing fails just there."""

import itertools
import random

import numpy as np
import pytest
import torch
from contract_toys import SETTINGS, Convolves, Tidy

from hpsearch import testing
from hpsearch.method.structure import Alike, Padded
from hpsearch.space import Choice, Int, Parameter, Space, Uniform
from hpsearch.testing import fused
from hpsearch.testing import trainers as contract
from hpsearch.testing.cases import Case
from hpsearch.testing.trials import Trained, distance
from hpsearch.trainer.trainer import Evaluation

FROM_A_SPACE = Space(
    (
        Parameter("width", Int(3, 6)),
        Parameter("kind", Choice(("sgd", "adam"))),
        Parameter("lr", Uniform(0.001, 0.01)),
        Parameter("critics", Int(1, 2)),
        Parameter("shape", Choice(("plain", "square", "even"))),
        Parameter("depth", Int(1, 2)),
        Parameter("decay", Uniform(0, 0.1)),
    )
)


class UnstudyableDefault(Tidy):
    defaults = {**Tidy.defaults, "betas": (0.9, 0.99)}

    def optimizer(self, phase, hp):
        assert hp.betas
        return super().optimizer(phase, hp)


class UnreadDefault(Tidy):
    defaults = {**Tidy.defaults, "momentum": 0.9}


class UnknownStructure(Tidy):
    structure = (*Tidy.structure, "widht")


class PaddedText(Tidy):
    structure = ("depth", "width", Padded("kind"), Alike("shape", ("square", "even")))


class DrawsFromTorch(Tidy):
    def loss(self, phase, nets, batch, hp):
        return super().loss(phase, nets, batch, hp) + 0 * torch.rand(())


class DrawsFromNumpy(Tidy):
    def loss(self, phase, nets, batch, hp):
        return super().loss(phase, nets, batch, hp) + 0 * np.random.random()


class DrawsFromPython(Tidy):
    def loss(self, phase, nets, batch, hp):
        return super().loss(phase, nets, batch, hp) + 0 * random.random()


class DrawsFromItsOwn(Tidy):
    generator = np.random.default_rng()

    def loss(self, phase, nets, batch, hp):
        return super().loss(phase, nets, batch, hp) + self.generator.random()


class RemembersItsSteps(Tidy):
    """The loss is the same at both calls of one place, yet depends on how often it was called."""

    def __init__(self):
        self.calls = 0

    def loss(self, phase, nets, batch, hp):
        self.calls += 1
        return super().loss(phase, nets, batch, hp) * (2.0 if self.calls > 4 else 1.0)


class InfiniteMetric(Tidy):
    def evaluate(self, nets, outputs, hp):
        return Evaluation({"mse": float(outputs["mse"]), "ratio": float("inf")})


class CountingMetric(Tidy):
    count = itertools.count()

    def evaluate(self, nets, outputs, hp):
        return Evaluation({"mse": float(outputs["mse"]), "call": float(next(self.count))})


class NoMetric(Tidy):
    def evaluate(self, nets, outputs, hp):
        return Evaluation({})


class MisnamedTest(Tidy):
    def test(self, nets, hp):
        return {"accuracy": 1.0}


class TestsWhileSearching(Tidy):
    __test__ = False

    def evaluate(self, nets, outputs, hp):
        return Evaluation({"mse": float(outputs["mse"]), "test_mse": 1.0})


class SeesTheOthers(Tidy):
    """One instance of the trainer serves all trials of a group."""

    def __init__(self):
        self.rates = set()

    def evaluate(self, nets, outputs, hp):
        self.rates.add(hp.lr)
        return Evaluation({"mse": float(outputs["mse"]), "rates": float(len(self.rates))})


class ForgetsABuffer(Tidy):
    """What is not in the checkpoint is lost when the trial goes on from it."""

    def build(self, hp):
        nets = super().build(hp)
        nets["net"].append(Counting())
        return nets


class Counting(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()), persistent=False)

    def forward(self, x):
        self.calls += 1 if self.training else 0
        return x * (1 + self.calls)


class DiffersInGroups(Tidy):
    def loss(self, phase, nets, batch, hp):
        return super().loss(phase, nets, batch, hp) * (0.5 if torch.is_tensor(hp.lr) else 1.0)


class NormalisesItsUnits(Tidy):
    """The mean over the units of a padded layer is another one."""

    def build(self, hp):
        nets = super().build(hp)
        nets["net"].insert(1, torch.nn.LayerNorm(hp.width))
        return nets


BREAKERS = [
    (UnstudyableDefault, contract.its_defaults_are_what_a_study_can_give, "betas"),
    (UnreadDefault, contract.every_hyperparameter_is_read, "nothing reads momentum"),
    (UnknownStructure, contract.its_structure_names_hyperparameters, "'widht' is not among"),
    (PaddedText, contract.its_structure_names_hyperparameters, "only whole numbers"),
    (DrawsFromTorch, contract.its_loss_draws_no_random_numbers, "global generator of torch"),
    (DrawsFromNumpy, contract.its_loss_draws_no_random_numbers, "global generator of numpy"),
    (DrawsFromPython, contract.its_loss_draws_no_random_numbers, "global generator of random"),
    (DrawsFromItsOwn, contract.its_loss_draws_no_random_numbers, "same batch has the losses"),
    (RemembersItsSteps, contract.a_trial_resumes_to_the_same_bits, "resumed to 8"),
    (
        InfiniteMetric,
        contract.its_metrics_are_finite_and_the_same_for_the_same_networks,
        "not finite: {'ratio': inf}",
    ),
    (
        CountingMetric,
        contract.its_metrics_are_finite_and_the_same_for_the_same_networks,
        "two evaluations",
    ),
    (
        NoMetric,
        contract.its_metrics_are_finite_and_the_same_for_the_same_networks,
        "gives no metrics",
    ),
    (MisnamedTest, contract.metrics_on_test_data_are_named_test, "not named test_*: accuracy"),
    (TestsWhileSearching, contract.metrics_on_test_data_are_named_test, "gives test_mse"),
    (SeesTheOthers, fused.a_trials_bits_do_not_depend_on_its_group, "rates: 1.0 and 2.0"),
    (
        ForgetsABuffer,
        fused.a_fused_trial_resumes_in_another_group_to_the_same_bits,
        "resumed with two",
    ),
    (DiffersInGroups, fused.a_fused_trial_has_the_numbers_of_a_lone_one, "fused and alone it is"),
    (NormalisesItsUnits, fused.padding_changes_no_number, "padded to {'width': 5} and to {'width'"),
]


@pytest.mark.parametrize("check", testing.ALL_TRAINER_CHECKS)
@pytest.mark.parametrize("tries", [SETTINGS, FROM_A_SPACE], ids=["settings", "space"])
def test_a_tidy_trainer_keeps_the_contract(check, tries, tmp_path):
    if tries is FROM_A_SPACE and check is contract.every_hyperparameter_is_read:
        tries = SETTINGS
    check(Tidy, tries, tmp_path)


@pytest.mark.parametrize(("trainer", "check", "message"), BREAKERS)
def test_a_trainer_that_breaks_one_thing_fails_its_check(trainer, check, message, tmp_path):
    with pytest.raises(AssertionError) as raised:
        check(trainer, SETTINGS, tmp_path)
    assert message in str(raised.value)


class Unstable(Tidy):
    """A wrong last bit grows by a factor of ten every ten steps."""

    def loss(self, phase, nets, batch, hp):
        waves = torch.sin(30 * nets[phase](batch["x"])).mean()
        return super().loss(phase, nets, batch, hp) + 0.1 * waves


def test_a_trial_that_lets_rounding_grow_is_not_blamed_for_it(tmp_path):
    tries = [{"lr": 0.03, "kind": "sgd", "width": 5}]
    fused.a_fused_trial_has_the_numbers_of_a_lone_one(Unstable, tries, tmp_path)
    checkpoints = [Trained.read(tmp_path / at) for at in ("0/fused/0", "0/0")]
    assert 1e-9 < distance(*(trained.state for trained in checkpoints))[0] < 1e-3


def test_every_check_has_a_trainer_that_breaks_it():
    assert {check for _, check, _ in BREAKERS} == set(testing.ALL_TRAINER_CHECKS)


def asking(base):
    class Asks(base):
        def loss(self, phase, nets, batch, hp):
            return super().loss(phase, nets, batch, hp) * (2.0 if hp.blur > 0.2 else 1.0)

    return Asks


@pytest.mark.parametrize("base", [Tidy, Convolves])
def test_a_trainer_that_cannot_be_fused_is_told_why(base):
    if base is Convolves:
        testing.check_trainer(base, SETTINGS[:2], fused.FUSED_TRAINER_CHECKS)
    with pytest.raises(AssertionError) as raised:
        testing.check_trainer(asking(base), SETTINGS, fused.FUSED_TRAINER_CHECKS)
    lines = str(raised.value).splitlines()[1:]
    assert len([line for line in lines if "UnfusableError: Asks: " in line]) == 4
    assert "makes control flow depend on a tensor's values" in lines[0]


def test_one_line_names_every_check_that_fails():
    class Wrong(MisnamedTest, UnreadDefault):
        pass

    with pytest.raises(AssertionError) as raised:
        testing.check_trainer(Wrong, SETTINGS, contract.LONE_TRAINER_CHECKS)
    first, *lines = str(raised.value).splitlines()
    assert first == "Wrong breaks:"
    assert [line.partition(":")[0] for line in lines] == [
        "every_hyperparameter_is_read",
        "metrics_on_test_data_are_named_test",
    ]


def test_what_a_trainer_raises_is_said_with_the_check_in_which_it_did():
    class Raises(Tidy):
        def test(self, nets, hp):
            raise ValueError("no test data")

    with pytest.raises(AssertionError, match="is_read: ValueError: no test data") as raised:
        testing.check_trainer(Raises, SETTINGS, contract.LONE_TRAINER_CHECKS)
    assert isinstance(raised.value.__cause__, ValueError)


def test_trials_from_a_space_meet_every_option_of_every_choice():
    settings = Case.of(Tidy, FROM_A_SPACE).settings
    assert len(settings) == 5
    assert {s["shape"] for s in settings} == {"plain", "square", "even"}
    assert {s["kind"] for s in settings} == {"sgd", "adam"}


@pytest.mark.slow
def test_one_line_puts_a_trainer_through_all_of_it():
    testing.check_trainer(Tidy, SETTINGS)


@pytest.mark.parametrize("tries", [SETTINGS, FROM_A_SPACE], ids=["settings", "space"])
def test_the_company_of_a_trial_shares_its_shape_and_is_unlike_it(tries):
    case = Case.of(Tidy, tries)
    unlike = 0
    for settings in case.settings:
        company = case.group(settings, 5)
        assert company[0] is settings and len(company) == 5
        assert {case.shape(member).key for member in company} == {case.shape(settings).key}
        unlike += len({tuple(sorted(member.items())) for member in company})
    assert unlike >= 3 * len(case.settings)
