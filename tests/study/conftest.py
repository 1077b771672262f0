from collections.abc import Callable
from pathlib import Path

import pytest

from hpsearch.errors import StudyError
from hpsearch.study.load import load_study


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a trainer in it."""
    monkeypatch.chdir(tmp_path)
    Path("gan.py").touch()
    return tmp_path


@pytest.fixture
def faults() -> Callable[..., list[str]]:
    """The lines of the refusal of a text; none if it is a study."""

    def faults_of(text: str, *overrides: str) -> list[str]:
        Path("s.yaml").write_text(text, encoding="utf-8")
        try:
            load_study("s.yaml", overrides)
        except StudyError as error:
            return str(error).splitlines()
        return []

    return faults_of
