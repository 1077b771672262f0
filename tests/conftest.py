import pytest
from searches import HeldSearch


@pytest.fixture(scope="session")
def undisturbed_held(tmp_path_factory):
    """The digest of the small search when nothing happens to it."""
    search = HeldSearch(tmp_path_factory.mktemp("undisturbed_held"))
    assert search.finish() == (0, "")
    assert search.attempts() == [1] * 10
    return search.digest()


@pytest.fixture
def held(tmp_path):
    """The small search, of which nothing is left when the test has ended."""
    search = HeldSearch(tmp_path)
    yield search
    search.kill()
