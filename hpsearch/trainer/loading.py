"""A trainer's sources: how it is loaded, what it knows, and which files it is made of.

The controller never imports a trainer: a child process does, and describes what it found.
"""

import ctypes
import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import json
import platform
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from hpsearch import files
from hpsearch.errors import TrainerError
from hpsearch.method import Structure, structure_faults
from hpsearch.study import Command, FileTrainer, ModuleTrainer, TrainerDescription

_PR_SET_PDEATHSIG = 1

_ATTEMPTS = 3

# What a trial with torch would otherwise import itself: torch's optimizers need dynamo.
TORCH_TRAINING = ("torch", "torch._dynamo", "hpsearch.trainer.loop", "hpsearch.trainer.fused.group")

TrainerReference = FileTrainer | ModuleTrainer | Command


def load_trainer(reference: FileTrainer | ModuleTrainer) -> Any:
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


def describe_in_child(reference: TrainerReference) -> TrainerDescription:
    """Describe a trainer from a child process.

    Raises:
        TrainerError: it cannot be imported, with the end of the traceback; or its structure is
            wrong.
    """
    with tempfile.TemporaryDirectory(prefix="hpsearch-") as folder:
        answer = Path(folder) / "description.json"
        question = json.dumps({"kind": type(reference).__name__, **asdict(reference)}, default=str)
        for _attempt in range(_ATTEMPTS):
            child = subprocess.run(
                [sys.executable, "-m", "hpsearch.trainer.loading", question, str(answer)],
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
        found = files.read_json(answer)
        if "error" in found:
            raise TrainerError(found["error"])
        return TrainerDescription.from_record(found)


def reference_from_record(record: Mapping[str, Any]) -> TrainerReference:
    """A reference that was written as JSON, with its class under `kind`."""
    fields = {key: value for key, value in record.items() if key != "kind"}
    if record["kind"] == "FileTrainer":
        return FileTrainer(Path(fields["path"]), fields["name"])
    if record["kind"] == "ModuleTrainer":
        return ModuleTrainer(**fields)
    return Command(tuple(fields["argv"]), Path(fields["folder"]))


def describe_trainer(reference: TrainerReference) -> TrainerDescription:
    """Import the trainer here and look at it.

    Raises:
        TrainerError: its module has no such name, or its structure is wrong.
    """
    kind: Literal["trainer", "function", "command"] = "command"
    defaults: Mapping[str, Any] = {}
    structure: Structure = ()
    if isinstance(reference, Command):
        folder = reference.folder
        sources = [p for p in (folder / part for part in reference.argv) if p.is_file()]
        known, modules, gpus = None, [], _gpus_of(import_torch=True)
    else:
        before = set(sys.modules)
        trainer = load_trainer(reference)
        folder, sources = _sources(reference)
        local = {path.resolve() for path in sources}
        modules = [
            name
            for name, module in list(sys.modules.items())
            if name not in before and _file_of(module) not in local and name != "__main__"
        ]
        if "torch" in sys.modules:
            modules += TORCH_TRAINING
        known = list(trainer.defaults) if hasattr(trainer, "defaults") else None
        kind = "trainer" if inspect.isclass(trainer) else "function"
        if kind == "trainer":
            defaults, structure = _declared(trainer)
        gpus = _gpus_of(import_torch=False)
    return TrainerDescription(
        kind=kind,
        known=known,
        folder=str(folder),
        files={
            _relative(path, folder): _digest(path.read_bytes()) for path in sorted(set(sources))
        },
        preload=modules,
        gpus=gpus,
        versions=_versions(),
        defaults=defaults,
        structure=structure,
    )


def _declared(trainer: Any) -> tuple[Mapping[str, Any], Structure]:
    """A class's defaults, as far as they are JSON, and its structure."""
    defaults = dict(getattr(trainer, "defaults", {}))
    structure = getattr(trainer, "structure", ())
    if isinstance(structure, str):
        faults = [f"must be a tuple of names, as in ({structure!r},)"]
    else:
        faults = structure_faults(structure, defaults)
    if faults:
        raise TrainerError(f"{trainer.__name__}.structure: " + "; ".join(faults))
    return {name: value for name, value in defaults.items() if _is_json(value)}, tuple(structure)


def _is_json(value: Any) -> bool:
    try:
        return bool(json.loads(json.dumps(value)) == value)
    except (TypeError, ValueError):
        return False


def likely_preload(reference: TrainerReference) -> Sequence[str]:
    """What the process that trials are forked from can import while the trainer is described."""
    try:
        text = reference.path.read_text() if isinstance(reference, FileTrainer) else ""
    except (OSError, UnicodeDecodeError):
        return ()  # describing it will say so
    return TORCH_TRAINING if re.search(r"^(import|from) torch\b", text, re.MULTILINE) else ()


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


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def die_with_parent() -> None:
    """A trainer whose import hangs must not outlive who asked."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _main() -> None:
    die_with_parent()
    question, answer = sys.argv[1:]
    try:
        found = asdict(describe_trainer(reference_from_record(json.loads(question))))
    except TrainerError as error:
        found = {"error": str(error)}
    files.write_json(Path(answer), found)


if __name__ == "__main__":
    _main()
