"""The contract of launchers, as checks of a launcher.

In the tests of a launcher:

    @pytest.mark.parametrize("check", hpsearch.testing.ALL_LAUNCHER_CHECKS)
    def test_my_launcher(check, tmp_path):
        check(MyLauncher, tmp_path)

A check raises AssertionError with the fault. The launcher's workers must see `tmp_path`, and
`flock` must work there: each process of a job holds a lock, so a remaining process is detected.
"""

import contextlib
import fcntl
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from hpsearch.study import FileTrainer
from hpsearch.testing.expectations import expect
from hpsearch.trial import Folder, Outcome, Spec
from hpsearch.workers import Job, Launcher

MakeLauncher = Callable[[], Launcher]

_PATIENCE_S = 60.0
_TRAINER = '''\
"""Calls the function that the hyperparameter `act` names."""
import ctypes, fcntl, os, signal, subprocess, sys, time
from pathlib import Path

SLEEP = [sys.executable, "-c", "import time; time.sleep(1000)"]


def train(run):
    alive = open(run.folder.path / "alive", "w")
    fcntl.flock(alive, fcntl.LOCK_EX)  # held by all processes that inherit it
    with open(run.folder.path / "attempts", "a") as attempts:
        attempts.write("x")
    run.report(1, loss=run.hp.x)
    print("the trainer speaks")
    globals()[run.hp.act](run, alive.fileno())


def end(run, alive):
    pass


def hang(run, alive):
    (run.folder.path / "hangs").touch()
    while not (run.folder.path / "go").exists():
        time.sleep(0.01)


def meet(run, alive):
    (run.folder.path / "here").touch()
    while not all((p / "here").exists() for p in run.folder.path.parent.iterdir()):
        time.sleep(0.01)


def leave_children(run, alive):
    for new_session in (False, True):
        subprocess.Popen(SLEEP, pass_fds=[alive], start_new_session=new_session)
    if os.fork() == 0:  # a daemon: its parent exits at once
        os.setsid()
        if os.fork() == 0:
            time.sleep(1000)
        os._exit(0)


def hang_with_children(run, alive):
    leave_children(run, alive)
    hang(run, alive)


def die_with_children(run, alive):
    leave_children(run, alive)
    os.kill(os.getpid(), signal.SIGKILL)


def segfault(run, alive):
    ctypes.string_at(0)


def segfault_if_large(run, alive):
    if run.hp.x > 5:
        segfault(run, alive)
'''


def a_job_leaves_an_outcome_and_a_log(make: MakeLauncher, folder: Path) -> None:
    with try_out(make, folder) as trying:
        handle = trying.run("end", x=0.5)
        outcome = trying.outcome(handle)
        expect(outcome is not None and outcome.value == 0.5, f"the outcome is {outcome}")
        log = trying.folders[handle].log.read_text()
        expect("the trainer speaks" in log, f"the log has: {log!r}")


def jobs_run_at_the_same_time(make: MakeLauncher, folder: Path) -> None:
    with try_out(make, folder) as trying:
        for handle in trying.start_all([trying.job("meet"), trying.job("meet")]):
            trying.wait_for(handle)
            expect(trying.outcome(handle) is not None, "a job ended without an outcome")


def a_job_of_several_folders_leaves_an_outcome_in_each(make: MakeLauncher, folder: Path) -> None:
    with try_out(make, folder) as trying:
        first, second = trying.job("end"), trying.job("end")
        trying.run_job(replace(first, folders=first.folders + second.folders))
        for path in first.folders + second.folders:
            expect(Folder(path).result.exists(), f"no outcome in {path}")


def a_finished_trial_is_not_run_again(make: MakeLauncher, folder: Path) -> None:
    with try_out(make, folder) as trying:
        job = trying.job("end")
        for _ in range(2):
            trying.run_job(job)
        attempts = (job.folders[0] / "attempts").read_text()
        expect(attempts == "x", f"it was run {len(attempts)} times")


def poll_waits_until_a_job_ends(make: MakeLauncher, folder: Path) -> None:
    with try_out(make, folder) as trying:
        [handle] = trying.start_hanging("hang")
        began = time.monotonic()
        answer = trying.launcher.poll([handle], 0.3)
        waited = time.monotonic() - began
        expect(answer[handle] is None, "poll says that a running job has ended")
        expect(waited >= 0.29, f"poll returned after {waited:.2f} s of 0.3 s, without an event")
        trying.release(handle)
        began = time.monotonic()
        trying.launcher.poll([handle], _PATIENCE_S)
        expect(time.monotonic() - began < 10, "poll waited although the job had ended")


def an_ended_job_has_no_process_left(make: MakeLauncher, folder: Path) -> None:
    with try_out(make, folder) as trying:
        handle = trying.run("leave_children")
        expect(trying.outcome(handle) is not None, "it ended without an outcome")
        trying.expect_no_process(handle)


def cancel_ends_a_job_and_its_children(make: MakeLauncher, folder: Path) -> None:
    with try_out(make, folder) as trying:
        doomed, other = trying.start_hanging("hang_with_children", "hang")
        trying.launcher.cancel(doomed)
        trying.wait_for(doomed)
        trying.expect_no_process(doomed)
        expect(trying.outcome(doomed) is None, "a cancelled job has an outcome")
        trying.release(other)
        expect(trying.outcome(other) is not None, "another job was cancelled with it")


def a_killed_job_is_over_without_an_outcome(make: MakeLauncher, folder: Path) -> None:
    with try_out(make, folder) as trying:
        handle = trying.run("die_with_children")
        expect(trying.outcome(handle) is None, "a job that was killed from outside has an outcome")
        trying.expect_no_process(handle)


def a_crash_is_an_outcome(make: MakeLauncher, folder: Path) -> None:
    with try_out(make, folder) as trying:
        handle = trying.run("segfault")
        outcome = trying.outcome(handle)
        expect(
            outcome is not None and outcome.reason == "error" and "SIGSEGV" in outcome.message,
            f"the outcome is {outcome}",
        )


def a_crash_of_several_trials_blames_none_of_them(make: MakeLauncher, folder: Path) -> None:
    with try_out(make, folder) as trying:
        jobs = [trying.job("segfault_if_large", x=x) for x in (1.0, 9.0, 1.0)]
        folders = tuple(job.folders[0] for job in jobs)
        trying.run_job(replace(jobs[0], folders=folders))
        expect(Folder(folders[0]).result.exists(), "the trial that had ended has no outcome")
        for path in folders[1:]:
            expect(not Folder(path).result.exists(), f"an outcome in {path}")
            reason = Folder(path).alone.read_text() if Folder(path).alone.exists() else ""
            expect("SIGSEGV" in reason, f"alone.txt in {path} has: {reason!r}")
        for job in jobs[1:]:
            trying.run_job(job)
        ended = [Folder(path).read_outcome() for path in folders[1:]]
        reasons = [outcome and outcome.reason for outcome in ended]
        expect(reasons == ["error", None], f"alone they end with {reasons}")


def a_job_that_runs_too_long_is_ended(make: MakeLauncher, folder: Path) -> None:
    with try_out(make, folder) as trying:
        handle = trying.run_job(replace(trying.job("hang_with_children"), trial_seconds=1.0))
        outcome = trying.outcome(handle)
        expect(outcome is not None and outcome.reason == "timeout", f"the outcome is {outcome}")
        trying.expect_no_process(handle)


def unknown_and_ended_handles_are_over(make: MakeLauncher, folder: Path) -> None:
    with try_out(make, folder) as trying:
        handle = trying.run("end")
        trying.launcher.cancel(handle)
        trying.launcher.cancel("nobody's handle")
        answer = trying.launcher.poll([handle, "nobody's handle"], 0.0)
        expect(all(answer.values()) and len(answer) == 2, f"poll says {answer}")


def close_ends_everything(make: MakeLauncher, folder: Path) -> None:
    with try_out(make, folder) as trying:
        trying.launcher.close()  # with nothing to close
        handles = trying.start_hanging("hang_with_children", "hang")
        trying.launcher.close()
        for handle in handles:
            trying.expect_no_process(handle)
            expect(trying.outcome(handle) is None, "a job that was ended has an outcome")


ALL_LAUNCHER_CHECKS: tuple[Callable[[MakeLauncher, Path], None], ...] = (
    a_job_leaves_an_outcome_and_a_log,
    jobs_run_at_the_same_time,
    a_job_of_several_folders_leaves_an_outcome_in_each,
    a_finished_trial_is_not_run_again,
    poll_waits_until_a_job_ends,
    an_ended_job_has_no_process_left,
    cancel_ends_a_job_and_its_children,
    a_killed_job_is_over_without_an_outcome,
    a_crash_is_an_outcome,
    a_crash_of_several_trials_blames_none_of_them,
    a_job_that_runs_too_long_is_ended,
    unknown_and_ended_handles_are_over,
    close_ends_everything,
)


@contextlib.contextmanager
def try_out(make: MakeLauncher, folder: Path) -> Iterator["Tryout"]:
    launcher = make()
    try:
        yield Tryout(launcher, folder / "a'; echo foo" / "$(trials) %d {x}")
    finally:
        launcher.close()


class Tryout:
    """A launcher under test and the folders of its jobs."""

    def __init__(self, launcher: Launcher, base: Path) -> None:
        self.launcher = launcher
        self.folders: dict[str, Folder] = {}
        self._base = base
        self._trials = 0
        base.mkdir(parents=True)
        self._trainer = base.parent / "trainer.py"
        self._trainer.write_text(_TRAINER)

    def job(self, act: str, x: float = 1.0) -> Job:
        folder = Folder(self._base / f"{self._trials:05d}")
        spec = Spec(self._trials, 0, 0, "draw", {"x": x}, (0.5,), seed=1, budget=1)
        self._trials += 1
        folder.write_spec(spec)
        reference = FileTrainer(self._trainer, "train")
        return Job((folder.path,), reference, {"act": act}, "loss", report_every=1)

    def start_all(self, jobs: list[Job]) -> list[str]:
        handles = list(self.launcher.submit(jobs))
        expect(len(set(handles)) == len(jobs), f"{len(jobs)} jobs have the handles {handles}")
        self.folders |= {h: Folder(j.folders[0]) for h, j in zip(handles, jobs, strict=True)}
        return handles

    def start(self, act: str, x: float = 1.0) -> str:
        return self.start_all([self.job(act, x)])[0]

    def start_hanging(self, *acts: str) -> list[str]:
        """Start a job per act; return when all hang."""
        handles = [self.start(act) for act in acts]
        for handle in handles:
            self.wait_for_file(handle, "hangs")
        return handles

    def release(self, handle: str) -> None:
        """Let a hanging job end, and wait for the end."""
        (self.folders[handle].path / "go").touch()
        self.wait_for(handle)

    def run(self, act: str, x: float = 1.0) -> str:
        return self.run_job(self.job(act, x))

    def run_job(self, job: Job) -> str:
        """Start a job and wait for its end."""
        [handle] = self.start_all([job])
        self.wait_for(handle)
        return handle

    def wait_for(self, handle: str) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while self.launcher.poll([handle], 1.0)[handle] is None:
            expect(time.monotonic() < deadline, f"the job does not end; {self._log(handle)}")

    def wait_for_file(self, handle: str, name: str) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not (self.folders[handle].path / name).exists():
            expect(time.monotonic() < deadline, f"the job makes no {name!r}; {self._log(handle)}")
            time.sleep(0.01)

    def outcome(self, handle: str) -> Outcome | None:
        return self.folders[handle].read_outcome()

    def expect_no_process(self, handle: str) -> None:
        with (self.folders[handle].path / "alive").open() as alive:
            try:
                fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AssertionError(
                    "the job has ended, but one of its processes has not"
                ) from None

    def _log(self, handle: str) -> str:
        return f"its log:\n{self.folders[handle].log_tail()}"
