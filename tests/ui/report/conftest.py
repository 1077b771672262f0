"""One study that has run, to be told of."""

import shutil
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
