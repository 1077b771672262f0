"""The copy of a trainer's sources in a run folder, and the changes since it was made."""

import difflib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from hpsearch import files
from hpsearch.study import TrainerDescription


def copy_sources(description: TrainerDescription, folder: Path) -> None:
    """Copy the sources, so that a later change can be shown as a diff."""
    record = asdict(description) | {"sha256": description.sha256}
    for name in description.files:
        copy = folder / _inside(name)
        copy.parent.mkdir(parents=True, exist_ok=True)
        files.write_text(copy, (Path(description.folder) / name).read_text(errors="replace"))
    files.write_json(folder / "description.json", record)


def source_changes(description: TrainerDescription, folder: Path) -> list[str]:
    """Unified diff from the copied sources to the current ones; empty when nothing changed."""
    copied: Mapping[str, str] = files.read_json(folder / "description.json")["files"]
    lines: list[str] = []
    for name in sorted(copied.keys() | description.files.keys()):
        if copied.get(name) == description.files.get(name):
            continue
        old = _lines(folder / _inside(name)) if name in copied else []
        new = _lines(Path(description.folder) / name) if name in description.files else []
        diff = difflib.unified_diff(
            old, new, f"{name} (recorded)", f"{name} (now)", n=1, lineterm=""
        )
        lines += list(diff) or [f"{name}: changed"]
    return lines


def _lines(path: Path) -> list[str]:
    return path.read_text(errors="replace").splitlines()


def _inside(name: str) -> str:
    """Path of a source's copy; an absolute path loses its leading slash."""
    return name.lstrip("/") + ".txt"
