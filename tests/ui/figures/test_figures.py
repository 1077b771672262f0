"""Every figure of studies of any size, in Plotly and as SVG."""

import html
import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from typing import Any

import plotly.graph_objects
import pytest
import synthetic
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.space import Choice, Loguniform, Parameter
from hpsearch.storage import view
from hpsearch.storage.snapshot import Snapshot
from hpsearch.ui import figures
from hpsearch.ui.figures import static

FIGURES: dict[str, Callable[[Snapshot], figures.Figure]] = {
    "tightening": figures.tightening,
    "progress": figures.progress,
    "curves": figures.curves,
    "importance": figures.importance,
    "parallel": figures.parallel,
    "seeds": figures.seeds,
    "trial_curves": lambda s: figures.trial_curves(s, 0),
    "compare_trials": lambda s: figures.compare([s, s]),
    "compare_steps": lambda s: figures.compare([s], "steps"),
}
NASTY = "<b>a</b> $x$ %{x} & {0} <script>"


def check(figure: figures.Figure) -> str:
    """It is JSON without NaN, Plotly knows each of its keys, and it can be rendered; its JSON."""
    text = json.dumps(figure, allow_nan=False)
    plotly.graph_objects.Figure(figure)
    ElementTree.fromstring(static.svg(figure))
    return text


@pytest.fixture(scope="module")
def small() -> Snapshot:
    return synthetic.study(growth=2)


@pytest.mark.parametrize("name", FIGURES)
def test_the_figure_of_a_real_study_is_valid(name: str, undisturbed: Any) -> None:
    check(FIGURES[name](view.read_snapshot(undisturbed.run.path)))


@pytest.mark.parametrize("name", FIGURES)
def test_the_figure_of_a_study_with_growing_budgets_and_failures_is_valid(
    name: str, small: Snapshot
) -> None:
    assert FIGURES[name](small)["data"]
    check(FIGURES[name](small))


@pytest.mark.parametrize("cut", ["not_started", "with_one_trial", "without_values"])
@pytest.mark.parametrize("name", FIGURES)
def test_the_figure_of_a_study_with_little_or_no_data_is_valid(
    name: str, cut: str, small: Snapshot
) -> None:
    if name == "trial_curves" and cut == "not_started":
        return  # there is no trial
    check(FIGURES[name](getattr(synthetic, cut)(small)))


@pytest.fixture(scope="module", params=[(400, 25, 3), (4, 2500, 20)], ids=["long", "broad"])
def large(request: pytest.FixtureRequest) -> Snapshot:
    count, trials, survivors = request.param
    many = tuple(
        Parameter(f"{p.name} of layer {i}", p.domain) for i in range(3) for p in synthetic.MIXED
    )
    return synthetic.study(
        parameters=many, count=count, trials=trials, survivors=survivors, reports=1000
    )


@pytest.mark.parametrize("name", [name for name in FIGURES if name != "importance"])
def test_a_figure_of_ten_thousand_trials_has_at_most_100_kb(name: str, large: Snapshot) -> None:
    assert len(large.searched) == 10_000
    text = json.dumps(FIGURES[name](large), allow_nan=False, separators=(",", ":"))
    assert len(text.encode()) <= 100_000


def test_a_figure_with_long_names_and_many_options_has_at_most_100_kb() -> None:
    options = tuple("$" * 30 + str(i) for i in range(12))
    many = tuple(Parameter("<&>" * 10 + str(i), Choice(options)) for i in range(14))
    s = synthetic.study(parameters=many, count=12, trials=60, survivors=10)
    for name, figure in FIGURES.items():
        size = len(json.dumps(figure(s), separators=(",", ":")))
        assert size <= 100_000, name


def test_a_figure_that_shows_a_part_says_so(large: Snapshot) -> None:
    for name, words in {
        "tightening": "of 18 parameters",
        "curves": "200 of 9",
        "parallel": "12 of 18 parameters",
    }.items():
        notes = " ".join(a["text"] for a in FIGURES[name](large)["layout"]["annotations"])
        assert words in notes.replace("<br>", " ").replace(",", "")


@given(st.text())
def test_escaped_text_is_shown_literally(text: str) -> None:
    marked = figures.escaped(text)
    assert html.unescape(marked) == " ".join(text.split()) or "&" in text
    assert not set(marked) & set("<>$%{")


@pytest.mark.parametrize("name", FIGURES)
def test_names_from_users_cannot_mark_up_a_figure(name: str) -> None:
    parameters = (
        Parameter(NASTY, Choice((NASTY, "b"))),
        Parameter("lr", Loguniform(1e-5, 1)),
    )
    s = synthetic.study(parameters=parameters, metric=NASTY)
    text = check(FIGURES[name](s))
    assert "<b>a</b>" not in text and "<script>" not in text and "$x$" not in text
    assert "%{x} &" not in text and "a</b>" not in text


def test_figures_need_neither_plotly_nor_matplotlib_nor_optuna() -> None:
    script = "import sys, hpsearch.ui.figures; "
    script += "print({'plotly', 'matplotlib', 'optuna'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "set()\n"
