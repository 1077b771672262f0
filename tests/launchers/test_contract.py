"""The local launcher under the contract of all launchers, and what only it can be asked."""

import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from hpsearch.launchers.local import LocalLauncher
from hpsearch.testing import ALL_LAUNCHER_CHECKS, try_out


@pytest.mark.parametrize("check", ALL_LAUNCHER_CHECKS)
def test_the_local_launcher_keeps_the_contract(check, tmp_path):
    check(LocalLauncher, tmp_path)


def nursery_and_guard() -> tuple[psutil.Process, psutil.Process]:
    [nursery] = psutil.Process().children()
    [guard] = nursery.children()
    return nursery, guard


@pytest.mark.parametrize("victim", ["nursery", "guard", "trial"])
def test_whichever_process_is_killed_the_job_is_over_and_nothing_is_left(victim, tmp_path):
    with try_out(LocalLauncher, tmp_path) as trying:
        handle = trying.start("hang_with_children")
        trying.wait_for_file(handle, "hangs")
        nursery, guard = nursery_and_guard()
        {"nursery": nursery, "guard": guard, "trial": guard.children()[0]}[victim].kill()
        trying.wait_for(handle)
        trying.expect_no_process(handle)
        assert trying.outcome(handle) is None
        again = trying.start("end")
        trying.wait_for(again)
        assert trying.outcome(again) is not None


def test_a_nursery_that_was_killed_before_it_could_start_anything_is_replaced(tmp_path):
    with try_out(LocalLauncher, tmp_path) as trying:
        first = trying.start("hang")
        psutil.Process().children()[0].kill()
        psutil.Process().children()[0].wait()
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


def test_the_workers_ignore_the_terminals_interrupt(tmp_path):
    with try_out(LocalLauncher, tmp_path) as trying:
        handle = trying.start("hang")
        trying.wait_for_file(handle, "hangs")
        nursery, guard = nursery_and_guard()
        for process in (nursery, guard, guard.children()[0]):
            process.send_signal(signal.SIGINT)
        assert os.getpgid(nursery.pid) != os.getpgid(0)
        (Path(trying.folders[handle].path) / "go").touch()
        trying.wait_for(handle)
        assert trying.outcome(handle) is not None
