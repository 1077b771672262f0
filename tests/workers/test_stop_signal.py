"""Ctrl-C, SIGTERM and `hpsearch stop`: how a search ends on request, and that it can go on."""

import os
import signal
import subprocess

from searches import HPSEARCH, HeldSearch, until

STOPPED = "hpsearch: stopped; `hpsearch run` with the same arguments resumes {}\n"


def interrupt(search: HeldSearch, controller: "subprocess.Popen[bytes]") -> None:
    """As a terminal does: every process of the controller's group gets it."""
    os.killpg(controller.pid, signal.SIGINT)


def ask_to_stop(search: HeldSearch, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*HPSEARCH, "stop", str(search.run.path), *arguments],
        env=search.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )


def has_ended(search: HeldSearch) -> int:
    """Trials that the database calls finished."""
    return sum(trial.state.is_finished() for trial in search.optuna_study().trials)


def expect_to_go_on(search: HeldSearch, undisturbed: str) -> None:
    search.wait_until_no_process_is_left()
    assert search.finish() == (0, "")
    assert search.digest() == undisturbed


def test_the_first_ctrl_c_lets_the_running_trials_finish(held, undisturbed_held):
    controller = held.start_held()
    interrupt(held, controller)
    until(lambda: "stopping after 2 running trials" in held.stdout(), "it has heard")
    held.release()
    assert held.end(controller) == (130, STOPPED.format(held.run.path))
    assert has_ended(held) == 2
    expect_to_go_on(held, undisturbed_held)
    assert held.attempts() == [1] * 10


def test_the_second_ctrl_c_ends_the_running_trials_now(held, undisturbed_held):
    controller = held.start_held()
    interrupt(held, controller)
    until(lambda: "stopping after 2 running trials" in held.stdout(), "it has heard")
    interrupt(held, controller)
    assert held.end(controller) == (130, STOPPED.format(held.run.path))
    assert "stopping now; the same command resumes the search" in held.stdout()
    assert has_ended(held) == 0
    held.release()
    expect_to_go_on(held, undisturbed_held)


def test_sigterm_ends_the_running_trials_now(held, undisturbed_held):
    controller = held.start_held()
    controller.terminate()
    assert held.end(controller) == (130, STOPPED.format(held.run.path))
    held.release()
    expect_to_go_on(held, undisturbed_held)


def test_stop_from_another_process_waits_for_the_running_trials(held, undisturbed_held):
    controller = held.start_held()
    stop = ask_to_stop(held)
    assert "stopping after the running trials" in stop.stdout.readline()
    held.release()
    said = stop.communicate(timeout=60)[0]
    assert (stop.returncode, said) == (0, f"stopped; `hpsearch run` resumes {held.run.path}\n")
    assert held.end(controller) == (130, STOPPED.format(held.run.path))
    assert has_ended(held) == 2
    expect_to_go_on(held, undisturbed_held)


def test_stop_asked_twice_ends_the_running_trials_now(held, undisturbed_held):
    controller = held.start_held()
    first = ask_to_stop(held)
    assert "stopping after the running trials" in first.stdout.readline()
    second = ask_to_stop(held)
    assert held.end(controller)[0] == 130
    for stop in (first, second):
        stop.communicate(timeout=60)
        assert stop.returncode == 0
    assert has_ended(held) == 0
    held.release()
    expect_to_go_on(held, undisturbed_held)


def test_stop_now_ends_the_running_trials_now(held, undisturbed_held):
    controller = held.start_held()
    stop = ask_to_stop(held, "--now")
    assert held.end(controller)[0] == 130
    assert stop.communicate(timeout=60)[0].splitlines()[-1].startswith("stopped; ")
    held.release()
    expect_to_go_on(held, undisturbed_held)


def test_stop_says_when_there_is_nothing_to_stop(finished):
    answer = finished.ask("stop")
    assert answer.returncode == 2
    assert answer.stderr == f"hpsearch: {finished.run.path}: no search is running here\n"
    assert not finished.run.stop_request.exists()


def test_a_request_that_was_left_over_stops_nothing(held, undisturbed_held):
    controller = held.start_held()
    controller.kill()
    controller.wait()
    held.run.request_stop("now")
    held.release()
    expect_to_go_on(held, undisturbed_held)


def test_an_interrupt_while_the_trainer_is_imported_ends_the_command(held):
    held.trainer.write_text(
        "import pathlib, time\n"
        "pathlib.Path(__file__).with_name('importing').touch()\n"
        "time.sleep(1000)\n"
    )
    controller = held.start()
    until(lambda: (held.folder / "importing").exists(), "the trainer is being imported")
    controller.send_signal(signal.SIGINT)
    assert held.end(controller) == (130, "")
    held.wait_until_no_process_is_left()


def test_a_hanging_import_does_not_outlive_a_killed_command(held):
    held.trainer.write_text(
        "import pathlib, time\n"
        "pathlib.Path(__file__).with_name('importing').touch()\n"
        "time.sleep(1000)\n"
    )
    controller = held.start()
    until(lambda: (held.folder / "importing").exists(), "the trainer is being imported")
    controller.kill()
    controller.wait()
    held.wait_until_no_process_is_left()
