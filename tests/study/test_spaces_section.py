from pathlib import Path

import pytest
from study_texts import SMALL

from hpsearch.space import Choice, Int, Logint, Loguniform, Uniform
from hpsearch.study.load import load_study

KINDS = "(has: uniform, loguniform, int, logint, choice)"


@pytest.mark.parametrize(
    ("entry", "domain"),
    [
        ("{uniform: [0, 1e-4]}", Uniform(0.0, 1e-4)),
        ("{loguniform: [1, 10]}", Loguniform(1.0, 10.0)),
        ("{int: [-3, 5]}", Int(-3, 5)),
        ("{logint: [1, 5]}", Logint(1, 5)),
        ("{choice: [1, true, null, no, 1.5]}", Choice((1, True, None, "no", 1.5))),
        ("[16, 32]", Choice((16, 32))),
    ],
)
def test_every_distribution_becomes_its_domain(entry, domain):
    Path("s.yaml").write_text(f"{SMALL}space: {{a: {entry}}}")
    [parameter] = load_study("s.yaml").space
    assert parameter.domain == domain
    assert repr(parameter.domain) == repr(domain)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{uniform: [1, 0]}", "a.uniform: low must be below high, got [1, 0]"),
        ("{uniform: [1, 1.0]}", "a.uniform: low must be below high, got [1, 1.0]"),
        ("{loguniform: [0, 0.01]}", "a.loguniform: low must be above 0, got [0, 0.01]"),
        ("{logint: [0, 8]}", "a.logint: low must be at least 1, got [0, 8]"),
        ("{int: [1.0, 5]}", "a.int: low and high must be whole numbers, got [1.0, 5]"),
        ("{int: [true, 5]}", "a.int: low and high must be whole numbers, got [true, 5]"),
        ("{int: [0, 10000000000000]}",
         "a.int: low and high must lie within 1e+12 of 0, got [0, 10000000000000]"),
        ("{uniform: [0, one]}", "a.uniform: low and high must be numbers, got [0, one]"),
        ("{uniform: [1, 2, 3]}", "a.uniform: must be [low, high], got [1, 2, 3]"),
        ("{uniform: 3}", "a.uniform: must be [low, high], got 3"),
        ("{uniform: [-1e308, 1e308]}",
         "a.uniform: the range is too wide or too narrow for floating point, got [-1e308, 1e308]"),
        ("{loguniform: [1e-200, 1e200]}", "a.loguniform: the range is too wide or too narrow"
         " for floating point, got [1e-200, 1e200]"),
        ("{logunifrom: [1, 2]}",
         f'a.logunifrom: unknown distribution {KINDS}. Did you mean "loguniform"?'),
        ("{}", "a: must hold exactly one of uniform, loguniform, int, logint, choice, got {}"),
        ("{int: [1, 2], uniform: [0, 1]}", "a: must hold exactly one of uniform, loguniform, int,"
         " logint, choice, got {int: [1, 2], uniform: [0, 1]}"),
        ("0.1", "a: must be a distribution such as {uniform: [0, 1]}, or a list of choices"
         " (a constant goes under fixed), got 0.1"),
        ("[]", "a: must be a list of at least one choice, got []"),
        ("{choice: x}", "a.choice: must be a list of at least one choice, got x"),
        ("[x, y, x]", "a[2]: x is written twice; keep one"),
        ("[1, 1.0]", "a[1]: 1.0 is written twice; keep one"),
        ("[[1, 2], 3]", "a[0]: a choice must be text, a number, true, false or null, got [1, 2]"),
        ("{int: [1, 2], when: {}}",
         "a.when: must map parameters to their values, as in {penalty: [gradient, r1]}, got {}"),
        ("{int: [1, 2], when: {modes: x}}", "a.when.modes: no such parameter in the space"
         ' (has: a, mode, lr). Did you mean "mode"?'),
        ("{int: [1, 2], when: {mode: z}}",
         "a.when.mode: mode can never have that value: it is [x, y], got z"),
        ("{int: [1, 2], when: {mode: []}}",
         "a.when.mode: must name at least one value of mode, got []"),
        ("{int: [1, 2], when: {lr: 0.5}}", "a.when.lr: lr is continuous and never equals a value;"
         " ask for a choice or an int"),
        ("{int: [1, 2], when: {a: 1}}",
         "a.when: circular conditions (a -> a); drop one of them"),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_named_with_the_rule_and_the_value(faults, entry, message):
    space = f"space:\n  a: {entry}\n  mode: [x, y]\n  lr: {{uniform: [0, 1]}}\n"
    [line] = faults(SMALL + space)
    assert line.split("  space.", 1)[1] == message


def test_conditions_in_a_circle_are_shown_once(faults):
    space = """\
space:
  a: {choice: [1, 2], when: {c: 1}}
  b: {choice: [1, 2], when: {a: 1}}
  c: {choice: [1, 2], when: {b: 1}}
  d: {choice: [1, 2], when: {b: 1}}
"""
    assert faults(SMALL + space) == [
        "s.yaml:6:23  space.a.when: circular conditions (a -> c -> b -> a); drop one of them"
    ]


def test_conditions_may_be_nested_and_several_and_in_any_order():
    space = """\
space:
  c: {uniform: [0, 1], when: {b: 2, a: [x]}}
  b: {int: [1, 3], when: {a: [x, y]}}
  a: [x, y, z]
"""
    Path("s.yaml").write_text(SMALL + space)
    study = load_study("s.yaml")
    assert study.space.decode([0.5, 0.5, 0.1]) == {"c": 0.5, "b": 2, "a": "x"}
    assert study.space.decode([0.5, 0.5, 0.5]) == {"b": 2, "a": "y"}
    assert study.space.decode([0.5, 0.5, 0.9]) == {"a": "z"}


@pytest.mark.parametrize("name", ["my-lr", "3d", "a b"])
def test_a_name_that_is_no_identifier_is_refused(faults, name):
    assert faults(f"{SMALL}space:\n  {name}: [1, 2]\n") == [
        f"s.yaml:6:3  space.{name}: must be a name of letters, digits and _, as in Python"
    ]


@pytest.mark.parametrize("space", ["{}", "[lr]", "3"])
def test_a_space_without_parameters_is_refused(faults, space):
    assert faults(f"{SMALL}space: {space}\n") == [
        "s.yaml:5:1  space: must hold at least one parameter,"
        f" as in {{lr: {{loguniform: [1e-5, 1e-2]}}}}, got {space}"
    ]


SPACE = """\
space:
  mode: [x, y, z]
  depth: {int: [1, 3], when: {mode: [x, y]}}
  lr: {uniform: [0, 1]}
"""


def test_a_start_gives_some_values_and_numbers_of_their_parameters_type():
    Path("s.yaml").write_text(f"{SMALL}start: [{{lr: 1}}, {{depth: 2, mode: x}}]\n{SPACE}")
    assert repr(load_study("s.yaml").start) == "({'lr': 1.0}, {'mode': 'x', 'depth': 2})"


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ("[{lr: 2}]", "start[0].lr: must lie in the space, {uniform: [0, 1]}, got 2"),
        ("[{mode: q}]", "start[0].mode: must lie in the space, [x, y, z], got q"),
        ("[{lr: 1}, {lrr: 1}]", "start[1].lrr: no such parameter in the space"
         ' (has: mode, depth, lr). Did you mean "lr"?'),
        ("[{depth: 2}]",
         "start[0].depth: is inactive here; give mode: x or y beside it, or drop it"),
        ("[{depth: 2, mode: z}]",
         "start[0].depth: is inactive here; give mode: x or y beside it, or drop it"),
        ("[3]", "start[0]: must be a configuration, as in {lr: 1e-3}, got 3"),
        ("{lr: 1}", "start: must be a list of configurations, as in [{lr: 1e-3}], got {lr: 1}"),
        ("[{lr: 0}, {lr: 0.5}, {lr: 1}]",
         "start: 3 configurations must be at most search.trials (2); drop some"),
    ],
)  # fmt: skip
def test_a_start_that_cannot_be_trained_is_refused(faults, start, message):
    search = "search: {trials: 2, survivors: 1}\n"
    [line] = faults(f"{SMALL}{search}start: {start}\n{SPACE}")
    assert line.split("  ", 1)[1] == message


def test_a_start_is_checked_although_the_space_has_a_fault(faults):
    space = SPACE.replace("[1, 3]", "[3, 1]")
    assert faults(f"{SMALL}start: [{{lr: 2}}]\n{space}") == [
        "s.yaml:5:10  start[0].lr: must lie in the space, {uniform: [0, 1]}, got 2",
        "s.yaml:8:11  space.depth.int: low must be below high, got [3, 1]",
    ]
