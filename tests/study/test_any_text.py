"""Any input of `load_study` gives a study or a StudyError; a study survives freezing."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from study_texts import SMALL, WHOLE

from hpsearch.errors import StudyError
from hpsearch.study.frozen import freeze_study, study_differences
from hpsearch.study.load import SECTIONS, load_study, thaw_study
from hpsearch.study.schema import Study
from hpsearch.study.spaces import KINDS

# All examples of a test share its folder; each overwrites the file.
anything = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

words = st.sampled_from(
    [*SECTIONS, *KINDS, "when", "steps", "rounds", "growth", "lr", "mode", "gan.py:GAN", "{lr}",
     "minimize", "auto", "<<", "", "1e-4", "\u2028", "\x85", "# a", "'", "- ", ": "]
)  # fmt: skip
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), words, st.text(max_size=5),
    st.integers(min_value=10**18, max_value=10**40),
)  # fmt: skip
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


def survives(data: bytes, *overrides: str) -> Study | None:
    Path("s.yaml").write_bytes(data)
    try:
        study = load_study("s.yaml", overrides)
    except StudyError as error:
        assert error.faults
        assert str(error)
        return None
    thawed = thaw_study(freeze_study(study), "s.yaml")
    assert json.dumps(thawed.document) == json.dumps(study.document)
    assert study_differences(freeze_study(study), study) == []
    assert study_differences(freeze_study(study), thawed) == []
    return study


@anything
@given(st.binary(max_size=60))
def test_any_bytes(data):
    survives(data)


@anything
@given(st.text(max_size=60))
@example('"\\UFFFFFFFF"')
@example('"\\uD800"')
@example("[" * 3000)
@example("%YAML 9.9\n--- a")
@example("? a\n: b")
@example("9" * 5000)
@example("!<%FF> a")
def test_any_text(text):
    encoded = text.encode("utf-8", "surrogatepass")
    survives(encoded)
    survives(SMALL.encode() + b"fixed: {a: " + encoded + b"}\nspace: {lr: [1, 2]}\n")


@anything
@given(st.data())
def test_a_study_with_some_of_its_text_replaced(data):
    start = data.draw(st.integers(0, len(WHOLE)))
    end = data.draw(st.integers(start, min(start + 12, len(WHOLE))))
    new = data.draw(st.text("{}[]:,-&*!|>'\"%@`#? \n\t019eE.axfn_", max_size=6))
    survives((WHOLE[:start] + new + WHOLE[end:]).encode())


@pytest.mark.slow
@anything
@given(st.sampled_from(SECTIONS), trees)
def test_any_tree_in_place_of_a_section(section, tree):
    document = {**yaml.safe_load(WHOLE), section: tree}
    text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
    survives(text.encode("utf-8", "surrogatepass"))


@pytest.mark.slow
@anything
@given(trees)
def test_any_tree_as_a_parameter_or_a_fixed_value(tree):
    document = yaml.safe_load(WHOLE)
    document["fixed"]["any"] = tree
    document["space"]["any"] = tree
    survives(yaml.safe_dump(document).encode("utf-8", "surrogatepass"))
    del document["space"]["any"]
    survives(yaml.safe_dump(document).encode("utf-8", "surrogatepass"))


@anything
@given(st.lists(st.lists(words, max_size=4).map(".".join), max_size=3), st.text(max_size=12))
@example(["space.lr.uniform"], "[0, 1]")
@example(["space.when.when.int"], "[0, 1]")
def test_any_overrides(keys, value):
    survives(WHOLE.encode(), *(f"{key}={value}" for key in keys), value)
    survives(WHOLE.encode(), *(f"{key}={value}" for key in keys))
