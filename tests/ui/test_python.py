"""`import hpsearch` and what it gives."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas
import pytest

import hpsearch
from hpsearch.errors import StudyError
from hpsearch.storage.result import Result


def test_import_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'optuna', 'scipy', 'plotly', 'matplotlib', 'jinja2'}"
    code = f"import hpsearch, sys; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_search_is_the_function_however_its_parts_were_imported() -> None:
    parts = "hpsearch.controller.start, hpsearch.controller.loop"
    code = f"import {parts}, hpsearch; print(hpsearch.search.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "search\n"


def test_a_search_returns_its_winner_rounds_and_trials(
    toy: Callable[..., Path], tmp_path: Path
) -> None:
    events: list[str] = []
    result = hpsearch.search(
        toy(), runs=tmp_path / "runs", watch=lambda event: events.append(type(event).__name__)
    )
    assert isinstance(result, Result)
    assert result.best is not None
    assert result.best.confirmed.count == 2
    assert result.best.confirmed.mean == result.best.metrics["loss"].mean
    assert [record.budget for record in result.rounds] == [4, 8]
    assert len(result.rounds[1].survivors) == 2
    frame = result.trials
    assert isinstance(frame, pandas.DataFrame) and len(frame) == 16
    assert frame["role"].value_counts().to_dict() == {"draw": 10, "confirm": 4, "continue": 2}
    assert events.count("TrialEnded") == 16
    assert hpsearch.search(toy(), runs=tmp_path / "runs").digest == result.digest


def test_a_script_without_a_main_guard_may_search(toy: Callable[..., Path], tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import hpsearch\n"
        f"result = hpsearch.search({str(toy())!r}, runs={str(tmp_path / 'runs')!r})\n"
        "print('ran', result.best.number >= 0)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.stdout == "ran True\n", done.stderr


def test_faults_come_as_data(toy: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(StudyError) as caught:
        hpsearch.search(toy(), runs=tmp_path, overrides=["search.trials=0", "budget.steps=x"])
    assert [fault.key for fault in caught.value.faults] == ["search.trials", "budget.steps"]


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="No hpsearch attribute serach"):
        hpsearch.serach  # noqa: B018
