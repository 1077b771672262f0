"""A run folder that cannot be had: locked, read-only, full. One message each, and nothing lost."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from searches import HELD_STUDY, SMALL_FILES_ONLY, HeldSearch, Search

CURE = (
    "Finished trials in {run} are safe; free space, correct the permissions or choose another "
    "folder with --runs, then type the same command again\n"
)
# Root may write where the permissions forbid it, by a capability that a child can be denied.
WITHOUT_OVERRIDE = [
    sys.executable,
    "-c",
    "import ctypes, os, sys; PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1; "
    "os.getuid() or ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE); "
    "os.execv(sys.argv[1], sys.argv[1:])",
]


def expect_one_message(errors: str) -> None:
    assert errors.startswith("hpsearch: /"), errors  # the path comes first
    assert len(errors.splitlines()) == 1, errors


def test_a_folder_that_is_being_searched_names_who_has_it(held, undisturbed_held):
    controller = held.start_held()
    other = HeldSearch(held.folder, runs=held.runs)
    code, errors = other.finish()
    assert code == 4
    since = held.run.holder()["since"]
    assert errors == (
        f"hpsearch: {held.run.path} is being searched by process {controller.pid} on "
        f"{os.uname().nodename} since {since}; wait for it, or end it with "
        f"`hpsearch stop {held.run.path}`\n"
    )
    held.release()
    assert controller.wait(60) == 0
    assert held.digest() == undisturbed_held


def test_nobody_holds_the_folder_of_a_killed_search(held):
    controller = held.start_held()
    assert held.run.holder()["pid"] == controller.pid
    controller.kill()
    controller.wait()
    assert held.run.holder() is None


@pytest.fixture
def read_only():
    """Makes a folder read-only for searches with the prefix WITHOUT_OVERRIDE, root's too."""
    changed: list[Path] = []

    def forbid(folder: Path) -> None:
        for path in [*folder.rglob("*"), folder]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        changed.append(folder)

    yield forbid
    for folder in changed:
        folder.chmod(0o755)
        for path in folder.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.mark.slow
def test_a_read_only_folder_is_told_of_and_can_still_be_read(finished, read_only, undisturbed_held):
    read_only(finished.run.path)
    finished.prefix = WITHOUT_OVERRIDE
    code, errors = finished.finish()
    assert (code, errors) == (
        2,
        f"hpsearch: {finished.run.lock}: Permission denied. {CURE.format(run=finished.run.path)}",
    )
    for command in ("status", "best"):
        answer = finished.ask(command)
        assert answer.returncode == 0, answer.stderr
    assert finished.ask("digest").stdout == f"{undisturbed_held}\n"


def test_a_folder_that_cannot_be_made_is_told_of(held, read_only):
    held.runs.mkdir()
    read_only(held.runs)
    held.prefix = WITHOUT_OVERRIDE
    code, errors = held.finish()
    assert (code, errors) == (
        2,
        f"hpsearch: {held.run.path}: Permission denied. {CURE.format(run=held.run.path)}",
    )


def test_a_read_only_copy_of_a_killed_search_shows_all_that_was_recorded(held, read_only):
    controller = held.start_held()
    controller.kill()
    controller.wait()
    held.wait_until_no_process_is_left()
    copy = HeldSearch(held.folder / "copy")
    shutil.copytree(held.run.path, copy.run.path)
    shown = held.ask("trials").stdout
    assert shown.count("running") == 4
    read_only(copy.run.path)
    copy.prefix = WITHOUT_OVERRIDE
    answer = copy.ask("trials")
    assert (answer.stdout, answer.returncode) == (shown, 0)


# Trial n keeps a file of n times 400 kB.
GREEDY_TRAINER = """\
def train(run):
    number = int(run.folder.path.name)
    (run.folder.path / "kept").write_bytes(b"x" * (number * 400_000))
    print("kept", number)
    for step in range(1, run.budget + 1):
        run.report(step, loss=(run.hp.lr - 0.3) ** 2 + 1 / (run.seed % 97 + step))
"""


class SmallDisk:
    """A disk on which a greedy search comes to the end of the room, in the middle."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self._mounted = self._mount("size=7m")

    def _mount(self, options: str) -> bool:
        mount = ["mount", "-t", "tmpfs", "-o", options, "none", str(self.path)]
        return (
            shutil.which("mount") is not None
            and not subprocess.run(mount, capture_output=True, check=False).returncode
        )

    @property
    def prefix(self) -> list[str]:
        # Who may not mount has files end at 1 MiB instead.
        return [] if self._mounted else SMALL_FILES_ONLY

    def make_room(self) -> None:
        if self._mounted:
            assert self._mount("remount,size=60m")
        self._mounted = True

    def remove(self) -> None:
        if any(disk.mountpoint == str(self.path) for disk in psutil.disk_partitions(all=True)):
            subprocess.run(["umount", "--lazy", str(self.path)], check=True)


@pytest.fixture
def small_disk(tmp_path):
    disk = SmallDisk(tmp_path / "disk")
    yield disk
    disk.remove()


def expect_to_run_out_and_go_on(search: Search, undisturbed: str, make_room) -> None:
    code, errors = search.finish("--quiet")
    assert code == 2
    expect_one_message(errors)
    assert "are safe; free space" in errors
    search.wait_until_no_process_is_left()
    make_room()  # SQLite may want to write where it only reads
    assert not [t for t in search.optuna_study().trials if t.state.name == "FAIL"]
    assert search.finish() == (0, "")
    assert search.digest() == undisturbed


def test_a_disk_that_fills_up_costs_no_trial(tmp_path, small_disk, undisturbed_held):
    search = Search(tmp_path, HELD_STUDY, GREEDY_TRAINER, runs=small_disk.path)
    search.prefix = small_disk.prefix

    def make_room() -> None:
        small_disk.make_room()
        search.prefix = []

    expect_to_run_out_and_go_on(search, undisturbed_held, make_room)


def test_a_limit_on_the_size_of_files_costs_no_trial(tmp_path, undisturbed_held):
    search = Search(tmp_path, HELD_STUDY, GREEDY_TRAINER)
    search.prefix = SMALL_FILES_ONLY

    def make_room() -> None:
        search.prefix = []

    expect_to_run_out_and_go_on(search, undisturbed_held, make_room)


@pytest.mark.parametrize("room_kib", [16, 200])
def test_a_disk_that_is_full_from_the_start_is_told_of(tmp_path, room_kib, undisturbed_held):
    limit = f"(({room_kib} << 10), resource.RLIM_INFINITY)"
    search = HeldSearch(tmp_path / "search")
    search.prefix = [
        a.replace("(1 << 20, resource.RLIM_INFINITY)", limit) for a in SMALL_FILES_ONLY
    ]
    code, errors = search.finish("--quiet")
    if code:  # the database alone needs some 200 KiB
        assert code == 2
        expect_one_message(errors)
    search.prefix = []
    assert search.finish() == (0, "")
    assert search.digest() == undisturbed_held


def test_trials_that_another_program_added_are_passed_over(finished: Search) -> None:
    undisturbed = finished.digest()
    apart = HeldSearch(finished.folder / "apart")
    shutil.copytree(finished.run.path, apart.run.path)
    theirs = finished.optuna_study()
    theirs.enqueue_trial({"lr": 0.5})
    theirs.ask()
    theirs.optimize(lambda trial: trial.suggest_float("x", 0, 1), 2)
    assert finished.digest() == undisturbed
    assert "ignored   3 trials that another program added" in finished.ask("status").stdout
    assert finished.finish() == (0, "")
    assert f"{finished.run.database}: passes over 3 trials" in finished.stdout()
    assert finished.finish("--set", "search.rounds=3") == (0, "")
    assert apart.finish("--set", "search.rounds=3") == (0, "")
    assert finished.digest() == apart.digest() != undisturbed


def test_an_unfinished_trial_is_resumed_beside_another_programs_of_its_number(
    held: HeldSearch, undisturbed_held: str
) -> None:
    controller = held.start_held()
    held.kill()
    controller.wait()
    connection = sqlite3.connect(held.run.database)
    with connection:  # the first trials that Optuna lists are another program's
        connection.execute("INSERT INTO trials (number, study_id, state) VALUES (0, 1, 'WAITING')")
    connection.close()
    held.release()
    assert held.finish() == (0, "")
    assert held.digest() == undisturbed_held
