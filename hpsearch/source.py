"""A trainer's sources: how it is loaded, which parameters it knows, and whether it has changed.

The controller never imports a trainer: a child process does, and describes what it found.
"""

import ctypes
import difflib
import hashlib
import importlib
import importlib.metadata
import importlib.util
import json
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from hpsearch import files
from hpsearch.command import Command
from hpsearch.errors import TrainerError
from hpsearch.study import FileTrainer, ModuleTrainer

_PR_SET_PDEATHSIG = 1

_ATTEMPTS = 3

TrainerReference = FileTrainer | ModuleTrainer | Command


@dataclass(frozen=True)
class Description:
    """What a child process found out about a trainer.

    Attributes:
        known: names of its hyperparameters; None when it takes any.
        files: its sources, paths relative to `folder`, with their sha256.
        folder: where the sources lie.
        preload: modules that it imported, for the process that trials are forked from.
        gpus: CUDA devices that its torch can use.
        versions: of the packages that numbers depend on.
    """

    known: list[str] | None
    folder: str
    files: Mapping[str, str]
    preload: list[str]
    gpus: int
    versions: Mapping[str, str]

    @property
    def sha256(self) -> str:
        return _digest(json.dumps(sorted(self.files.items())).encode())


def load(reference: FileTrainer | ModuleTrainer) -> Any:
    """The trainer itself, imported into this process.

    Raises:
        TrainerError: its module has no such name.
    """
    if isinstance(reference, ModuleTrainer):
        module = importlib.import_module(reference.module)
    else:
        module = _module_from(reference.path)
    try:
        return getattr(module, reference.name)
    except AttributeError:
        names = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        raise TrainerError(
            f"{module.__file__}: has no {reference.name!r} (has: {', '.join(names)})"
        ) from None


def _module_from(path: Path) -> ModuleType:
    """Import a file as `python file.py` would: its folder comes first on the path."""
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    specification = importlib.util.spec_from_file_location(path.stem, path)
    assert specification is not None and specification.loader is not None, path
    module = importlib.util.module_from_spec(specification)
    sys.modules[path.stem] = module
    specification.loader.exec_module(module)
    return module


def ask(reference: TrainerReference) -> Description:
    """Describe a trainer from a child process.

    Raises:
        TrainerError: it cannot be imported; with the end of the traceback.
    """
    with tempfile.TemporaryDirectory(prefix="hpsearch-") as folder:
        answer = Path(folder) / "description.json"
        question = json.dumps({"kind": type(reference).__name__, **asdict(reference)}, default=str)
        for _attempt in range(_ATTEMPTS):
            child = subprocess.run(
                [sys.executable, "-m", "hpsearch.source", question, str(answer)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
            # Killed from outside, which says nothing of the trainer.
            if child.returncode not in (-signal.SIGKILL, -signal.SIGTERM):
                break
        if not answer.exists():
            tail = "\n".join((child.stderr or child.stdout).splitlines()[-12:])
            raise TrainerError(f"the trainer cannot be loaded (exit {child.returncode}):\n{tail}")
        return Description(**files.read_json(answer))


def reference_from(record: Mapping[str, Any]) -> TrainerReference:
    """A reference that was written as JSON, with its class under `kind`."""
    fields = {key: value for key, value in record.items() if key != "kind"}
    if record["kind"] == "FileTrainer":
        return FileTrainer(Path(fields["path"]), fields["name"])
    if record["kind"] == "ModuleTrainer":
        return ModuleTrainer(**fields)
    return Command(tuple(fields["argv"]), Path(fields["folder"]))


def describe(reference: TrainerReference) -> Description:
    """Import the trainer here and look at it."""
    if isinstance(reference, Command):
        folder = reference.folder
        sources = [p for p in (folder / part for part in reference.argv) if p.is_file()]
        known, modules, gpus = None, [], _gpus_of(import_torch=True)
    else:
        before = set(sys.modules)
        trainer = load(reference)
        _import_what_training_imports()
        folder, sources = _sources(reference)
        local = {path.resolve() for path in sources}
        modules = [
            name
            for name, module in list(sys.modules.items())
            if name not in before and _file_of(module) not in local and name != "__main__"
        ]
        known = list(trainer.defaults) if hasattr(trainer, "defaults") else None
        gpus = _gpus_of(import_torch=False)
    return Description(
        known=known,
        folder=str(folder),
        files={
            _relative(path, folder): _digest(path.read_bytes()) for path in sorted(set(sources))
        },
        preload=modules,
        gpus=gpus,
        versions=_versions(),
    )


def _import_what_training_imports() -> None:
    """What a trial with torch would otherwise import itself: torch's optimizers need dynamo."""
    if "torch" in sys.modules:
        for name in ("torch._dynamo", "hpsearch.fusion.lone"):
            importlib.import_module(name)


def _sources(reference: FileTrainer | ModuleTrainer) -> tuple[Path, list[Path]]:
    """The trainer's folder, and the modules in it that have been imported by now."""
    if isinstance(reference, FileTrainer):
        folder = reference.path.parent
    else:
        top = sys.modules[reference.module.partition(".")[0]]
        folder = Path((_file_of(top) or Path(next(iter(top.__path__)), "_")).parent)
    found = [path for path in map(_file_of, list(sys.modules.values())) if path is not None]
    if isinstance(reference, ModuleTrainer) and "." not in reference.module:
        return folder, [p for p in found if p == _file_of(sys.modules[reference.module])]
    return folder, [
        p
        for p in found
        if folder.resolve() in p.parents
        and "site-packages" not in p.relative_to(folder.resolve()).parts
    ]


def _file_of(module: Any) -> Path | None:
    """Its source; None where it has none, although it may name one, as torch's `_classes.py`."""
    name = getattr(module, "__file__", None)
    if not isinstance(name, str) or not name.endswith(".py"):
        return None
    path = Path(name).resolve()
    return path if path.is_file() else None


def _relative(path: Path, folder: Path) -> str:
    resolved, base = path.resolve(), folder.resolve()
    return str(resolved.relative_to(base)) if resolved.is_relative_to(base) else str(resolved)


def _gpus_of(*, import_torch: bool) -> int:
    if not import_torch and "torch" not in sys.modules:
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _versions() -> dict[str, str]:
    packages = ("hpsearch", "numpy", "torch", "scikit-learn")
    found = {"python": platform.python_version()}
    for package in packages:
        if importlib.util.find_spec({"scikit-learn": "sklearn"}.get(package, package)):
            found[package] = importlib.metadata.version(package)
    return found


def keep(description: Description, folder: Path) -> None:
    """Copy the sources, so that a later change can be shown."""
    record = asdict(description) | {"sha256": description.sha256}
    for name in description.files:
        copy = folder / _inside(name)
        copy.parent.mkdir(parents=True, exist_ok=True)
        files.write_text(copy, (Path(description.folder) / name).read_text(errors="replace"))
    files.write_json(folder / "description.json", record)


def changes(description: Description, folder: Path) -> list[str]:
    """Unified diff from the kept sources to those of now; empty when nothing changed."""
    kept: Mapping[str, str] = files.read_json(folder / "description.json")["files"]
    lines: list[str] = []
    for name in sorted(kept.keys() | description.files.keys()):
        if kept.get(name) == description.files.get(name):
            continue
        old = _lines(folder / _inside(name)) if name in kept else []
        new = _lines(Path(description.folder) / name) if name in description.files else []
        diff = difflib.unified_diff(
            old, new, f"{name} (recorded)", f"{name} (now)", n=1, lineterm=""
        )
        lines += list(diff) or [f"{name}: changed"]
    return lines


def _lines(path: Path) -> list[str]:
    return path.read_text(errors="replace").splitlines()


def _inside(name: str) -> str:
    """A source outside the trainer's folder is kept under its path without the root."""
    return name.lstrip("/") + ".txt"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _main() -> None:
    if sys.platform == "linux":  # a trainer whose import hangs must not outlive who asked
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    question, answer = sys.argv[1:]
    files.write_json(Path(answer), asdict(describe(reference_from(json.loads(question)))))


if __name__ == "__main__":
    _main()
