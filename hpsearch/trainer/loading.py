"""Import a trainer into this process."""

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

from hpsearch.errors import TrainerError
from hpsearch.study import Command, FileTrainer, ModuleTrainer

TrainerReference = FileTrainer | ModuleTrainer | Command

# Former names of modules that trainers import. A run folder refuses a changed trainer, so the
# former names must still work.
FORMER_MODULES = {
    "hpsearch.fusion": "hpsearch",
    "hpsearch.fusion.schedule": "hpsearch",
    "hpsearch.fusion.trainer": "hpsearch",
    "hpsearch.run": "hpsearch.trainer",
}


def load_trainer(reference: TrainerReference) -> Any:
    """The trainer's class or function; a command has none.

    Raises:
        TrainerError: its module has no such name.
    """
    assert not isinstance(reference, Command), reference
    for former, current in FORMER_MODULES.items():
        sys.modules.setdefault(former, importlib.import_module(current))
    if isinstance(reference, ModuleTrainer):
        module = importlib.import_module(reference.module)
    else:
        module = _import_file(reference.path)
    try:
        return getattr(module, reference.name)
    except AttributeError:
        names = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        raise TrainerError(
            f"{module.__file__}: has no {reference.name!r} (has: {', '.join(names)})"
        ) from None


def _import_file(path: Path) -> ModuleType:
    """Import a file as `python file.py` would: its folder comes first on the path."""
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    specification = importlib.util.spec_from_file_location(path.stem, path)
    assert specification is not None and specification.loader is not None, path
    module = importlib.util.module_from_spec(specification)
    sys.modules[path.stem] = module
    specification.loader.exec_module(module)
    return module


def reference_to_record(reference: TrainerReference) -> dict[str, Any]:
    """The reference in JSON types, with its class under `kind`."""
    fields = asdict(reference).items()
    texts = {name: str(value) if isinstance(value, Path) else value for name, value in fields}
    return {"kind": type(reference).__name__, **texts}


def reference_from_record(record: Mapping[str, Any]) -> TrainerReference:
    """The inverse of `reference_to_record`."""
    fields = {key: value for key, value in record.items() if key != "kind"}
    if record["kind"] == "FileTrainer":
        return FileTrainer(Path(fields["path"]), fields["name"])
    if record["kind"] == "ModuleTrainer":
        return ModuleTrainer(**fields)
    return Command(tuple(fields["argv"]), Path(fields["folder"]))
