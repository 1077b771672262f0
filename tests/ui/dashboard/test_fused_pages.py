"""Fused groups in pages and in the terminal."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fused_search import ONE_ROUND, FusedSearch
from playwright.sync_api import expect
from rich.console import Console
from searches import until
from served import serving

from hpsearch.storage import view
from hpsearch.ui.terminal.picture import picture


@pytest.fixture
def training(tmp_path: Path) -> Iterator[FusedSearch]:
    """A search that trains one group of six until the test ends."""
    search = FusedSearch(tmp_path, ONE_ROUND.replace("steps: 40", "steps: 400000"))
    search.slow()
    controller = search.start()
    try:
        until(lambda: search.evaluations() > 6, "it trains")
        with serving(search.runs) as asker:
            search.url = asker.url
            yield search
    finally:
        search.kill()
        controller.wait()


def test_a_running_group_is_shown_as_one_job_everywhere(training, look):
    console = Console(width=160, record=True)
    console.print(picture(view.read_snapshot(training.run.path)))
    text = console.export_text()
    assert len([line for line in text.splitlines() if line.strip().startswith("cpu ")]) == 1
    assert "group of 6" in text
    said = training.ask("status").stdout
    assert "running   a group of 6 on cpu" in said
    assert said.count("running   trial ") == 6
    study = look(f"{training.url}/study/s")
    expect(study.locator("#tile-now")).to_contain_text("a group of 6 on cpu")
    page = look(f"{training.url}/study/s/trial/2")
    expect(page.locator("#facts")).to_contain_text("0, 1, 2, 3, 4, 5")
    expect(page.locator("#facts a")).to_have_count(5)
    page.locator("#facts").get_by_role("link", name="4").click()
    expect(page.locator("h1")).to_have_text("Trial 4")
