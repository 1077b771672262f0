from pathlib import Path

import pytest
from study_texts import SMALL

from hpsearch.study.load import load_study


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1e-4", 1e-4), ("1.0e4", 1e4), (".5", 0.5), ("5.", 5.0), ("-2E+3", -2000.0),
        ("1_000", "1_000"), ("1:30", "1:30"), ("010", 10), ("0o17", 15), ("0x1f", 31), ("+7", 7),
        ("no", "no"), ("yes", "yes"), ("on", "on"), ("off", "off"), ("y", "y"), ("none", "none"),
        ("true", True), ("True", True), ("FALSE", False), ("null", None), ("~", None), ("", None),
        ("2001-01-01", "2001-01-01"), ("'1'", "1"), ('"true"', "true"), ("=", "="), ("1e", "1e"),
        (".", "."), ("e5", "e5"), ("9223372036854775807", 2**63 - 1),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2(written, value):
    Path("s.yaml").write_text(f"{SMALL}fixed:\n  a: {written}\nspace: {{lr: [1, 2]}}\n")
    read = load_study("s.yaml").fixed["a"]
    assert (type(read), read) == (type(value), value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 's.yaml:1:1  is empty; a study file begins with "study: NAME"'),
        ("# nothing", 's.yaml:1:1  is empty; a study file begins with "study: NAME"'),
        ("- a", 's.yaml:1:1  is not a mapping; a study file begins with "study: NAME"'),
        ("study: a\n\tb: 1", "s.yaml:2:1  a tab cannot indent YAML; use spaces"),
        ("a: b: c", "s.yaml:1:5  not YAML: mapping values are not allowed here"),
        ("a: 1\n--- \nb: 2", "s.yaml:2:1  a second document begins here; a study file holds one,"
         ' so drop this "---" and the rest'),
        ("a: &x 1\nb: *x", "s.yaml:2:4  aliases (*name) are not supported; write the value out"),
        ("a: !!set {b}", "s.yaml:1:4  tags (!name) are not supported; write the plain value"),
        ("a: \x07", "s.yaml:1:4  holds the unprintable character U+0007; delete it"),
        ('a: "\\UFFFFFFFF"', "s.yaml:1:7  not YAML: an escape names no character;"
         " correct it or quote it with '...'"),
        ("[" * 99, "s.yaml:1:31  nested more than 30 levels deep; flatten it"),
    ],
)  # fmt: skip
def test_what_is_no_single_document_is_one_fault(faults, text, message):
    assert faults(text) == [message]


@pytest.mark.parametrize(
    ("fixed", "message"),
    [
        ("{a: 1, a: 2}", "s.yaml:5:15  fixed.a: written twice, first at s.yaml:5:9; keep one"),
        ("{1: 2}", "s.yaml:5:9  fixed: a key must be a word, got 1"),
        ("{[1]: 2}", "s.yaml:5:9  fixed: a key must be a word, got [1]"),
        ("{? {a: b} : 2}", "s.yaml:5:11  fixed: a key must be a word, got {a: b}"),
        ("{<<: {a: 1}}",
         "s.yaml:5:9  fixed: merge keys (<<) are not supported; write the entries out"),
        ("{a: [1, -.inf]}", "s.yaml:5:16  fixed.a[1]: a number must be finite, got -.inf"),
        ("{a: 1e999}", "s.yaml:5:9  fixed.a: a number must be finite, got 1e999"),
        ("{a: 99999999999999999999}",
         "s.yaml:5:9  fixed.a: a whole number must fit in 64 bits, got 99999999999999999999"),
        ('{a: "\\uD800"}', "s.yaml:5:9  fixed.a: text must be whole Unicode characters,"
         ' not surrogates, got "\\ud800"'),
    ],
)  # fmt: skip
def test_a_value_that_json_cannot_hold_is_refused_at_its_location(faults, fixed, message):
    assert faults(f"{SMALL}fixed: {fixed}\nspace: {{lr: [1, 2]}}\n") == [message]
