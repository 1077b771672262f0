"""What a loss sees of hyperparameters in which the trials of its group may differ."""

import pytest
import torch
from torch.func import vmap

from hpsearch.errors import TrainerError
from hpsearch.method.structure import Shape
from hpsearch.trainer.fused.hyper import GroupHP, stacked_numbers
from hpsearch.trainer.run import HP

CHOICES = {"loss": ("hinge", "wgan", "squares")}


def hp_of(position: int, **numbers: float) -> GroupHP:
    tensors = {name: torch.tensor(number) for name, number in numbers.items()}
    return GroupHP({"depth": 2}, {"loss": torch.tensor(position), **tensors}, CHOICES)


def test_a_number_is_a_tensor_and_what_is_shared_is_plain():
    hp = hp_of(0, lr=0.5)
    assert hp.lr.shape == ()
    assert float(hp["lr"]) == 0.5
    assert hp.depth == 2
    assert type(hp.depth) is int


def test_each_trial_picks_its_own():
    def picked(position):
        hp = GroupHP({}, {"loss": position}, CHOICES)
        of = {"squares": 3.0, "hinge": 1.0, "wgan": 2.0, "other": 4.0}
        return hp.pick("loss", {name: lambda v=v: torch.tensor(v) for name, v in of.items()})

    assert vmap(picked)(torch.tensor([2, 0, 1, 2])).tolist() == [3, 1, 2, 3]


def test_what_is_not_picked_may_be_infinite():
    picked = hp_of(1).pick(
        "loss",
        {
            "hinge": lambda: torch.tensor(float("nan")),
            "wgan": lambda: torch.tensor(2.0),
            "squares": lambda: torch.tensor(float("inf")),
        },
    )
    assert picked == 2


def test_a_pick_of_what_is_shared_evaluates_its_own_alone():
    hp = GroupHP({"loss": "wgan"}, {}, {})
    never = pytest.fail
    assert hp.pick("loss", {"wgan": lambda: 2.0, "hinge": lambda: never("evaluated")}) == 2.0


def test_a_pick_without_an_entry_for_a_possible_choice_names_it():
    with pytest.raises(TrainerError) as raised:
        hp_of(0).pick("loss", {"hinge": torch.zeros, "squares": torch.zeros})
    assert str(raised.value) == "hp.pick('loss'): no entry for wgan (has: hinge, squares)"


@pytest.mark.parametrize(
    "read", [lambda hp: hp.loss, lambda hp: hp["loss"], lambda hp: hp.get("loss")]
)
def test_a_choice_that_may_differ_is_not_read_directly(read):
    with pytest.raises(TrainerError, match=r"hp\.loss differs between the trials of a fused group"):
        read(hp_of(0))


def test_among_answers_where_all_agree_and_says_so_where_they_may_not():
    hp = hp_of(0)
    assert hp.among("loss", "hinge", "wgan", "squares")
    assert not hp.among("loss", "something else")
    with pytest.raises(TrainerError) as raised:
        hp.among("loss", "hinge")
    assert str(raised.value) == (
        "hp.among('loss', ...): the trials of a group may differ in it (hinge, wgan, squares); "
        "use hp.pick, or name loss in structure"
    )
    assert GroupHP({"loss": "hinge"}, {}, {}).among("loss", "hinge")


def test_what_may_differ_is_there_and_what_nobody_has_is_not():
    hp = hp_of(0, lr=0.5)
    assert all(name in hp for name in ("loss", "lr", "depth"))
    assert "momentum" not in hp
    assert hp.get("momentum", 3) == 3
    with pytest.raises(AttributeError, match="no hyperparameter 'momentum'"):
        _ = hp.momentum


def test_numbers_are_stacked_and_what_is_inactive_is_one():
    shape = Shape({}, {"lr": None, "critics": None, "weight": None, "loss": CHOICES["loss"]})
    hps = [
        HP({"lr": 0.5, "critics": 2, "loss": "squares"}),
        HP({"lr": 1, "critics": 3, "weight": 7, "loss": "hinge"}),
        HP({"lr": 0.25, "critics": 1, "weight": None, "loss": "wgan"}),
    ]
    numbers = stacked_numbers(hps, shape, torch.float64)
    assert {name: tensor.tolist() for name, tensor in numbers.items()} == {
        "lr": [0.5, 1, 0.25],
        "critics": [2, 3, 1],
        "weight": [1, 7, 1],
        "loss": [2, 0, 1],
    }
    assert numbers["lr"].dtype == torch.float64
    assert numbers["critics"].dtype == numbers["weight"].dtype == torch.int64


def test_a_conditional_choice_that_no_trial_has_is_some_position():
    numbers = stacked_numbers([HP({}), HP({"loss": "wgan"})], Shape({}, CHOICES), torch.float32)
    assert numbers["loss"].tolist() == [0, 1]
