"""`within` in a study file: its meaning, its faults, and its effect on study_differences."""

from pathlib import Path

import pytest
from study_texts import SMALL

from hpsearch.space import Int, Logint, Loguniform, Uniform
from hpsearch.study.frozen import freeze_study, study_differences
from hpsearch.study.load import load_study


@pytest.mark.parametrize(
    ("entry", "domain"),
    [
        ("{loguniform: [1e-4, 1e-2], within: [1e-6, 1]}", Loguniform(1e-4, 1e-2, (1e-6, 1.0))),
        ("{within: [-1, 1], uniform: [0, 1]}", Uniform(0.0, 1.0, (-1.0, 1.0))),
        ("{int: [1, 5], within: [1, 9]}", Int(1, 5, (1, 9))),
        ("{logint: [8, 64], within: [1, 1024]}", Logint(8, 64, (1, 1024))),
        ("{int: [1, 5], within: [1, 5]}", Int(1, 5)),
        ("{int: [1, 5], within: null}", Int(1, 5)),
    ],
)
def test_within_is_a_ranges_limit(entry, domain):
    Path("s.yaml").write_text(f"{SMALL}space: {{a: {entry}}}")
    [parameter] = load_study("s.yaml").space
    assert parameter.domain == domain
    assert repr(parameter.domain) == repr(domain)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{uniform: [0, 1], within: [0.5, 2]}",
         "must contain all of uniform: [0, 1], got [0.5, 2]"),
        ("{uniform: [0, 1], within: [-1, 0.9]}",
         "must contain all of uniform: [0, 1], got [-1, 0.9]"),
        ("{loguniform: [1e-4, 1e-2], within: [0, 1]}", "low must be above 0, got [0, 1]"),
        ("{logint: [2, 8], within: [0, 9]}", "low must be at least 1, got [0, 9]"),
        ("{int: [2, 8], within: [0.5, 9]}", "its ends must be whole numbers, got [0.5, 9]"),
        ("{uniform: [0, 1], within: [a, b]}", "its ends must be numbers, got [a, b]"),
        ("{uniform: [0, 1], within: [2, 1]}", "low must be below high, got [2, 1]"),
        ("{uniform: [0, 1], within: 2}", "must be [low, high], got 2"),
        ("{int: [0, 1], within: [0, 10000000000000]}",
         "its ends must lie within 1e+12 of 0, got [0, 10000000000000]"),
        ("{uniform: [0, 1e-9], within: [0, 1]}",
         "must end within 1e+06 times the range of uniform: [0, 1e-9]; widen that range,"
         " got [0, 1]"),
        ("{choice: [1, 2], within: [0, 3]}",
         "a choice cannot widen; name all options under choice"),
    ],
)  # fmt: skip
def test_wrong_limits_are_named_with_line_rule_and_value(faults, entry, message):
    assert faults(f"{SMALL}space:\n  a: {entry}\n") == [
        f"s.yaml:6:{entry.index('within') + 6}  space.a.within: {message}"
    ]


def test_wrong_ends_and_wrong_limits_are_reported_at_once(faults):
    first, second = faults(
        f"{SMALL}space:\n  a: {{int: [5, 1]}}\n  b: {{int: [1, 5], within: [2, 9]}}\n"
    )
    assert "space.a.int: low must be below high" in first
    assert "space.b.within: must contain all of int: [1, 5], got [2, 9]" in second


def test_a_start_and_a_condition_may_lie_beyond_the_range(faults):
    space = "space: {n: {int: [1, 3], within: [1, 6]}, x: {uniform: [0, 1], when: {n: 5}}}\n"
    assert faults(f"{SMALL}start: [{{n: 6}}, {{n: 5, x: 0.5}}]\n{space}") == []
    [fault] = faults(f"{SMALL}start: [{{n: 7}}]\n{space}")
    assert "start[0].n: must lie in the space, {int: [1, 3], within: [1, 6]}, got 7" in fault


def test_other_limits_are_a_difference_and_a_ranges_own_ends_are_not():
    def study(entry):
        Path("s.yaml").write_text(f"{SMALL}space: {{a: {entry}}}")
        return load_study("s.yaml")

    plain = freeze_study(study("{uniform: [0, 1]}"))
    wide = study("{uniform: [0, 1], within: [0, 2]}")
    assert study_differences(plain, wide) == ["space.a.within: absent -> [0, 2]"]
    assert study_differences(freeze_study(wide), wide) == []
    assert study_differences(freeze_study(wide), study("{uniform: [0, 1], within: [0, 3]}")) == [
        "space.a.within: [0, 2] -> [0, 3]"
    ]
    assert study_differences(plain, study("{uniform: [0, 1], within: [0, 1]}")) == []


def test_limits_can_be_set_on_the_command_line(faults):
    text = f"{SMALL}space: {{a: {{uniform: [0, 1]}}}}"
    assert faults(text, "space.a.within=[0, 2]") == []
    [parameter] = load_study("s.yaml", ["space.a.within=[0, 2]"]).space
    assert parameter.domain == Uniform(0.0, 1.0, (0.0, 2.0))
    wide = f"{SMALL}space: {{a: {{uniform: [0, 1], within: [0, 2]}}}}"
    [fault] = faults(wide, "space.a.uniform=[0, 3]")
    assert "space.a.within: must contain all of uniform: [0, 3]" in fault
    assert faults(wide, "space.a.uniform=[0, 3]", "space.a.within=null") == []
