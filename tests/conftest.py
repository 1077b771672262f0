"""Small studies that tests run for real."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from searches import HeldSearch
from toys import FUNCTION, STUDY

# Where single tests take longest. They begin first, or a worker would be alone with one at the end.
LONG = ("test_kill.py", "test_groups_kill.py", "test_groups_run.py", "test_structures.py")

# Commands that the tests start inherit this; in the background of a shell it is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
# As in a search's trials; MKL reads it at its first call.
os.environ.setdefault("MKL_CBWR", "AUTO")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


@pytest.fixture
def toy(tmp_path: Path) -> Callable[..., Path]:
    """Writes a study and its trainer into a folder of its own; returns the study file."""

    def write(study: str = STUDY, trainer: str = FUNCTION) -> Path:
        folder = tmp_path / "study"
        folder.mkdir(exist_ok=True)
        (folder / "trainer.py").write_text(trainer)
        file = folder / "toy.yaml"
        file.write_text(study)
        return file

    return write


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """The small search, to which nothing has happened."""
    search = HeldSearch(tmp_path_factory.mktemp("undisturbed_held"))
    assert search.finish() == (0, "")
    assert search.attempts() == [1] * 10
    return search


@pytest.fixture(scope="session")
def undisturbed_held(undisturbed):
    """Its digest."""
    return undisturbed.digest()


@pytest.fixture
def held(tmp_path):
    """The small search, of which nothing is left when the test has ended."""
    search = HeldSearch(tmp_path)
    yield search
    search.kill()


@pytest.fixture
def finished(held, undisturbed):
    """The small search, finished."""
    shutil.copytree(undisturbed.run.path, held.run.path)
    return held


@pytest.fixture(scope="session")
def browser():
    """One Chromium for all; without one a test is left out, except where CI must have it."""
    found = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if found is None:
        message = "no Chromium on the PATH (apt-get install chromium)"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()
