"""The page, as a browser and a printer get it."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import synthetic

from hpsearch.storage import view
from hpsearch.storage.run_folder import RunFolder
from hpsearch.ui.report.html import page
from hpsearch.ui.report.study import report


@pytest.fixture(scope="module")
def text(told: Path) -> str:
    return page(report(view.read_snapshot(told)))


@pytest.fixture(scope="module")
def file(text: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(text)
    return path


class Tags(HTMLParser):
    """Every tag with its attributes, and the text between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


def test_it_needs_nothing_from_elsewhere_and_runs_nothing(text: str) -> None:
    tags = Tags(text).tags
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in tags}
    assert not [a for _, attributes in tags for a in attributes if a.startswith("on")]
    references = [v for _, a in tags for k, v in a.items() if k in ("href", "xlink:href", "src")]
    assert references and all(r is not None and r.startswith("#") for r in references)
    assert not re.search(r"@import|url\((?!#)", text)


def test_hostile_strings_are_shown_as_they_are(text: str) -> None:
    words = Tags(text).words
    for hostile in (
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "x is <b>too</b> large | so it is",
        "&amp; *star* $x$",
        "<i>",
    ):
        assert hostile in words
    assert "\x1b" not in text and "[31m" not in text


def test_names_within_the_page_are_unique(text: str) -> None:
    names = [a["id"] for _, a in Tags(text).tags if "id" in a]
    assert len(names) == len(set(names)) > 8


def test_it_has_one_first_heading_a_language_and_headed_tables(text: str) -> None:
    tags = Tags(text).tags
    assert [tag for tag, _ in tags].count("h1") == 1
    assert ("html", {"lang": "en"}) in tags
    tables = [tag for tag, _ in tags].count("table")
    assert tables == [tag for tag, _ in tags].count("caption") > 5
    figures = [tag for tag, _ in tags].count("figure")
    assert figures == [tag for tag, _ in tags].count("figcaption") == 6


def test_a_browser_opens_it_from_a_file_without_a_word_of_complaint(browser, file: Path) -> None:
    context = browser.new_page()
    said: list[str] = []
    context.on("console", lambda message: said.append(message.text))
    context.on("pageerror", lambda error: said.append(str(error)))
    context.on("dialog", lambda dialog: said.append(dialog.message))
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    context.goto(file.as_uri())
    assert said == []
    assert asked == [file.as_uri()]
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible_in_light_and_dark_and_fits_a_phone(browser, file, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme=scheme)
    context.goto(file.as_uri())
    found = Axe().run(context)
    assert found.violations_count == 0, found.generate_report()
    assert context.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_it_prints_black_on_white_from_a_dark_screen(browser, file: Path) -> None:
    context = browser.new_page(color_scheme="dark")
    context.goto(file.as_uri())
    dark = context.evaluate("getComputedStyle(document.body).backgroundColor")
    context.emulate_media(media="print", color_scheme="dark")
    ink, ground = (
        context.evaluate(f"getComputedStyle(document.body).{name}")
        for name in ("color", "backgroundColor")
    )
    assert (ink, ground) == ("rgb(0, 0, 0)", "rgb(255, 255, 255)")
    assert dark != "rgb(255, 255, 255)"
    assert context.pdf().count(b"/Type /Page\n") > 2
    context.close()


def test_ten_thousand_trials_stay_under_five_megabytes(tmp_path: Path) -> None:
    s = synthetic.study(count=100, trials=100)
    RunFolder(tmp_path).study.write_text(
        synthetic.STUDY.format(
            name="s", direction="minimize", rounds=100, trials=100, survivors=3, growth=1
        )
    )
    s = replace(s, result=replace(s.result, folder=tmp_path))
    assert len(s.result.records) > 10_000
    assert len(page(report(s)).encode()) < 5_000_000
