"""Trials of a command: what it says is reported once, whatever happens to it."""

import signal

import pytest
from searches import Search

STUDY = """\
study: s
command: [python3, script.py, "{{act}}", "{{lr}}", "{{trial}}"]
objective: {{minimize: loss}}
search: {{rounds: 1, trials: {trials}, survivors: 1}}
budget: {{steps: 3}}
confirm: {{top: 0}}
limits: {{trial_seconds: 20, retries: 1}}
resources: {{parallel: {trials}}}
start: [{start}]
space:
  lr: {{uniform: [0, 1]}}
  act: [{acts}]
"""

SCRIPT = """\
import json, os, pathlib, signal, subprocess, sys, time

act, lr, trial = sys.argv[1], float(sys.argv[2]), pathlib.Path(sys.argv[3])
SLEEP = [sys.executable, "-c", "import time; time.sleep(1000)"]


def say(step, **metrics):
    print(json.dumps({"step": step, **metrics}), flush=True)


def append(text):
    with open(os.environ["HPSEARCH_REPORTS"], "a") as file:
        file.write(text)


def once(name):
    if (trial / name).exists():
        return False
    (trial / name).touch()
    return True


if act == "append_and_die":
    # Its checkpoint is at step 2; what it appended until then is not said again.
    if once("checkpoint"):
        append('{"step": 1, "loss": 5}\\n{"step": 2, "loss": 4}\\n{"step": 3, "lo')
        os.kill(os.getpid(), signal.SIGKILL)
    append(json.dumps({"step": 3, "loss": lr}) + "\\n")
    sys.exit()
say(1, loss=5)
if act == "wait_to_be_killed" and once("pid"):
    (trial / "pid").write_text(f"{os.getpid()} ")
    time.sleep(1000)
if act == "fail":
    sys.exit("no data")
if act == "crash":
    os.abort()
if act == "leave_a_daemon":
    subprocess.Popen(SLEEP, start_new_session=True)  # which holds stdout
if act == "close_stdout":
    os.close(1)
    time.sleep(0.5)
    append(json.dumps({"step": 3, "loss": lr}) + "\\n")
    os._exit(0)
if act == "print":
    print("x" * 3_000_000, "{not json", '{"step": "two"}', "[]", '{"loss": 1}', sep="\\n")
if act == "nan":
    say(2, loss=float("nan"))
    time.sleep(1000)
sys.stdout.write(json.dumps({"step": 3, "loss": lr}))
"""

ABORTED = (
    f"TrainerError: the command died of SIGABRT ({signal.strsignal(6)}); its output is in log.txt"
)
FATES = {
    "append_and_die": ("complete", None, ""),
    "wait_to_be_killed": ("complete", None, ""),
    "fail": (
        "fail",
        "error",
        "TrainerError: the command ended with exit code 1; its output is in log.txt",
    ),
    "crash": ("fail", "error", ABORTED),
    "leave_a_daemon": ("complete", None, ""),
    "close_stdout": ("complete", None, ""),
    "print": ("complete", None, ""),
    "nan": ("fail", "nonfinite", "loss is nan at step 2"),
}


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    start = ", ".join(f"{{act: {act}}}" for act in FATES)
    study = STUDY.format(trials=len(FATES), start=start, acts=", ".join(FATES))
    folder = tmp_path_factory.mktemp("script")
    (folder / "script.py").write_text(SCRIPT)
    search = Search(folder, study, "")
    with search.finished_but_one_killed(list(FATES).index("wait_to_be_killed")):
        yield search


@pytest.mark.parametrize("act", FATES)
def test_what_becomes_of_a_command(search, act):
    outcome = search.trial(list(FATES).index(act)).read_outcome()
    state, reason, message = FATES[act]
    assert (outcome.state, outcome.reason) == (state, reason), outcome
    assert outcome.message == message


@pytest.mark.parametrize("act", [act for act, fate in FATES.items() if fate[0] == "complete"])
def test_each_report_of_a_command_is_recorded_once(search, act):
    trial = search.optuna_study().trials[list(FATES).index(act)]
    early = {1: 5, 2: 4} if act == "append_and_die" else {1: 5}
    assert trial.intermediate_values == early | {3: trial.params["lr"]}
    assert trial.value == trial.params["lr"]
