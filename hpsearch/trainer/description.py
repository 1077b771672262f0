"""A trainer's hyperparameters and source files.

The controller never imports a trainer: a child process imports and describes it.
"""

import functools
import hashlib
import importlib.metadata
import importlib.util
import inspect
import json
import os
import platform
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hpsearch.errors import TrainerError
from hpsearch.method import Structure, structure_faults
from hpsearch.study import Command, FileTrainer, ModuleTrainer, TrainerDescription
from hpsearch.trainer.child import answer_parent, ask_child
from hpsearch.trainer.loading import (
    FORMER_MODULES,
    TrainerReference,
    load_trainer,
    reference_from_record,
    reference_to_record,
)

# Modules that each trial with torch would otherwise import: torch's optimizers need dynamo.
_TORCH_TRAINING = (
    "torch",
    "torch._dynamo",
    "hpsearch.trainer.loop",
    "hpsearch.trainer.fused.group",
)


def describe_in_child(reference: TrainerReference) -> TrainerDescription:
    """Describe a trainer from a child process.

    Raises:
        TrainerError: the trainer cannot be imported, with the end of the traceback; or its
            structure is wrong.
    """
    question = reference_to_record(reference)
    answer = ask_child(
        "hpsearch.trainer.description", question, failure="the trainer cannot be loaded"
    )
    return TrainerDescription.from_record(answer)


def likely_preload(reference: TrainerReference) -> Sequence[str]:
    """Modules that the fork server can import while the trainer is being described."""
    try:
        text = reference.path.read_text() if isinstance(reference, FileTrainer) else ""
    except (OSError, UnicodeDecodeError):
        return ()  # describing the trainer reports it
    return _torch_modules(text)


def _torch_modules(source: str) -> Sequence[str]:
    """The parts of torch that a trial will import, so that each need not import them itself."""
    if re.search(r"^\s*(import|from) torch\b", source, re.MULTILINE):
        return _TORCH_TRAINING
    return ("torch",) if re.search(r"\brun\.(save|load)\(", source) else ()


def _describe(reference: TrainerReference) -> TrainerDescription:
    """Import the trainer into this process and describe it; raises as `describe_in_child`."""
    if isinstance(reference, Command):
        scripts = [p for p in (reference.folder / part for part in reference.argv) if p.is_file()]
        return TrainerDescription(
            kind="command",
            known=None,
            folder=str(reference.folder),
            files=_digests(scripts, reference.folder),
            preload=[],
            gpus=_count_gpus(import_torch=True),
            versions=_versions(),
        )
    modules_before = set(sys.modules)
    trainer = load_trainer(reference)
    folder, sources = _sources(reference)
    is_class = inspect.isclass(trainer)
    defaults, structure = _declared(trainer) if is_class else ({}, ())
    return TrainerDescription(
        kind="trainer" if is_class else "function",
        known=list(trainer.defaults) if hasattr(trainer, "defaults") else None,
        folder=str(folder),
        files=_digests(sources, folder),
        preload=_preload(modules_before, sources),
        gpus=_count_gpus(import_torch=False),
        versions=_versions(),
        defaults=defaults,
        structure=structure,
    )


def _preload(modules_before: set[str], sources: Iterable[Path]) -> list[str]:
    """Modules that the trainer imported or will import, without its own sources."""
    own = {str(path.resolve()) for path in sources}
    known = {*modules_before, *FORMER_MODULES, "__main__"}
    modules = [
        name
        for name, module in list(sys.modules.items())
        if name not in known and _source_of(module) not in own
    ]
    if "torch" in sys.modules:
        return [*modules, *_TORCH_TRAINING]
    torch = [name for path in sources for name in _torch_modules(path.read_text(errors="replace"))]
    return [*modules, *dict.fromkeys(torch)]


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


def _sources(reference: FileTrainer | ModuleTrainer) -> tuple[Path, list[Path]]:
    """The trainer's folder, and the imported modules that lie in it."""
    if isinstance(reference, FileTrainer):
        folder = reference.path.parent
    else:
        top = sys.modules[reference.module.partition(".")[0]]
        folder = Path(_source_of(top) or Path(next(iter(top.__path__)), "_")).parent
        if "." not in reference.module:
            own = _source_of(sys.modules[reference.module])
            return folder, [] if own is None else [Path(own)]
    base = f"{folder.resolve()}{os.sep}"
    paths = [_source_of(module) for module in list(sys.modules.values())]
    below = [Path(path) for path in paths if path is not None and path.startswith(base)]
    return folder, [
        path
        for path in below
        if path.is_file() and "site-packages" not in path.relative_to(base).parts
    ]


def _source_of(module: Any) -> str | None:
    """The real path of a module's Python file, which need not exist, as torch's `_classes.py`."""
    name = getattr(module, "__file__", None)
    return _real_path(name) if isinstance(name, str) and name.endswith(".py") else None


@functools.cache
def _real_path(name: str) -> str:
    folder, _, file = name.rpartition(os.sep)
    path = f"{_real_folder(folder)}{os.sep}{file}"
    is_link = os.path.islink(path)  # noqa: PTH114 - in a tenth of the time
    return os.path.realpath(path) if is_link else path


# torch's two thousand modules lie in two hundred folders.
_real_folder = functools.cache(os.path.realpath)


def _digests(sources: Iterable[Path], folder: Path) -> dict[str, str]:
    """The sha256 of each file, by its path relative to the folder where it lies below it."""
    base = folder.resolve()
    digests = {}
    for path in sorted(set(sources)):
        resolved = path.resolve()
        name = resolved.relative_to(base) if resolved.is_relative_to(base) else resolved
        digests[str(name)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return digests


def _count_gpus(*, import_torch: bool) -> int:
    if not import_torch and "torch" not in sys.modules:
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _versions() -> dict[str, str]:
    """The versions of Python and of the installed packages that numbers depend on."""
    modules = {
        "hpsearch": "hpsearch",
        "numpy": "numpy",
        "torch": "torch",
        "scikit-learn": "sklearn",
    }
    installed = [package for package, name in modules.items() if importlib.util.find_spec(name)]
    return {
        "python": platform.python_version(),
        **{package: importlib.metadata.version(package) for package in installed},
    }


if __name__ == "__main__":
    answer_parent(lambda record: asdict(_describe(reference_from_record(record))))
