"""The local launcher under the contract of all launchers, and what only it can be asked."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from hpsearch.testing.launchers import ALL_LAUNCHER_CHECKS, try_out
from hpsearch.trial import Folder
from hpsearch.workers.local_launcher import LocalLauncher


@pytest.mark.parametrize("check", ALL_LAUNCHER_CHECKS)
def test_the_local_launcher_keeps_the_contract(check, tmp_path):
    check(LocalLauncher, tmp_path)


def fork_server() -> psutil.Process:
    """Among the children of the tests, of which a browser may be one."""
    children = psutil.Process().children()
    [server] = [child for child in children if "hpsearch.workers.fork_server" in child.cmdline()]
    return server


def fork_server_and_supervisor() -> tuple[psutil.Process, psutil.Process]:
    server = fork_server()
    [supervisor] = server.children()
    return server, supervisor


@pytest.mark.parametrize("victim", ["server", "supervisor", "trial"])
def test_whichever_process_is_killed_the_job_is_over_and_nothing_is_left(victim, tmp_path):
    with try_out(LocalLauncher, tmp_path) as trying:
        handle = trying.start("hang_with_children")
        trying.wait_for_file(handle, "hangs")
        server, supervisor = fork_server_and_supervisor()
        {"server": server, "supervisor": supervisor, "trial": supervisor.children()[0]}[
            victim
        ].kill()
        trying.wait_for(handle)
        trying.expect_no_process(handle)
        assert trying.outcome(handle) is None
        again = trying.start("end")
        trying.wait_for(again)
        assert trying.outcome(again) is not None


def test_a_fork_server_that_was_killed_before_it_could_start_anything_is_replaced(tmp_path):
    with try_out(LocalLauncher, tmp_path) as trying:
        first = trying.start("hang")
        server = fork_server()
        server.kill()
        server.wait()
        second, third = trying.start("end"), trying.start("end")
        for handle in (first, second, third):
            trying.wait_for(handle)
        assert trying.outcome(third) is not None


def test_a_job_waits_for_the_last_process_of_an_earlier_attempt(tmp_path):
    with try_out(LocalLauncher, tmp_path) as trying:
        job = trying.job("hang")
        [first] = trying.start_all([job])
        trying.wait_for_file(first, "hangs")
        other = LocalLauncher()
        try:
            [second] = other.submit([job])
            assert other.poll([second], 0.5)[second] is None
            assert (job.folders[0] / "attempts").read_text() == "x"
            (job.folders[0] / "go").touch()
            trying.wait_for(first)
            deadline = time.monotonic() + 30
            while other.poll([second], 1.0)[second] is None:
                assert time.monotonic() < deadline
        finally:
            other.close()
        assert (job.folders[0] / "attempts").read_text() == "x"


def test_a_daemon_that_survived_its_whole_family_is_ended_by_the_next_attempt(tmp_path):
    with try_out(LocalLauncher, tmp_path) as trying:
        job = trying.job("end")
        with Folder(job.folders[0]).log.open("a") as log:
            fcntl.flock(log, fcntl.LOCK_EX)
            command = [sys.executable, "-c", "import time; time.sleep(1000)"]
            daemon = subprocess.Popen(command, stdout=log, start_new_session=True)
        [handle] = trying.start_all([job])
        trying.wait_for(handle)
        assert trying.outcome(handle) is not None
        assert daemon.wait(10) == -signal.SIGKILL


def test_the_workers_ignore_the_terminals_interrupt(tmp_path):
    with try_out(LocalLauncher, tmp_path) as trying:
        handle = trying.start("hang")
        trying.wait_for_file(handle, "hangs")
        server, supervisor = fork_server_and_supervisor()
        for process in (server, supervisor, supervisor.children()[0]):
            process.send_signal(signal.SIGINT)
        assert os.getpgid(server.pid) != os.getpgid(0)
        (Path(trying.folders[handle].path) / "go").touch()
        trying.wait_for(handle)
        assert trying.outcome(handle) is not None
