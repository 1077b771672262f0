"""A study in a notebook."""

import subprocess
import sys
from pathlib import Path

import pytest

import hpsearch
from hpsearch.storage.snapshot import Snapshot


def test_open_gives_a_snapshot_that_shows_itself(told: Path) -> None:
    s = hpsearch.open(told)
    assert isinstance(s, Snapshot)
    card = s._repr_html_()
    assert card == s.result._repr_html_()
    assert f"loss {s.result.best.confirmed}" in card
    assert f"x={s.result.best.params['x']:.4g}" in card
    assert "Failed: 1 trial as error and 1 trial as nonfinite." in card
    assert card.count("<svg") == 1
    assert "<script" not in card and "<b>bold" not in card
    assert len(card) < 200_000


def test_a_card_takes_its_ink_from_the_notebook(told: Path) -> None:
    card = hpsearch.open(told)._repr_html_()
    svg = card[card.index("<svg") : card.index("</svg>")]
    assert "currentColor" in svg
    assert "#ffffff" not in svg and "#222222" not in svg
    assert "<style" not in svg


def test_a_card_shows_in_a_dark_notebook_without_scripts(told: Path, browser, tmp_path) -> None:
    context = browser.new_context(java_script_enabled=False).new_page()
    file = tmp_path / "notebook.html"
    body = "<body style='background: #111; color: #eee'>"
    file.write_text(f"<!DOCTYPE html>{body}{hpsearch.open(told)._repr_html_()}")
    context.goto(file.as_uri())
    assert context.get_by_text("The search is finished").is_visible()
    assert context.locator("svg").bounding_box()["height"] > 200
    context.close()


def test_a_representation_in_text_stays_short(told: Path) -> None:
    s = hpsearch.open(told)
    assert len(repr(s.result)) < 300
    assert len(repr(s)) < 5000


def test_plots_are_there_after_import_hpsearch(told: Path) -> None:
    code = (
        f"import hpsearch; figure = hpsearch.plots.tightening({str(told)!r}); "
        "print(type(figure).__module__, len(figure.data) > 3)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "plotly.graph_objs._figure True\n"


@pytest.mark.parametrize("missing", ["jinja2", "matplotlib"])
def test_without_the_extra_it_says_what_to_install(told: Path, missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None; import hpsearch; "
        f"print(hpsearch.open({str(told)!r})._repr_html_())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "<strong>told</strong> cannot be shown" in done.stdout
    assert "hpsearch[dashboard]" in done.stdout


def test_a_result_whose_folder_is_gone_says_so(told_copy: Path) -> None:
    result = hpsearch.open(told_copy / "runs" / "told").result
    (told_copy / "runs").rename(told_copy / "elsewhere")
    assert "no such run folder" in result._repr_html_()
