from pathlib import Path

import pytest
from study_texts import SMALL

from hpsearch.study.load import load_study

TEXT = SMALL + "space:\n  lr: {loguniform: [1e-5, 1e-2], when: {mode: x}}\n  mode: [x, y]\n"


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("search.rounds=2", ("search", "rounds"), 2),
        ("space.lr.loguniform=[1e-4,1e-2]", ("space", "lr", "loguniform"), [1e-4, 1e-2]),
        ("space.lr={uniform: [0,1]}", ("space", "lr"), {"uniform": [0, 1]}),
        ("space.lr.uniform=[0,1]", ("space", "lr"), {"when": {"mode": "x"}, "uniform": [0, 1]}),
        ("space.new.int=[0,1]", ("space", "new"), {"int": [0, 1]}),
        ("fixed.net.width=3", ("fixed",), {"net": {"width": 3}}),
        ("objective.minimize=a=b", ("objective", "minimize"), "a=b"),
        ("study = other", ("study",), "other"),
    ],
)
def test_an_override_replaces_a_value_of_the_file(override, path, value):
    Path("s.yaml").write_text(TEXT)
    study = load_study("s.yaml", [override])
    value_in_document = study.document
    for key in path:
        value_in_document = value_in_document[key]
    assert value_in_document == value
    assert study.overrides == (override,)


def test_an_overridden_parameter_keeps_its_index_in_the_space():
    Path("s.yaml").write_text(SMALL + "space: {b: [1, 2], a: [1, 2]}\n")
    study = load_study("s.yaml", ["space.b.int=[1, 2]", "space.a=[3, 4]"])
    assert study.space.names == ("b", "a")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("search.rounds=x", "search.rounds: must be a whole number, got x"),
        ("serch.rounds=2", "serch: unknown section (has: study, trainer, command, objective,"
         " search, budget, confirm, limits, resources, fuse, loggers, fixed, start, space)."
         ' Did you mean "search"?'),
        ("rounds", "must be KEY.PATH=YAML, as in search.rounds=2"),
        ("search..rounds=2", "must be KEY.PATH=YAML, as in search.rounds=2"),
        ("search.rounds=", "search.rounds: no value; must be KEY.PATH=YAML,"
         " as in search.rounds=2"),
        ("search.rounds=[2", "search.rounds: not YAML: expected ',' or ']',"
         " but got '<stream end>'"),
        ("study.name=x", "study.name: study is not a mapping; set study as a whole"),
        ("space.lr.loguniform=[0, 0.01]",
         "space.lr.loguniform: low must be above 0, got [0, 0.01]"),
        ("space.lr={uniform: [1, 0]}", "space.lr.uniform: low must be below high, got [1, 0]"),
    ],
)  # fmt: skip
def test_a_wrong_override_is_named_as_it_was_given(faults, override, message):
    assert faults(TEXT, override) == [f"--set {override}  {message}"]


def test_faults_of_overrides_follow_those_of_the_file(faults):
    text = TEXT.replace("steps: 10", "steps: 0")
    assert faults(text, "search.seed=-1") == [
        "s.yaml:4:10  budget.steps: must be at least 1, got 0",
        "--set search.seed=-1  search.seed: must be at least 0, got -1",
    ]
