"""Where a report may be written: over its own former self, never over anything else."""

from pathlib import Path

from hpsearch.errors import HpsearchError
from hpsearch.files import write_text


class ReportError(HpsearchError):
    """A report cannot be written where it was asked for.

    Trying again helps with another place, or with --force where the message offers it.
    """


def check_replaceable(path: Path, mark: str, *, force: bool) -> None:
    """Check that a file may be written here.

    Args:
        path: of the file.
        mark: what every such file of ours contains.
        force: it may be anybody's.

    Raises:
        ReportError: it is a folder, or a file that hpsearch has not written.
    """
    if path.is_dir():
        raise ReportError(f"{path}: is a folder; name a file in it")
    if force or not path.exists():
        return
    try:
        ours = mark.encode() in path.read_bytes()
    except OSError as error:
        raise ReportError(
            f"{path}: cannot be read: {error.strerror}; choose another name"
        ) from error
    if not ours:
        raise ReportError(
            f"{path}: is there already and was not written by hpsearch; choose another name, or "
            "replace it with --force"
        )


def make_folder(folder: Path) -> None:
    """Create the folder if it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReportError(f"{folder}: cannot be made: {error.strerror}; choose another") from error


def write(path: Path, text: str, mark: str, *, force: bool) -> None:
    """Write a file of ours.

    Raises:
        ReportError: somebody else's file is there, or the folder cannot be written.
    """
    check_replaceable(path, mark, force=force)
    try:
        write_text(path, text)
    except OSError as error:
        raise ReportError(
            f"{path}: cannot be written: {error.strerror}; choose another place with --output"
        ) from error
