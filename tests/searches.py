"""Real searches for the tests: a study in a folder of its own, and the processes that run it."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import optuna
import psutil

from hpsearch import view
from hpsearch.runfolder import RunFolder
from hpsearch.trial import Folder

HPSEARCH = [sys.executable, "-m", "hpsearch.cli"]
PACKAGE = Path(__file__).parent.parent


def until(condition: Callable[[], object], what: str, patience_s: float = 60.0) -> None:
    """Wait for an event that no descriptor tells of."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {patience_s:g} s until {what}"
        time.sleep(0.01)


class Search:
    """A study, its trainer, and a mark by which any process of theirs can be found."""

    def __init__(self, folder: Path, study: str, trainer: str, *, runs: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.study = folder / "study.yaml"
        self.trainer = folder / "trainer.py"
        self.study.write_text(study)
        self.trainer.write_text(trainer)
        self.runs = runs or folder / "runs"
        self.run = RunFolder(self.runs / "s")
        self._stdout, self._stderr = folder / "stdout.txt", folder / "stderr.txt"
        self._mark = f"HPSEARCH_TEST={uuid.uuid4()}"

    def environment(self) -> dict[str, str]:
        name, _, value = self._mark.partition("=")
        return os.environ | {"PYTHONPATH": str(PACKAGE), name: value}

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """`hpsearch run` in a session of its own, as in a terminal of its own."""
        with self._stdout.open("w") as stdout, self._stderr.open("w") as stderr:
            return subprocess.Popen(
                [*HPSEARCH, "run", str(self.study), "--runs", str(self.runs), *arguments],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )

    def end(self, controller: "subprocess.Popen[bytes]") -> tuple[int, str]:
        """Wait for its end: exit code and stderr."""
        return controller.wait(timeout=120), self._stderr.read_text()

    def finish(self, *arguments: str) -> tuple[int, str]:
        return self.end(self.start(*arguments))

    def stdout(self) -> str:
        return self._stdout.read_text()

    def ask(self, command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Another command on the run folder."""
        return subprocess.run(
            [*HPSEARCH, command, str(self.run.path), *arguments],
            env=os.environ | {"PYTHONPATH": str(PACKAGE)},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def digest(self) -> str:
        return view.read(self.run.path).result.digest

    def trial(self, number: int) -> Folder:
        return self.run.trial(number)

    def optuna_study(self) -> optuna.Study:
        return optuna.load_study(study_name="s", storage=f"sqlite:///{self.run.database}")

    def processes(self) -> list[psutil.Process]:
        """All living processes that descend from this search, whoever their parent is now."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and self._mark.encode() in (entry / "environ").read_bytes():
                    found.append(psutil.Process(int(entry.name)))
            except (OSError, psutil.NoSuchProcess):
                continue  # gone by now, or a zombie
        return found

    def wait_until_no_process_is_left(self) -> None:
        until(lambda: not self.processes(), f"the processes are gone: {self.processes()}", 20)

    def kill(self) -> None:
        for process in self.processes():
            process.kill()
