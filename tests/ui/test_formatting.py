"""What a person reads: numbers, durations, and the text of programs made plain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.ui.formatting import counted, duration, listed, numbers_text, plain


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min 00 s"),
        (3599.4, "59 min 59 s"), (3599.6, "1 h 00 min"), (3659, "1 h 01 min"),
        (360000, "100 h 00 min"),
    ],
)  # fmt: skip
def test_durations_carry_over(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_lists_and_counts_read_as_english() -> None:
    assert [listed([]), listed("a"), listed("ab"), listed("abc")] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
    assert [counted(1, "trial"), counted(0, "seed"), counted(1200, "step")] == [
        "1 trial", "0 seeds", "1,200 steps",
    ]  # fmt: skip
    assert numbers_text([4, 5, 6], most=2) == "4 5 and 1 more"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07shown", "shown"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b(Bplain\x1b[?25l\x1b[2K", "plain"),
        (" 10%\r 55%\r100%\n", "100%\n"),
        ("windows\r\nlines\r\n", "windows\nlines\n"),
        ("abc\x00\x08d\u202eturned", "abcdturned"),
        ("tab\tstays, ünïcode too ✓", "tab\tstays, ünïcode too ✓"),
    ],
)
def test_what_a_terminal_obeys_is_taken_out(text: str, seen: str) -> None:
    assert plain(text) == seen


@given(st.text(alphabet="\x1b[]0;31mK\x07\\\r\n\x9bab"))
def test_no_escape_survives_whatever_the_text(text: str) -> None:
    assert not set(plain(text)) & {"\x1b", "\x07", "\r", "\x9b"}
