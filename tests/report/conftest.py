"""One study that has run, and a browser to look at what is written of it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from reported import search


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of the told study; only to be read."""
    return search(tmp_path_factory.mktemp("told"))


@pytest.fixture
def told_copy(told: Path, tmp_path: Path) -> Path:
    """A folder with that run folder at runs/told, to be written."""
    shutil.copytree(told.parent.parent, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """Chromium; without one the test is skipped, except where CI must have it."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        message = "there is no chromium on the PATH"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()
