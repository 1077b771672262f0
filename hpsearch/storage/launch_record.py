"""How a search was started, so that it can be resumed without the terminal that started it."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hpsearch import files
from hpsearch.errors import HpsearchError, RunFolderError
from hpsearch.storage.run_folder import RunFolder, writable
from hpsearch.study import rename_old_override

# A short-lived parent of the search, which prints the search's process number: as a child of the
# caller the search would stay a zombie until the caller waited for it.
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
    directory: str  # working directory, from which modules may be imported

    @property
    def arguments(self) -> list[str]:
        """Arguments of the command `hpsearch`."""
        given = ["run", self.study, "--runs", self.runs]
        for override in self.overrides:
            given += ["--set", override]
        return given

    @classmethod
    def here(cls, study: str | Path, runs: str | Path, overrides: Sequence[str]) -> "LaunchRecord":
        study, runs = Path(study).absolute(), Path(runs).absolute()
        return cls(str(study), str(runs), tuple(overrides), str(Path.cwd()))


def write_launch_record(folder: RunFolder, launch: LaunchRecord) -> None:
    """Called by the controller, which holds the folder's lock."""
    files.write_json(folder.started, asdict(launch))


def read_launch_record(folder: RunFolder) -> LaunchRecord:
    """How the search in a folder was last started.

    Raises:
        HpsearchError: the record, the study file or the working directory is missing.
    """
    try:
        record = files.read_json(folder.started)
    except FileNotFoundError:
        raise RunFolderError(
            f"{folder.started}: missing, so it is unknown how the search was started; type "
            "`hpsearch run STUDY`"
        ) from None
    launch = LaunchRecord(
        **record | {"overrides": tuple(map(rename_old_override, record["overrides"]))}
    )
    if Path(launch.runs).resolve() != folder.path.resolve().parent:
        raise HpsearchError(
            f"{folder.path}: was started under {launch.runs} and has been moved or copied; type "
            f"`hpsearch run {launch.study} --runs {folder.path.resolve().parent}`"
        )
    if not Path(launch.study).is_file():
        raise HpsearchError(
            f"{launch.study}: the study that {folder.path} was started from is gone; restore it "
            "or type `hpsearch run STUDY` with its new path"
        )
    if not Path(launch.directory).is_dir():
        raise HpsearchError(
            f"{launch.directory}: the folder in which {folder.path} was started is gone; type "
            f"`hpsearch run {launch.study} --runs {launch.runs}`"
        )
    return launch


def launch_detached(folder: RunFolder, launch: LaunchRecord) -> int:
    """Start `hpsearch run` in its own session; returns its process number.

    The process outlives the caller; its output goes to the folder's controller.log.
    """
    command = [sys.executable, "-m", "hpsearch", *launch.arguments]
    with writable(folder.path):
        spawned = subprocess.run(
            [sys.executable, "-c", _SPAWN, str(folder.controller_log.absolute()), *command],
            cwd=launch.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            check=True,
        )
    return int(spawned.stdout)
