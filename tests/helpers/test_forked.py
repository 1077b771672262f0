"""A command that is forked is one that is typed."""

import os
import signal
import subprocess

import pytest


def test_it_says_what_a_command_that_is_typed_says(finished):
    for command, code in (("trials", 0), ("pause", 2)):
        forked, typed = [], []
        for said, finished.is_fresh in ((forked, False), (typed, True)):
            done = finished.ask(command)
            said += [done.returncode, done.stdout, done.stderr]
        assert forked == typed
        assert forked[0] == code


def test_it_is_found_by_its_mark_leads_its_session_and_ends_by_signals(held):
    controller = held.start_held()
    assert controller.pid in [process.pid for process in held.processes()]
    assert os.getsid(controller.pid) == controller.pid
    with pytest.raises(subprocess.TimeoutExpired):
        controller.wait(0)
    controller.kill()
    assert controller.wait() == controller.poll() == -signal.SIGKILL
    held.wait_until_no_process_is_left()
