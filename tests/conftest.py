"""Small studies that tests run for real."""

from collections.abc import Callable
from pathlib import Path

import pytest
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
