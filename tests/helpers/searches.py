"""Real searches for the tests: a study in a folder of its own, and the processes that run it."""

import contextlib
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
import psutil
from forked import MARK, Forked, run

from hpsearch.storage import view
from hpsearch.storage.run_folder import RunFolder
from hpsearch.trial import Folder

HPSEARCH = [sys.executable, "-m", "hpsearch"]
PACKAGE = Path(__file__).parents[2]
SMALL_FILES_ONLY = [
    sys.executable,
    "-c",
    "import os, resource, sys; "
    "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY)); "
    "os.execv(sys.argv[1], sys.argv[1:])",
]
Controller = Forked | subprocess.Popen[bytes]


def until(condition: Callable[[], object], what: str, patience_s: float = 120.0) -> None:
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
        self.prefix: list[str] = []  # before the command, to put it under some limit
        self.is_fresh = False  # whether commands start with Python itself
        self._mark = f"{MARK}={uuid.uuid4()}"

    def environment(self) -> dict[str, str]:
        name, _, value = self._mark.partition("=")
        return os.environ | {"PYTHONPATH": str(PACKAGE), name: value}

    def start(self, *arguments: str) -> Controller:
        """`hpsearch run` in a session of its own, as in a terminal of its own."""
        command = ["run", str(self.study), "--runs", str(self.runs), *arguments]
        env = self.environment()
        with self._stdout.open("wb") as stdout, self._stderr.open("wb") as stderr:
            if not (self.prefix or self.is_fresh):
                return Forked(command, cwd=Path.cwd(), env=env, stdout=stdout, stderr=stderr)
            return subprocess.Popen(
                [*self.prefix, *HPSEARCH, *command],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )

    def end(self, controller: Controller) -> tuple[int, str]:
        """Wait for its end: exit code and stderr."""
        return controller.wait(timeout=120), self._stderr.read_text()

    def finish(self, *arguments: str) -> tuple[int, str]:
        return self.end(self.start(*arguments))

    def stdout(self) -> str:
        return self._stdout.read_text()

    def ask(self, command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Another command on the run folder."""
        line = [command, str(self.run.path), *arguments]
        if not (self.prefix or self.is_fresh):
            return run(line, cwd=Path.cwd(), env=self.environment(), timeout=60)
        return subprocess.run(
            [*self.prefix, *HPSEARCH, *line],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )

    def digest(self) -> str:
        return view.read_snapshot(self.run.path).result.digest

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

    @contextlib.contextmanager
    def finished_but_one_killed(self, number: int) -> Iterator[None]:
        """Run to the end, and on the way kill the process that a trial has written into `pid`."""
        controller = self.start()
        try:
            victim = self.trial(number).path / "pid"
            until(lambda: victim.exists() and victim.read_text().endswith(" "), "it waits")
            pid = int(victim.read_text())
            [process] = [p for p in self.processes() if p.pid == pid]
            process.kill()
            assert self.end(controller) == (0, "")
            self.wait_until_no_process_is_left()
            yield
        finally:
            self.kill()

    def kill(self) -> None:
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


# A small search whose trials wait while a file "hold" lies beside their trainer.
HELD_TRAINER = """\
import time
from pathlib import Path

HOLD = Path(__file__).with_name("hold")


def train(run):
    with open(run.folder.path / "attempts", "a") as attempts:
        attempts.write("x")
    while HOLD.exists():
        time.sleep(0.01)
    run.folder.checkpoint.touch()
    for step in range(1, run.budget + 1):
        run.report(step, loss=(run.hp.lr - 0.3) ** 2 + 1 / (run.seed % 97 + step))
"""


def kill_amid(search: Search, number: int) -> None:
    """Kill a search, whose trainer waits while there is a file `hold`, once a trial has ended."""
    (search.folder / "hold").touch()
    controller = search.start()
    until(lambda: search.trial(number).result.exists(), f"trial {number} has ended")
    controller.kill()
    controller.wait()
    (search.folder / "hold").unlink()


HELD_STUDY = """\
study: s
trainer: trainer.py:train
objective: {minimize: loss}
search: {rounds: 2, trials: 4, survivors: 2}
budget: {steps: 2, growth: 2}
confirm: {top: 1, seeds: 2}
resources: {parallel: 2}
space: {lr: {uniform: [0, 1]}}
"""


class HeldSearch(Search):
    """The small search, held or not."""

    def __init__(self, folder: Path, study: str = HELD_STUDY, runs: Path | None = None) -> None:
        super().__init__(folder, study, HELD_TRAINER, runs=runs)

    def hold(self) -> None:
        (self.folder / "hold").touch()

    def release(self) -> None:
        (self.folder / "hold").unlink()

    def start_held(self, trials: int = 2) -> Controller:
        """Start it, and wait until this many trials of the first round run and wait."""
        self.hold()
        controller = self.start()
        places = [self.trial(number).path / "attempts" for number in range(trials)]
        until(lambda: all(place.exists() for place in places), "the first trials run")
        return controller

    def attempts(self) -> list[int]:
        """How often each trial was started."""
        return [len(path.read_text()) for path in sorted(self.run.path.glob("trials/*/attempts"))]
