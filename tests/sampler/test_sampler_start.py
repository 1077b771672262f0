"""What the sampler refuses, and what importing it brings in."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import optuna
import pytest

from hpsearch import TighteningSampler


def test_several_objectives_are_refused_with_the_cure() -> None:
    study = optuna.create_study(directions=["minimize"] * 2, sampler=TighteningSampler())
    with pytest.raises(ValueError) as refusal:
        study.ask()
    assert str(refusal.value) == (
        "TighteningSampler ranks trials by one objective, got 2: "
        "return one value, or use optuna.samplers.NSGAIISampler"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "TighteningSampler: seed must be an int of at least 0, got -1"),
        ({"surrogate": "tpe"}, "TighteningSampler: surrogate must be \"gp\" or None, got 'tpe'"),
        ({"trials": 0}, "TighteningSampler: trials must be an int of at least 1, got 0"),
        ({"survivors": 2.5}, "TighteningSampler: survivors must be an int of at least 1, got 2.5"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as refusal:
        TighteningSampler(**arguments)
    assert str(refusal.value) == message


def test_the_old_name_of_an_argument_is_refused_with_the_new_one() -> None:
    with pytest.raises(TypeError) as refusal:
        TighteningSampler(judge=None)
    assert str(refusal.value) == (
        "TighteningSampler: unknown argument 'judge'; it is called surrogate now: \"gp\" or None"
    )


def test_importing_the_package_imports_neither_optuna_nor_torch() -> None:
    code = (
        "import sys, hpsearch\n"
        "assert not {'optuna', 'torch'} & set(sys.modules)\n"
        "hpsearch.TighteningSampler\n"
        "assert 'torch' not in sys.modules"
    )
    root = str(Path(__file__).parents[2])
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root, timeout=60)
