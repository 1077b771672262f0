"""What a trainer asks of its hyperparameters beside their values."""

import pytest

from hpsearch.errors import TrainerError
from hpsearch.trainer.run import HP


def test_a_choice_picks_its_entry_and_no_other_is_evaluated():
    entries = {"a": lambda: 1, "b": lambda: pytest.fail("evaluated")}
    assert HP({"kind": "a"}).pick("kind", entries) == 1


def test_a_choice_without_an_entry_is_told_with_those_there_are():
    message = r"hp.pick\('kind'\): no entry for 'c' \(has: a, b\)"
    with pytest.raises(TrainerError, match=message):
        HP({"kind": "c"}).pick("kind", {"a": int, "b": int})


def test_among_says_whether_the_choice_is_one_of_these():
    hp = HP({"kind": "a"})
    assert hp.among("kind", "b", "a") is True
    assert hp.among("kind", "b") is False
