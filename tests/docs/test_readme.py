"""The README's commands, study and snippet are run as they stand, on a smaller search."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

import hpsearch
from hpsearch.study.load import load_study

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [text for name, text in fenced if name == language]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped studies and trainers, made small."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("studies", "trainers"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    study = folder / "studies" / "digits_gan.yaml"
    text = study.read_text()
    for section, values in {
        "search": "{rounds: 2, trials: 4, survivors: 2, seed: 0}",
        "budget": "{steps: 40, growth: 2}",
        "confirm": "{top: 2, seeds: 2}",
    }.items():
        text = re.sub(rf"^{section}: .*$", f"{section}: {values}", text, flags=re.MULTILINE)
    # Each structure is a group, whose steps are recorded anew; these have four.
    for name, domain in {"n_critic": "{int: [1, 2]}", "depth": "{int: [1, 2]}",
                         "width": "{logint: [8, 16]}", "batch_size": "[32]"}.items():  # fmt: skip
        text, count = re.subn(rf"^  {name}: .*$", f"  {name}: {domain}", text, flags=re.MULTILINE)
        assert count == 1
    study.write_text(text)
    return folder


def test_the_commands_do_what_the_readme_says(checkout: Path) -> None:
    [commands] = [block for block in blocks("") if "$ hpsearch check" in block]
    ran = []
    for line in commands.splitlines():
        words = shlex.split(line.removeprefix("$ "), comments=True)
        assert words[0] == "hpsearch"
        done = subprocess.run(
            [sys.executable, "-m", "hpsearch", *words[1:]],
            cwd=checkout,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        # Nothing runs any more when its turn comes.
        expected = 2 if words[1] == "stop" else 0
        assert done.returncode == expected, (line, done.stderr)
        ran.append(words[1])
    assert set(ran) >= {
        "check", "run", "status", "trials", "best", "export", "report", "compare", "replay", "stop",
        "digest",
    }  # fmt: skip
    assert (checkout / "trials.csv").read_text().count("\n") > 12


def test_the_snippet_runs(checkout: Path) -> None:
    _, snippet, _ = blocks("python")
    code = snippet.replace(
        'search("studies/digits_gan.yaml")', 'search("studies/digits_gan.yaml", runs="python-runs")'
    ).replace('open("runs/', 'open("python-runs/')
    done = subprocess.run(
        [sys.executable, "-c", code + "\nprint(len(result.trials))"],
        cwd=checkout,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "12\n"


def test_the_study_loads(checkout: Path) -> None:
    [study] = blocks("yaml")
    assert study.count("\n") <= 15
    path = checkout / "studies" / "my_gan.yaml"
    path.write_text(study)
    assert load_study(path).space.names[:2] == ("lr_g", "lr_d")


def test_the_trainer_runs(toy: Callable[..., Path]) -> None:
    trainer, _, _ = blocks("python")
    study = toy(
        "study: toy\ntrainer: my_trainer.py:train\nobjective: {minimize: loss}\n"
        "search: {rounds: 2, trials: 4, survivors: 2}\nbudget: {steps: 20, growth: 2}\n"
        "space: {lr: {loguniform: [1e-3, 1]}}\n"
    )
    study.with_name("my_trainer.py").write_text(trainer)
    result = hpsearch.search(study, runs=study.parent / "runs")
    assert {trial.outcome.state for trial in result.records} == {"complete"}
    assert result.best.confirmed.mean < 1


def test_the_readme_is_short() -> None:
    assert README.count("\n") <= 140


def test_the_faulty_line_is_what_the_program_says(checkout: Path) -> None:
    [study] = blocks("yaml")
    path = checkout / "studies" / "my_gan.yaml"
    path.write_text(study.replace("lr_g: {loguniform: [1e-4,", "lr_g: {loguniform: [0,"))
    done = subprocess.run(
        [sys.executable, "-m", "hpsearch", "check", "my_gan.yaml"],
        cwd=path.parent,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    [shown] = [block for block in blocks("") if block.startswith("my_gan.yaml:")]
    assert done.stderr == "hpsearch: " + shown


def test_the_first_commands_are_targets_of_the_makefile() -> None:
    first = blocks("")[0]
    targets = re.findall(r"^make (\w+)", first, re.MULTILINE)
    assert targets == ["sweep", "test", "dashboard"]
    for target in targets:
        subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, check=True)


def test_every_local_link_leads_somewhere() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        prose = re.sub(r"^```.*?^```$|`[^`\n]*`", "", page.read_text(), flags=re.M | re.S)
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", prose):
            assert (page.parent / link).exists(), (page.name, link)


def test_the_sampler_runs_as_the_readme_says() -> None:
    _, _, snippet = blocks("python")

    def objective(trial: optuna.Trial) -> float:
        return trial.suggest_float("lr", 1e-5, 1e-1, log=True)

    names: dict[str, object] = {"optuna": optuna, "hpsearch": hpsearch, "objective": objective}
    exec(snippet, names)
    study = names["study"]
    assert isinstance(study, optuna.Study)
    assert len(study.trials) == 100
    assert study.best_value < 1.5e-5
