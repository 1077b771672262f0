"""A trainer's sources: what is found out about them, and how a change is shown."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import hpsearch
from hpsearch.errors import TrainerError
from hpsearch.method.structure import Alike, Padded
from hpsearch.storage import trainer_copy as kept
from hpsearch.study import FileTrainer, ModuleTrainer
from hpsearch.study.command import Command
from hpsearch.trainer import describe_in_child, likely_preload


def write(folder: Path, **sources: str) -> Path:
    for name, text in sources.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def test_sources_are_the_file_and_what_it_imports_from_its_folder(tmp_path: Path) -> None:
    write(tmp_path, net="import parts, json, psutil\ndef train(run): ...", parts="", other="")
    found = describe_in_child(FileTrainer(tmp_path / "net.py", "train"))
    assert set(found.files) == {"net.py", "parts.py"}
    assert found.known is None and found.gpus == 0
    assert "psutil" in found.preload and not {"net", "parts"} & set(found.preload)
    assert set(found.versions) >= {"python", "torch", "numpy", "hpsearch"}


def test_a_class_says_what_it_knows(tmp_path: Path) -> None:
    write(tmp_path, net="class Net:\n    defaults = {'lr': 1, 'width': 2}")
    assert describe_in_child(FileTrainer(tmp_path / "net.py", "Net")).known == [
        "lr",
        "width",
    ]


def test_a_class_says_in_what_its_trials_must_agree(tmp_path: Path) -> None:
    text = """
from hpsearch import Alike, Padded, Trainer
class Net(Trainer):
    defaults = {"depth": 1, "width": 8, "loss": "a", "lr": 0.1, "betas": (0.9, 0.99), "f": max}
    structure = ("depth", Padded("width"), Alike("loss", ("a", "b")))
"""
    write(tmp_path, net=text)
    found = describe_in_child(FileTrainer(tmp_path / "net.py", "Net"))
    assert found.kind == "trainer"
    assert found.structure == ("depth", Padded("width"), Alike("loss", ("a", "b")))
    assert found.defaults == {"depth": 1, "width": 8, "loss": "a", "lr": 0.1}
    assert found.known == ["depth", "width", "loss", "lr", "betas", "f"]


def test_functions_and_commands_have_no_structure(tmp_path: Path) -> None:
    write(tmp_path, net="def train(run): ...")
    function = describe_in_child(FileTrainer(tmp_path / "net.py", "train"))
    command = describe_in_child(Command(("python", "net.py"), tmp_path))
    assert (function.kind, command.kind) == ("function", "command")
    assert function.structure == command.structure == ()


def test_a_wrong_structure_is_said_without_a_traceback(tmp_path: Path) -> None:
    write(tmp_path, net="class Net:\n    defaults = {'lr': 1}\n    structure = ('lt',)")
    with pytest.raises(TrainerError) as raised:
        describe_in_child(FileTrainer(tmp_path / "net.py", "Net"))
    assert str(raised.value) == "Net.structure: 'lt' is not among the defaults (has: lr)"
    write(tmp_path, net="class Net:\n    defaults = {'lr': 1}\n    structure = ('lr')")
    with pytest.raises(TrainerError, match=r"must be a tuple of names, as in \('lr',\)"):
        describe_in_child(FileTrainer(tmp_path / "net.py", "Net"))


def test_modules_that_name_a_file_they_do_not_have_are_no_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # torch has such a module, whose file would lie in the working directory.
    write(tmp_path, net="import torch\ndef train(run): ...")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(hpsearch.__file__).parents[1]))
    found = describe_in_child(FileTrainer(tmp_path / "net.py", "train"))
    assert set(found.files) == {"net.py"}
    assert "torch._dynamo" in found.preload


@pytest.mark.parametrize(
    "line, preloaded",
    [
        ("import torch", ["torch", "torch._dynamo"]),
        ("from torch import nn", ["torch", "torch._dynamo"]),
        ("run.save({'step': 1})", ["torch"]),
        ("state = run.load()", ["torch"]),
        ("torchbearers = 3", []),
    ],
)
def test_torch_is_preloaded_for_trials_that_will_import_it(
    tmp_path: Path, line: str, preloaded: list[str]
) -> None:
    write(tmp_path, net=f"def train(run):\n    {line}")
    reference = FileTrainer(tmp_path / "net.py", "train")
    assert set(preloaded) <= set(likely_preload(reference))
    modules = describe_in_child(reference).preload
    assert [name for name in modules if name in ("torch", "torch._dynamo")] == preloaded


def test_a_module_of_a_package_brings_the_packages_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "lab"
    package.mkdir()
    write(package, __init__="", gan="from lab import parts\ndef train(run): ...", parts="")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(hpsearch.__file__).parents[1]}")
    found = describe_in_child(ModuleTrainer("lab.gan", "train"))
    assert set(found.files) == {"__init__.py", "gan.py", "parts.py"}


def test_the_files_of_a_command_are_its_sources(tmp_path: Path) -> None:
    write(tmp_path, script="print(1)")
    found = describe_in_child(Command(("python", "script.py", "--lr", "{lr}"), tmp_path))
    assert set(found.files) == {"script.py"} and found.known is None


def test_a_missing_name_is_said_with_those_that_are_there(tmp_path: Path) -> None:
    write(tmp_path, net="def train(run): ...\ndef _hidden(): ...")
    with pytest.raises(TrainerError, match=r"net\.py: has no 'Net' \(has: train\)"):
        describe_in_child(FileTrainer(tmp_path / "net.py", "Net"))


def test_a_look_that_is_killed_is_taken_again(tmp_path: Path) -> None:
    text = """
import os, pathlib, signal
marks = pathlib.Path(__file__).with_name("marks")
marks.write_text(marks.read_text() + "x" if marks.exists() else "x")
if marks.read_text() == "x":
    os.kill(os.getpid(), signal.SIGKILL)
def train(run): ...
"""
    write(tmp_path, net=text)
    assert describe_in_child(FileTrainer(tmp_path / "net.py", "train")).known is None
    assert (tmp_path / "marks").read_text() == "xx"


def test_a_change_is_shown_as_a_diff(tmp_path: Path) -> None:
    trainer, folder = tmp_path / "trainer", tmp_path / "kept"
    trainer.mkdir()
    folder.mkdir()
    reference = FileTrainer(trainer / "net.py", "train")
    write(trainer, net="import parts\ndef train(run): ...\n", parts="WIDTH = 1\n")
    first = describe_in_child(reference)
    kept.copy_sources(first, folder)
    assert kept.source_changes(first, folder) == []
    write(trainer, parts="WIDTH = 2\n")
    second = describe_in_child(reference)
    assert second.sha256 != first.sha256
    assert kept.source_changes(second, folder) == [
        "--- parts.py (recorded)",
        "+++ parts.py (now)",
        "@@ -1 +1 @@",
        "-WIDTH = 1",
        "+WIDTH = 2",
    ]


def test_the_controller_does_not_import_the_trainer(tmp_path: Path) -> None:
    write(tmp_path, net="import sys\nsys.modules['intruder'] = sys\ndef train(run): ...")
    code = (
        "import sys; from pathlib import Path; from hpsearch.trainer import describe_in_child; "
        "from hpsearch.study import FileTrainer; "
        f"describe_in_child(FileTrainer(Path({str(tmp_path)!r}) / 'net.py', 'train')); "
        "print('intruder' in sys.modules, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False False\n"


FORMER_SPELLING = """
from hpsearch.fusion import Alike, Data, Evaluation, Optimizer, Padded, Trainer
from hpsearch.fusion.schedule import Schedule
from hpsearch.run import HP, NonfiniteError, Run
class Net(Trainer):
    defaults = {"depth": 1, "loss": "a"}
    structure = ("depth", Alike("loss", ("a", "b")))
"""


def test_a_trainer_of_a_former_version_loads(tmp_path: Path) -> None:
    write(tmp_path, net=FORMER_SPELLING)
    description = describe_in_child(FileTrainer(tmp_path / "net.py", "Net"))
    assert description.structure == ("depth", Alike("loss", ("a", "b")))
    assert set(description.files) == {"net.py"}
    assert not {"hpsearch.fusion", "hpsearch.run"} & set(description.preload)


def test_former_module_names_exist_only_once_a_trainer_is_loaded(tmp_path: Path) -> None:
    write(tmp_path, net=FORMER_SPELLING)
    code = (
        "import sys; from pathlib import Path; from hpsearch.study import FileTrainer; "
        "from hpsearch.trainer import Trainer, load_trainer; print('hpsearch.run' in sys.modules); "
        f"net = load_trainer(FileTrainer(Path({str(tmp_path)!r}) / 'net.py', 'Net')); "
        "print(issubclass(net, Trainer), 'hpsearch.run' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\nTrue True\n"
