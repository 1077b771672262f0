"""What a trial has from an earlier one: a checkpoint to go on from, or weights to start from.

Both are handed down into the trial's own folder before it first starts, so that a killed trial
finds them there again. The earlier trial's checkpoint is kept until all trials of the round have
ended (`controller`).
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
    """The spec of a new trial, which starts from fresh weights if there are no others to be had.

    A survivor has no checkpoint where it was not kept as one, before an accepted change of the
    study made it a survivor.
    """
    if spec.weights_of is None or run.trial(spec.weights_of).checkpoint.exists():
        return spec
    return replace(spec, weights_of=None)


def copy_parent_checkpoint(run: RunFolder, spec: Spec) -> None:
    """Give a trial what it continues or starts from, unless it has a checkpoint of its own by now.

    Raises:
        RunFolderError: the weights that it is recorded to start from are gone.
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
        _bequeath(run.trial(spec.weights_of), folder, spec)


def _bequeath(old: Folder, folder: Folder, spec: Spec) -> None:
    if not old.checkpoint.exists():
        raise RunFolderError(
            f"{old.checkpoint}: missing, and trial {spec.number} starts from its weights. Restore "
            f"the file, or start afresh in another folder with --runs"
        )
    folder.path.mkdir(parents=True, exist_ok=True)
    try:
        # No room is taken: a checkpoint is replaced as a whole, and nobody writes into it.
        os.link(old.checkpoint, folder.inherited)
    except OSError:  # a file system without links
        _copy(old.checkpoint, folder.inherited)


def _copy(old: Path, new: Path) -> None:
    with old.open("rb") as checkpoint, files.replacing(new) as copy:
        shutil.copyfileobj(checkpoint, copy)
