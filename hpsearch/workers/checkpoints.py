"""Copies the checkpoint that a trial continues, or whose weights it starts from.

The copy is made in the trial's own folder before its first start, so that a killed trial finds it
there. The controller deletes the parent's checkpoint only after all trials of the round have ended.
"""

import os
import shutil
from dataclasses import replace
from pathlib import Path

from hpsearch import files
from hpsearch.errors import RunFolderError
from hpsearch.storage import RunFolder
from hpsearch.trial import Folder, Spec


def with_usable_parent(run: RunFolder, spec: Spec) -> Spec:
    """The spec of a new trial, with fresh weights if its survivor has no checkpoint.

    A checkpoint is missing if only an accepted change of the study made its trial a survivor, after
    the checkpoint had been deleted.
    """
    if spec.weights_of is None or run.trial(spec.weights_of).checkpoint.exists():
        return spec
    return replace(spec, weights_of=None)


def copy_parent_checkpoint(run: RunFolder, spec: Spec) -> None:
    """Copy the checkpoint that a trial depends on, unless it has a checkpoint of its own.

    Raises:
        RunFolderError: the checkpoint with the trial's initial weights is missing.
    """
    folder = run.trial(spec.number)
    if folder.checkpoint.exists():
        return
    if spec.role == "continue":
        assert spec.parent is not None
        old = run.trial(spec.parent).checkpoint
        if old.exists():
            folder.path.mkdir(parents=True, exist_ok=True)
            _copy(old, folder.checkpoint)
    elif spec.weights_of is not None and not folder.inherited.exists():
        _link_initial_weights(run.trial(spec.weights_of), folder, spec)


def _link_initial_weights(old: Folder, folder: Folder, spec: Spec) -> None:
    if not old.checkpoint.exists():
        raise RunFolderError(
            f"{old.checkpoint}: missing, and trial {spec.number} starts from its weights. Restore "
            f"the file, or start in another folder with --runs"
        )
    folder.path.mkdir(parents=True, exist_ok=True)
    try:
        # A link is safe: checkpoints are replaced as a whole and never written into.
        os.link(old.checkpoint, folder.inherited)
    except OSError:  # a file system without links
        _copy(old.checkpoint, folder.inherited)


def _copy(old: Path, new: Path) -> None:
    with old.open("rb") as checkpoint, files.replacing(new) as copy:
        shutil.copyfileobj(checkpoint, copy)
