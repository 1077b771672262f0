"""How a search was started, so that it can go on without the terminal that started it."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hpsearch import files
from hpsearch.errors import HpsearchError, RunFolderError
from hpsearch.storage.run_folder import RunFolder, writable
from hpsearch.study import rename_old_override

# Between the caller and the search, for an instant: a child of the caller's would stay a zombie
# until the caller asked for it. It prints the process number of what it starts.
_SPAWN = """\
import os, sys
log, *command = sys.argv[1:]
actions = [
    (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
    (os.POSIX_SPAWN_DUP2, 1, 2),
]
print(os.posix_spawn(command[0], command, os.environ, file_actions=actions, setsid=True))
"""


@dataclass(frozen=True)
class LaunchRecord:
    """The content of started.json; all paths are absolute."""

    study: str
    runs: str
    overrides: tuple[str, ...]
    directory: str  # where it was typed, from which modules may be imported

    @property
    def arguments(self) -> list[str]:
        """Of the command `hpsearch`."""
        given = ["run", self.study, "--runs", self.runs]
        for override in self.overrides:
            given += ["--set", override]
        return given

    @classmethod
    def here(cls, study: str | Path, runs: str | Path, overrides: Sequence[str]) -> "LaunchRecord":
        study, runs = Path(study).absolute(), Path(runs).absolute()
        return cls(str(study), str(runs), tuple(overrides), str(Path.cwd()))


def write_launch_record(folder: RunFolder, way: LaunchRecord) -> None:
    """For the controller, which holds the folder's lock."""
    files.write_json(folder.started, asdict(way))


def read_launch_record(folder: RunFolder) -> LaunchRecord:
    """How the search in a folder was started last.

    Raises:
        HpsearchError: nobody knows, or what it was started from is gone.
    """
    try:
        record = files.read_json(folder.started)
    except FileNotFoundError:
        raise RunFolderError(
            f"{folder.started}: missing, so nobody knows how the search was started; type "
            "`hpsearch run STUDY` once more"
        ) from None
    way = LaunchRecord(
        **record | {"overrides": tuple(map(rename_old_override, record["overrides"]))}
    )
    if Path(way.runs).resolve() != folder.path.resolve().parent:
        raise HpsearchError(
            f"{folder.path}: was started under {way.runs} and has been moved or copied; type "
            f"`hpsearch run {way.study} --runs {folder.path.resolve().parent}`"
        )
    if not Path(way.study).is_file():
        raise HpsearchError(
            f"{way.study}: the study that {folder.path} was started from is gone; restore it, or "
            "type `hpsearch run STUDY` with where it is now"
        )
    if not Path(way.directory).is_dir():
        raise HpsearchError(
            f"{way.directory}: the folder in which {folder.path} was started is gone; type "
            f"`hpsearch run {way.study} --runs {way.runs}`"
        )
    return way


def launch_detached(folder: RunFolder, way: LaunchRecord) -> int:
    """Start `hpsearch run` in a session of its own; returns its process number.

    It outlives the caller, and what it says goes to the folder's controller.log.
    """
    command = [sys.executable, "-m", "hpsearch", *way.arguments]
    with writable(folder.path):
        spawned = subprocess.run(
            [sys.executable, "-c", _SPAWN, str(folder.controller_log.absolute()), *command],
            cwd=way.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            check=True,
        )
    return int(spawned.stdout)
