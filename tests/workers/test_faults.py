"""One round in which most trials go wrong, each in its own way, on 25 places at once."""

import math
import re

import optuna
import pytest
from searches import Search

TRAINER = """\
import ctypes, os, signal, subprocess, sys, time

SLEEP = [sys.executable, "-c", "import time; time.sleep(1000)"]


def train(run):
    run.report(1, loss=run.hp.lr, other=1.0)
    ACTS[run.hp.act](run)
    if run.hp.act != "silent":
        run.report(2, loss=run.hp.lr, other=2.0)


def hang(run):
    while True:
        time.sleep(1)


def spin(run):
    ctypes.PyDLL(None).sleep(1000)  # holds the interpreter's lock


def eat(run):
    eaten = []
    while True:
        eaten.append(b"x" * (50 << 20))


def let_a_child_eat(run):
    subprocess.run([sys.executable, "-c", "x = b'x' * (700 << 20); import time; time.sleep(1000)"])


def chatter(run):
    for _ in range(4):
        print("x" * (1 << 20))
        print("y" * (1 << 20), file=sys.stderr)


def leave_children(run):
    for new_session in (False, True):
        subprocess.Popen(SLEEP, start_new_session=new_session)


def daemonize(run):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(1000)
        os._exit(0)


def crash_with_children(run):
    leave_children(run)
    daemonize(run)
    os.abort()


def build(run):
    raise ValueError("width must divide by 8")


def swallow_nan(run):
    try:
        run.report(2, loss=float("nan"))
    except Exception:
        run.report = lambda *a, **k: None


def silent(run):
    run.report(2, other=1.0)


def wait_to_be_killed(run):
    marker = run.folder.path / "pid"
    if not marker.exists():
        marker.write_text(f"{os.getpid()} ")
        hang(run)


def leave_thread(run):
    import threading
    threading.Thread(target=hang, args=(run,)).start()


ACTS = {
    "good": lambda run: None,
    "segfault": lambda run: ctypes.string_at(0),
    "hang": hang,
    "spin": spin,
    "eat": eat,
    "let_a_child_eat": let_a_child_eat,
    "chatter": chatter,
    "leave_children": leave_children,
    "daemonize": daemonize,
    "crash_with_children": crash_with_children,
    "nan": lambda run: run.report(2, loss=float("nan"), other=3.0),
    "inf": lambda run: run.report(2, loss=float("inf")),
    "swallow_nan": swallow_nan,
    "build": build,
    "sys_exit": lambda run: sys.exit(0),
    "os_exit": lambda run: os._exit(3),
    "silent": silent,
    "wait_to_be_killed": wait_to_be_killed,
    "always_killed": lambda run: os.kill(os.getpid(), signal.SIGKILL),
    "wrong_report": lambda run: run.report(2, loss="low"),
    "no_parameter": lambda run: run.hp.width,
    "recurse": lambda run: ACTS["recurse"](run),
    "leave_thread": leave_thread,
    "collapse": lambda run: run.collapse("all samples are one"),
    "good_too": lambda run: None,
}
"""

# What becomes of each: state, reason, the whole message (a pattern), something in its log.
FATES = {
    "good": ("complete", None, "", ""),
    "segfault": ("fail", "error", r"the trainer's process died of SIGSEGV \(.*\)", "SIGSEGV"),
    "hang": ("fail", "timeout", r"ran longer than limits\.trial_seconds = 15 s", "ran longer"),
    "spin": ("fail", "timeout", r"ran longer than limits\.trial_seconds = 15 s", "ran longer"),
    "eat": ("fail", "out_of_memory", r"used \d+ MiB, more than limits\.trial_.* = 600 MiB", "used"),
    "let_a_child_eat": ("fail", "out_of_memory", r"used \d+ MiB, more than .* 600 MiB", "used"),
    "chatter": ("complete", None, "", "y" * 1000),
    "leave_children": ("complete", None, "", ""),
    "daemonize": ("complete", None, "", ""),
    "crash_with_children": ("fail", "error", r".* died of SIGABRT \(.*\)", "SIGABRT"),
    "nan": ("fail", "nonfinite", r"loss is nan at step 2", "NonfiniteError: loss is nan at step 2"),
    "inf": ("fail", "nonfinite", r"loss is inf at step 2", "loss is inf at step 2"),
    "swallow_nan": ("fail", "nonfinite", r"loss is not finite at step 2", "not finite"),
    "build": ("fail", "error", r"ValueError: width must .* 8 \(trainer\.py:\d+\)", "Traceback"),
    "sys_exit": ("fail", "error", r"SystemExit: 0 \(trainer\.py:\d+\)", "SystemExit: 0"),
    "os_exit": ("fail", "error", r".* ended with exit code 3 and without a result", "exit code 3"),
    "silent": (
        "fail",
        "error",
        r".* without reporting the objective 'loss' .*: other\).*",
        "other",
    ),
    "wait_to_be_killed": ("complete", None, "", ""),
    "always_killed": ("fail", "killed", r".* from outside 2 times \(limits\.retries\)", ""),
    "wrong_report": (
        "fail",
        "error",
        r"ReportError: .*loss must be a number, got 'low' \(trainer\.py:\d+\)",
        "",
    ),
    "no_parameter": (
        "fail",
        "error",
        r"AttributeError: .* no hyperparameter 'width'.* \(trainer\.py:\d+\)",
        "width",
    ),
    "recurse": ("fail", "error", r"RecursionError: .*", "RecursionError"),
    "leave_thread": ("complete", None, "", ""),
    "collapse": ("complete", "collapsed", "all samples are one", ""),
    "good_too": ("complete", None, "", ""),
}

STUDY = f"""\
study: s
trainer: trainer.py:train
objective: {{minimize: loss}}
search: {{rounds: 1, trials: 25}}
budget: {{steps: 2}}
confirm: {{top: 0}}
limits: {{trial_seconds: 15, trial_memory_mib: 600, retries: 1}}
resources: {{parallel: 25}}
start: [{", ".join(f"{{act: {act}}}" for act in FATES)}]
space:
  lr: {{loguniform: [1e-3, 1]}}
  act: [{", ".join(FATES)}]
"""


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    search = Search(tmp_path_factory.mktemp("faults"), STUDY, TRAINER)
    with search.finished_but_one_killed(list(FATES).index("wait_to_be_killed")):
        yield search


@pytest.mark.parametrize("act", FATES)
def test_each_failure_has_a_state_a_reason_a_message_and_a_log(search, act):
    folder = search.trial(list(FATES).index(act))
    state, reason, message, logged = FATES[act]
    outcome = folder.read_outcome()
    assert (outcome.state, outcome.reason) == (state, reason), outcome
    assert re.fullmatch(message, outcome.message)
    assert logged in folder.log.read_text()


def test_optuna_reads_the_failures_and_the_values(search):
    trials = search.optuna_study().trials
    for trial, (state, *_) in zip(trials, FATES.values(), strict=True):
        assert trial.state.name == state.upper()
        assert trial.values == ([trial.params["lr"]] if state == "complete" else None)
        assert trial.intermediate_values[1] == trial.params["lr"]
    nan = trials[list(FATES).index("nan")]
    assert math.isnan(nan.intermediate_values[2])
    assert nan.user_attrs["metrics"] == {"loss": None, "other": 3.0}


def test_optuna_finds_the_best_trial_and_the_importances(search):
    study = search.optuna_study()
    finished = [t.value for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE]
    assert study.best_value == min(finished)
    importances = optuna.importance.get_param_importances(study)
    assert importances.keys() == {"lr", "act"}


def test_a_round_without_a_success_ends_the_search_with_the_first_error(tmp_path):
    # The first import is the controller's question; every trial's fails.
    trainer = """\
import pathlib

marker = pathlib.Path(__file__).with_name("imported")
if marker.exists():
    raise ImportError("libwhatever.so.1: cannot open shared object file")
marker.touch()


def train(run): ...
"""
    study = """\
study: s
trainer: trainer.py:train
objective: {minimize: loss}
search: {rounds: 2, trials: 4, survivors: 1}
budget: {steps: 1}
resources: {parallel: 2}
space: {lr: {uniform: [0, 1]}}
"""
    search = Search(tmp_path, study, trainer)
    code, errors = search.finish()
    assert code == 3
    log = search.trial(0).log
    assert errors.startswith(
        "hpsearch: every trial of round 0 failed; the first, trial 0: error: "
        "ImportError: libwhatever.so.1: cannot open shared object file (trainer.py:5)\n"
        f"last lines of {log}:\n"
    )
    assert errors.endswith("ImportError: libwhatever.so.1: cannot open shared object file\n")
    search.wait_until_no_process_is_left()


def test_a_trainer_that_cannot_be_imported_is_refused_before_anything_runs(tmp_path):
    search = Search(tmp_path, STUDY, "import nonesuch\n")
    code, errors = search.finish()
    assert code == 2
    assert errors.startswith("hpsearch: the trainer cannot be loaded (exit 1):\n")
    assert errors.endswith("ModuleNotFoundError: No module named 'nonesuch'\n")
    assert not search.run.study.exists()
