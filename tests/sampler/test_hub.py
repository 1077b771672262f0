"""The package for OptunaHub: loaded as OptunaHub loads one, its example and its page's code run."""

import importlib.util
import re
import sys
import types
from pathlib import Path

import optuna
import pytest
import yaml

import hpsearch

ROOT = Path(__file__).resolve().parents[2]
REGISTRY = ROOT / "optunahub"
PACKAGE = REGISTRY / "samplers" / "tightening"


def load_module(package: str) -> types.ModuleType:
    """A package by the file of its folder, under the folder's name, as `optunahub` does it."""
    folder = REGISTRY / package
    spec = importlib.util.spec_from_file_location(folder.name, folder / "__init__.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[folder.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """`import optunahub`, whose registry is this folder."""
    local = types.ModuleType("optunahub")
    local.load_module = load_module  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "optunahub", local)
    monkeypatch.setitem(sys.modules, "tightening", types.ModuleType("tightening"))


def test_the_package_gives_the_sampler(hub: None) -> None:
    module = load_module("samplers/tightening")
    assert module.TighteningSampler is hpsearch.TighteningSampler
    assert module.__all__ == ["TighteningSampler"]


def test_the_example_finds_a_better_model_than_its_first(
    hub: None, capsys: pytest.CaptureFixture[str]
) -> None:
    code = (PACKAGE / "example.py").read_text()
    exec(compile(code, "example.py", "exec"), {"__name__": "__main__"})
    found = re.fullmatch(r"R² (0\.\d+) with \{.*\}\n", capsys.readouterr().out)
    assert found is not None
    assert float(found[1]) > 0.48  # of the default ridge 0.48


def test_the_pages_code_runs(hub: None) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    page = (PACKAGE / "README.md").read_text()
    [code] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, object] = {}
    exec(code.replace("n_trials=100", "n_trials=50"), names)
    study = names["study"]
    assert isinstance(study, optuna.Study)
    assert study.best_value < 0.01  # uniform draws: 0.02 in the median of 50


def test_the_page_says_what_the_registry_asks_for() -> None:
    _, head, _ = (PACKAGE / "README.md").read_text().split("---\n", 2)
    said = yaml.safe_load(head)
    assert set(said) == {"author", "title", "description", "tags", "optuna_versions", "license"}
    assert "sampler" in said["tags"]
    assert said["license"] == "MIT License"
    assert (PACKAGE / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
