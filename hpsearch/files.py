"""Files that are whole, old or new, after a `kill -9` or a power cut."""

import contextlib
import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

_DISK_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
_ROOM_BYTES = 1 << 20  # a disk with less free space counts as full
_TAIL_BYTES = 1 << 16  # longer than any line


@contextlib.contextmanager
def replacing(path: Path, *, is_synced: bool = True) -> Iterator[IO[bytes]]:
    """A binary file that replaces `path` when the block ends without an exception.

    It is written beside `path`, synced, renamed over it, and the folder synced (POSIX rename is
    atomic within a file system). The process number keeps two writers' temporary files apart.
    Without `is_synced` a power cut can leave the file torn; a `kill -9` cannot.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            if is_synced:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if is_synced:
        sync_folder(path.parent)


def sync(path: Path) -> None:
    """Write to the disk what was appended to a file; do nothing if there is none."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    with replacing(path) as file:
        file.write(text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write strict JSON; a NaN or an infinity is a bug and raises ValueError."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """The whole records of a JSON-lines file; none if there is no file."""
    with contextlib.suppress(FileNotFoundError):
        return parse_json_lines(path.read_bytes())[0]
    return []


def parse_json_lines(text: bytes) -> tuple[list[dict[str, Any]], int]:
    """The whole records at the start of JSON lines, and the number of bytes that they take.

    The last line may be torn: it has no newline yet, or a power cut left half of it.
    """
    records, size = [], 0
    for line in text.split(b"\n")[:-1]:
        try:
            records.append(json.loads(line))
        except ValueError:
            break
        size += len(line) + 1
    return records, size


def last_json_line(path: Path) -> dict[str, Any] | None:
    """The last record that `read_json_lines` would give; None if there is none."""
    for line in reversed(read_tail(path).split(b"\n")[:-1]):
        with contextlib.suppress(ValueError):
            record: dict[str, Any] = json.loads(line)
            return record
    return None


def read_tail(path: Path) -> bytes:
    """The last 64 KiB of a file; nothing if there is no file."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            return file.read()
    except FileNotFoundError:
        return b""


def disk_fault(error: BaseException | None, folder: Path) -> OSError | None:
    """The fault of the disk that caused an error; None if the disk did not.

    A library or a child process may hide a full disk behind its own error, so a disk that is
    almost full counts as the cause.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in _DISK_FAULTS:
            return error
        error = error.__cause__ or error.__context__
    disk = os.statvfs(folder)
    if disk.f_bavail * disk.f_frsize < _ROOM_BYTES:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
    return None
