"""Pages in Chromium, and searches to show in them."""

import shutil
from collections.abc import Callable, Iterator

import pytest
from growing import GrowingSearch
from searches import until
from served import serving

# Requests that a test makes fail on purpose are errors to a browser's console.
_FAILED = "Failed to load resource"


@pytest.fixture
def look(browser) -> Iterator[Callable]:
    """Opens pages; an error in a page's console fails the test."""
    contexts, faults = [], []

    def open_page(url: str, *, width: int = 1280, dark: bool = False, lossy: bool = False):
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)

        def note(message):
            expected = lossy and message.text.startswith(_FAILED)
            if message.type in ("error", "warning") and not expected:
                faults.append(f"{url}: {message.text}")

        page.on("console", note)
        page.on("pageerror", lambda error: faults.append(f"{url}: {error}"))
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture(scope="session")
def grown(tmp_path_factory):
    """A finished search with pictures, continuations, confirmations and failures."""
    search = GrowingSearch(tmp_path_factory.mktemp("grown"))
    assert search.finish() == (0, "")
    return search


@pytest.fixture(scope="session")
def gallery(grown):
    """A dashboard of finished searches."""
    shutil.copytree(grown.run.path, grown.runs / "other")
    with serving(grown.runs) as asker:
        yield asker.url


@pytest.fixture
def growing(tmp_path):
    """The search at work, its first trials held after one step, and a dashboard to act on it."""
    search = GrowingSearch(tmp_path)
    search.hold.touch()
    controller = search.start()
    try:
        places = [search.trial(number).reports for number in range(2)]
        until(lambda: all(place.exists() for place in places), "the first trials run")
        with serving(search.runs, allow_control=True) as asker:
            search.url = asker.url
            yield search
    finally:
        search.kill()
        controller.wait()
