from pathlib import Path

import pytest

from hpsearch.study.command import Command, find_placeholders, render_command


def rendered(*argv: str, **values: object) -> list[str]:
    return render_command(Command(argv, Path("/")), values)


def test_text_is_filled_in_as_it_is_and_everything_else_as_json():
    values = {"a": "x y", "b": True, "c": None, "d": 1e-5, "e": [1, "z"], "f": Path("/tmp/c.pt")}
    argv = [f"{{{name}}}" for name in values]
    assert rendered(*argv, **values) == ["x y", "true", "null", "1e-05", '[1, "z"]', "/tmp/c.pt"]


def test_an_argument_may_hold_several_names_and_doubled_braces():
    assert rendered("--x={a}:{b}{{}}", a=1, b="q") == ["--x=1:q{}"]


def test_a_value_is_not_filled_in_again():
    assert rendered("{a}", a="{b}", b="no") == ["{b}"]


def test_an_inactive_parameter_takes_its_argument_and_the_flag_before_it_along():
    assert rendered("p", "--w", "{w}", "--lr", "{lr}", lr=1) == ["p", "--lr", "1"]


@pytest.mark.parametrize("before", ["word", "{a}"])
def test_an_inactive_parameter_leaves_what_is_no_literal_flag(before):
    assert rendered("p", before, "{w}", a="-a") == ["p", {"{a}": "-a"}.get(before, before)]


def test_two_inactive_parameters_side_by_side_take_only_their_own():
    assert rendered("p", "--keep", "{a}", "{w}", "{v}", a=1) == ["p", "--keep", "1"]


@pytest.mark.parametrize(
    ("argument", "brace"), [("{", "{"), ("a}", "}"), ("{a-b}", "{"), ("{}", "{"), ("{{a}", "}")]
)
def test_a_lone_brace_is_refused(argument, brace):
    with pytest.raises(ValueError) as caught:
        list(find_placeholders(argument))
    assert str(caught.value) == f'a lone "{brace}"; write a literal brace twice'
