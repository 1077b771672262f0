"""Small studies that tests run for real."""

from collections.abc import Callable
from pathlib import Path

import pytest
from searches import HeldSearch
from toys import FUNCTION, STUDY


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
