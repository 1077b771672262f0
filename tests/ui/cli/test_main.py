"""The command line as a person meets it: real processes, their output and exit codes."""

import csv
import io
import json
import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pandas
import pytest
import yaml
from forked import run
from toys import CLASS, FUNCTION, STUDY

Toy = Callable[..., Path]


def hpsearch(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"COLUMNS": "200", "PYTHONPATH": str(Path.cwd())}
    return run(list(map(str, arguments)), cwd=cwd, env=env, timeout=120)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the toy study has run; its run folder is runs/toy."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "trainer.py").write_text(FUNCTION)
    (folder / "toy.yaml").write_text(STUDY)
    done = hpsearch("run", "toy.yaml", cwd=folder)
    assert done.returncode == 0, done.stderr
    (folder / "output.txt").write_text(done.stdout)
    return folder


def test_check_says_what_would_run_and_runs_nothing(toy: Toy) -> None:
    file = toy()
    done = hpsearch("check", file, "--parallel", "3", cwd=file.parent)
    assert done.returncode == 0
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[0] == "toy minimize loss"
    assert "x float 0 .. 1" in lines
    assert "y log float 0.1 .. 10 kind = b" in lines
    # Round 0 trains 6 draws to 4; round 1 trains 4 draws to 8, and 2 survivors from 4 to 8.
    assert lines[-5:] == [
        "0 6 4 24",
        "1 4 2 8 40",
        "confirm 4 8 32",
        "total 16 trials, 96 steps",
        "slots 3 × cpu",
    ]
    assert not (file.parent / "runs").exists()


def test_check_names_the_loggers(toy: Toy) -> None:
    file = toy()
    done = hpsearch("check", file, "--set", "loggers=[tensorboard]", cwd=file.parent)
    assert "loggers tensorboard" in [" ".join(line.split()) for line in done.stdout.splitlines()]


def test_every_mistake_in_a_study_is_named_and_the_exit_code_is_2(toy: Toy) -> None:
    broken = STUDY.replace("rounds: 2", "rounds: 0").replace("[0.1, 10]", "[0, 10]")
    file = toy(broken.replace("kind: [a, b]", "kind: []"))
    done = hpsearch("run", file.name, cwd=file.parent)
    assert done.returncode == 2
    assert done.stderr.count("toy.yaml:") >= 3
    assert "space.y.loguniform: low must be above 0, got [0, 10]" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (file.parent / "runs").exists()


def test_a_parameter_that_the_trainer_does_not_know_is_found_before_anything_runs(
    toy: Toy,
) -> None:
    trainer = "class GAN:\n    defaults = {'lr': 1.0, 'loss': 'hinge'}\n"
    study = re.sub(r"space:(.|\n)*", "space:\n  los: [hinge, wgan]\n", STUDY)
    file = toy(study.replace("trainer.py:train", "trainer.py:GAN"), trainer)
    done = hpsearch("run", file.name, cwd=file.parent)
    assert done.returncode == 2
    assert done.stderr == (
        "hpsearch: toy.yaml:9:3  space.los: unknown to trainer GAN (has: lr, loss). "
        'Did you mean "loss"?\n'
    )
    assert not (file.parent / "runs").exists()


def test_a_space_that_the_trainers_structure_cannot_take_is_found_before_anything_runs(
    toy: Toy,
) -> None:
    trainer = (
        "from hpsearch import Padded\n"
        "class GAN:\n    defaults = {'x': 1, 'kind': 'a', 'y': 1.0}\n"
        "    structure = ('kind', Padded('x'))\n"
    )
    file = toy(STUDY.replace("trainer.py:train", "trainer.py:GAN"), trainer)
    done = hpsearch("check", file.name, cwd=file.parent)
    assert done.returncode == 2
    assert done.stderr == (
        "hpsearch: toy.yaml:9:3  space.x: the trainer pads it, so it must be of whole numbers: "
        "int, logint or a list of them\n"
    )


def check_fusion(toy: Toy, trainer: str) -> list[str]:
    study = STUDY.replace("trainer.py:train", "trainer.py:Net").partition("space:")[0]
    space = "space: {depth: [1, 2], width: {int: [1, 8]}, lr: {uniform: [0, 1]}}\n"
    file = toy(study + space, trainer)
    done = hpsearch("check", file, "--fusion", "--set", "search.structures=2", cwd=file.parent)
    assert done.returncode == 0, done.stderr
    assert not (file.parent / "runs").exists()
    return [" ".join(line.split()) for line in done.stdout.splitlines()]


def test_check_says_which_trials_would_train_as_one(toy: Toy) -> None:
    lines = check_fusion(toy, CLASS)
    assert any(re.fullmatch(r"0 6 2 3\.0 .* as it will be", line) for line in lines), lines
    assert any(re.fullmatch(r"3 depth=[12], width=\d 0 2 4", line) for line in lines), lines
    assert any(line.startswith("saves 12 trials train in ") for line in lines)
    assert any(line.startswith("tried each of the ") for line in lines)


def test_check_says_why_a_trainer_cannot_train_as_one(toy: Toy) -> None:
    rejected = CLASS.replace(
        "        return (nets", "        if hp.lr > 9: return\n        return (nets"
    )
    lines = check_fusion(toy, rejected)
    [said] = [line for line in lines if line.startswith("refused all structures")]
    assert "makes control flow depend on a tensor's values" in said


def test_a_function_trains_one_process_a_trial(toy: Toy) -> None:
    file = toy()
    done = hpsearch("check", file, "--fusion", cwd=file.parent)
    assert "fusion none: a function trains each trial in its own process" in " ".join(
        done.stdout.split()
    )


def test_a_function_has_no_structures_to_share(toy: Toy) -> None:
    file = toy(STUDY.replace("survivors: 2", "survivors: 2, structures: 3"))
    done = hpsearch("check", file.name, cwd=file.parent)
    assert done.returncode == 2
    assert done.stderr == (
        "hpsearch: toy.yaml:5:46  search.structures: the trainer names no structure that trials "
        "could share; drop it\n"
    )


def test_a_trainer_that_cannot_be_imported_shows_the_end_of_its_traceback(toy: Toy) -> None:
    file = toy(trainer="import no_such_module\n")
    done = hpsearch("check", file, cwd=file.parent)
    assert done.returncode == 2
    assert "No module named 'no_such_module'" in done.stderr
    assert "trainer.py" in done.stderr and "line 1" in done.stderr


def test_plain_lines_tell_the_rounds_and_the_winner(finished: Path) -> None:
    output = (finished / "output.txt").read_text()
    for line in (
        r"toy: minimize loss, 2 rounds of 6 trials on \d+ slots; runs/toy",
        r"round 0: 4 steps, prior",
        r"round 0 done: best [\d.]+, median [\d.]+",
        r"round 1: 8 steps, width 0\.200 around \[\d+, \d+\]",
        r"confirming trials \[\d+, \d+\] over 2 seeds",
        r"winner +trial \d+: loss [\d.]+ ± \S+ over 2 seeds",
    ):
        assert re.search(line, output), line
    assert output.count("(draw): ") == 10 and output.count("(continue of ") == 2


def test_a_finished_study_is_shown_again_and_nothing_runs(finished: Path) -> None:
    before = hpsearch("digest", "runs/toy", cwd=finished).stdout
    files = {p: p.stat().st_mtime_ns for p in (finished / "runs/toy/trials").rglob("*.json")}
    done = hpsearch("run", "toy.yaml", cwd=finished)
    assert done.returncode == 0
    assert "winner" in done.stdout and "draw" not in done.stdout
    assert {p: p.stat().st_mtime_ns for p in files} == files
    assert hpsearch("digest", "runs/toy", cwd=finished).stdout == before
    assert re.fullmatch(r"[0-9a-f]{64}\n", before)


def test_status_shows_rounds_and_survivors(finished: Path) -> None:
    done = hpsearch("status", "runs/toy", cwd=finished)
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[0] == "toy finished runs/toy"
    assert re.match(r"0 of 2 4 prior 6/6 0 [\d.]+ [\d.]+$", lines[2])
    assert re.match(r"1 of 2 8 0\.200 surrogate 6/6 0 [\d.]+ [\d.]+ \d+ \d+$", lines[3])


def test_best_prints_parameters_that_paste_into_a_study(finished: Path) -> None:
    done = hpsearch("best", "runs/toy", cwd=finished)
    params = yaml.safe_load(done.stdout)
    assert 0 <= params["x"] <= 1 and params["kind"] in ("a", "b")
    assert "over seeds" in done.stderr
    again = hpsearch("best", "runs/toy", "--format", "json", "-o", "best.json", cwd=finished)
    assert again.stdout == "" and json.loads((finished / "best.json").read_text()) == params


def test_trials_can_be_sorted_and_limited(finished: Path) -> None:
    done = hpsearch("trials", "runs/toy", "--sort", "value", "--limit", "3", cwd=finished)
    values = [float(line.split()[4]) for line in done.stdout.splitlines()[1:] if "draw" in line]
    assert values == sorted(values)
    assert len(done.stdout.splitlines()) == 4
    wrong = hpsearch("trials", "runs/toy", "--sort", "lr", cwd=finished)
    assert wrong.returncode == 2
    assert wrong.stderr == "hpsearch: --sort: must be number or value, got 'lr'\n"


def test_exports_agree_in_all_formats(finished: Path) -> None:
    text = hpsearch("export", "runs/toy", cwd=finished).stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    records = json.loads(hpsearch("export", "runs/toy", "--format", "json", cwd=finished).stdout)
    done = hpsearch("export", "runs/toy", "--format", "parquet", "-o", "t.parquet", cwd=finished)
    assert done.returncode == 0, done.stderr
    frame = pandas.read_parquet(finished / "t.parquet")
    assert len(rows) == len(records) == len(frame) == 16
    assert [float(row["params.x"]) for row in rows] == [r["params.x"] for r in records]
    assert frame["params.x"].tolist() == [r["params.x"] for r in records]
    assert [float(row["metrics.loss"]) for row in rows] == frame["value"].tolist()


def test_a_run_folder_that_is_none_is_said_to_be_none(tmp_path: Path) -> None:
    for command in ("status", "best", "trials", "export", "digest"):
        done = hpsearch(command, "runs/none", cwd=tmp_path)
        assert done.returncode == 2
        assert done.stderr == (
            "hpsearch: runs/none: no such run folder; `hpsearch run STUDY` makes one\n"
        )
    done = hpsearch("stop", "runs/none", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "hpsearch: runs/none: no search is running here\n"


def test_events_come_as_json_lines(toy: Toy) -> None:
    file = toy()
    done = hpsearch("run", file, "--json", cwd=file.parent)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    names = [event["event"] for event in events]
    assert names[0] == "SearchStarted" and names[-1] == "SearchEnded"
    assert names.count("TrialEnded") == 16 and names.count("RoundEnded") == 2
    assert events[-1]["mean"] > 0 and set(events[-1]["params"]) >= {"x", "kind"}


def test_quiet_prints_the_winner_only(toy: Toy) -> None:
    file = toy()
    done = hpsearch("run", file, "--quiet", cwd=file.parent)
    assert done.stdout.startswith("winner") and len(done.stdout.splitlines()) <= 4


def test_overrides_are_recorded_in_the_frozen_study(toy: Toy) -> None:
    file = toy()
    done = hpsearch(
        "run", file, "--set", "search.rounds=1", "--set", "confirm.top=0", cwd=file.parent
    )
    assert done.returncode == 0, done.stderr
    frozen = (file.parent / "runs/toy/study.yaml").read_text()
    assert "search.rounds=1" in frozen and yaml.safe_load(frozen)["search"]["rounds"] == 1
    assert "best      trial" in done.stdout and "not confirmed" in done.stdout
    wrong = hpsearch("run", file, "--set", "search.round=1", cwd=file.parent)
    assert wrong.returncode == 2 and "--set search.round=1" in wrong.stderr


def test_a_terminal_gets_the_live_picture(toy: Toy) -> None:
    file = toy()
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "hpsearch", "run", str(file)],
        cwd=file.parent,
        env=os.environ | {"TERM": "xterm-256color", "PYTHONPATH": str(Path.cwd())},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    output = b""
    while select.select([controller], [], [], 60)[0]:
        try:
            output += os.read(controller, 65536)
        except OSError:  # Linux ends a terminal whose last process has gone with EIO
            break
    os.close(controller)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output.decode())
    assert process.wait(timeout=60) == 0, text
    assert "■■■■■■" in text and "◆◆■■■■" in text and "tightening" in text
    assert "\x1b[?25h" in output.decode()  # the cursor is given back


def test_a_command_gets_paths_that_hold_in_its_own_folder(toy: Toy, tmp_path: Path) -> None:
    script = """
import json, os, sys
with open(sys.argv[2], "w") as checkpoint:
    checkpoint.write("x")
with open(os.environ["HPSEARCH_REPORTS"], "a") as reports:
    reports.write(json.dumps({"step": 1, "loss": float(sys.argv[1])}) + "\\n")
"""
    command = 'command: [python, trainer.py, "{x}", "{checkpoint}"]'
    study = STUDY.replace("trainer: trainer.py:train", command)
    study = re.sub(r"  kind(.|\n)*", "", study).replace(", growth: 2", "")
    file = toy(study, script)
    done = hpsearch("run", file, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    # All rounds compare one budget, so the last ones keep a checkpoint.
    assert list(tmp_path.glob("runs/toy/trials/*/checkpoint.pt"))
    assert not list(file.parent.glob("runs/**/*"))


def test_a_run_folder_may_have_any_name(toy: Toy, tmp_path: Path) -> None:
    runs = tmp_path / "a'; echo foo? #1 %20 {x} & ü"
    file = toy()
    small = ("--set", "search.rounds=1", "--set", "confirm.top=0")
    done = hpsearch("run", file, "--runs", runs, *small, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (runs / "toy" / "study.db").exists()
    assert len(hpsearch("digest", runs / "toy", cwd=tmp_path).stdout) == 65


def test_the_version_is_the_packages(tmp_path: Path) -> None:
    done = hpsearch("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"hpsearch {metadata.version('hpsearch')}\n")


def test_brackets_in_values_are_shown_as_they_are(toy: Toy) -> None:
    values = ("[/x]", "conv[a]", "[red]")
    options = ", ".join(f'"{value}"' for value in values)
    study = toy(
        STUDY.replace("kind: [a, b]", f"kind: [{options}]").replace("kind: b", 'kind: "conv[a]"')
    )
    folder = study.parent
    check = hpsearch("check", study, cwd=folder).stdout
    assert all(value in check for value in values)
    done = hpsearch("run", study, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    trials = hpsearch("trials", "runs/toy", cwd=folder).stdout
    assert "kind=[/x]" in trials and "kind=[red]" in trials
    for shown in (done, *(hpsearch(c, "runs/toy", cwd=folder) for c in ("status", "best"))):
        assert shown.returncode == 0 and any(value in shown.stdout for value in values)
