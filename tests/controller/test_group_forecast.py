"""`hpsearch check --fusion`: groups of a study that has not run, or has."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hpsearch.controller.group_forecast import forecast_groups
from hpsearch.controller.trial_table import TrialTable
from hpsearch.method.structure import Padded
from hpsearch.study.load import load_study
from hpsearch.trainer import describe_in_child
from hpsearch.trial import Outcome, Trial
from hpsearch.ui.cli import fusion as cli_fusion

STUDY = """\
study: toy
trainer: trainer.py:Net
objective: {minimize: loss}
search: {rounds: 3, trials: 10, survivors: 2}
budget: {steps: 4}
space:
  depth: {int: [1, 4]}
  width: {logint: [16, 128]}
  lr: {uniform: [0, 1]}
"""
NET = """
from hpsearch import Padded, Trainer
class Net(Trainer):
    defaults = {"depth": 1, "width": 32, "lr": 0.1}
    structure = ("depth", Padded("width", 1))
"""


@pytest.fixture
def file(toy: Callable[..., Path]) -> Path:
    return toy(STUDY, NET)


def test_round_0_is_grouped_as_it_will_be_drawn(file: Path) -> None:
    study = load_study(file)
    first, *later = forecast_groups(study, describe_in_child(study.trainer))
    depths: dict[object, list[int]] = {}
    for spec in TrialTable(study, []).round_specs(0)[1]:
        depths.setdefault(spec.params["depth"], []).append(spec.number)
    found = [[spec.number for spec in group.specs] for group in first.groups]
    assert sorted(found) == sorted(depths.values())
    assert [len(group) for group in found] == sorted(map(len, found), reverse=True)
    assert first.mean == sum(len(n) ** 2 for n in depths.values()) / 10
    assert (first.source, {each.source for each in later}) == ("sure", {"random"})
    assert first.without == {"depth": 10.0}


def test_a_forecast_is_always_the_same(file: Path) -> None:
    study = load_study(file, ["search.structures=[4, 2]"])
    description = describe_in_child(study.trainer)
    found = forecast_groups(study, description)
    assert forecast_groups(study, description) == found
    # The structure of depth and width has four values, of which two blocks have two.
    assert [each.count for each in found] == [4, 2, 2]


def test_rounds_that_were_run_are_grouped_as_they_were(file: Path) -> None:
    study = load_study(file)
    description = describe_in_child(study.trainer)
    table = TrialTable(study, [])
    for spec in table.round_specs(0)[1]:
        table.put(Trial(spec, Outcome("complete", spec.unit[0], {})))
    record, specs = table.round_specs(1)
    assert record.survivors
    for spec in specs:
        table.put(Trial(replace(spec, params={"depth": 2, "width": 64, "lr": 0.5}), None))
    found = forecast_groups(study, description, list(table))
    assert [each.source for each in found] == ["recorded", "recorded", "random"]
    assert [len(group.specs) for group in found[1].groups] == [10]
    assert found[1].without == {} and cli_fusion.split_text(found[1]) == "nothing"


def test_of_two_that_split_each_group_alone_neither_is_named(file: Path) -> None:
    study = load_study(file)
    description = replace(
        describe_in_child(study.trainer), structure=("lr", "width", Padded("depth"))
    )
    first = forecast_groups(study, description)[0]
    assert first.mean == 1 and cli_fusion.split_text(first) == "several together"
