"""A study with all that a report tells of: failures, candidates, test metrics, hostile strings."""

import os
import subprocess
from pathlib import Path

from forked import run

TRAINER = """
import math


def train(run):
    x, kind = run.hp.x, run.hp.kind
    print("\\x1b[31mred <script>alert(1)</script>\\x1b[0m | `tick` " + "w" * 300)
    if x > 0.9:
        raise ValueError("x is <b>too</b> large | \\x1b[1mso it is\\x1b[0m")
    for step in range(1, run.budget + 1):
        noise = (run.seed + round(1e6 * x)) % 101 / 1000
        loss = (x - 0.3) ** 2 + 1 / step + noise
        if 0.8 < x:
            loss = math.nan
        metrics = {"loss": loss, "<i>": x}
        if run.role == "confirm" and step == run.budget:
            metrics["test_loss"] = loss + 0.01
        run.report(step, **metrics)
"""

STUDY = """
study: told
trainer: trainer.py:train
objective: {minimize: loss}
search: {rounds: 2, trials: 10, survivors: 3, seed: 1}
budget: {steps: 2, growth: 2}
confirm: {top: 3, seeds: 4}
fixed: {data: "<img src=x onerror=alert(1)>"}
space:
  x: {uniform: [0, 1]}
  kind: ["<b>bold</b>", "a|b", "`tick`", "&amp; *star* $x$"]
  y: {loguniform: [0.1, 10], when: {kind: "a|b"}}
"""


def hpsearch(*arguments: object, cwd: Path) -> "subprocess.CompletedProcess[str]":
    package = Path(__file__).parents[2]
    env = os.environ | {"COLUMNS": "200", "PYTHONPATH": str(package)}
    return run(list(map(str, arguments)), cwd=cwd, env=env, timeout=120)


def search(folder: Path, study: str = STUDY, *, runs: str = "runs") -> Path:
    """Run the study, or a variant of it, in a folder; returns the run folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "trainer.py").write_text(TRAINER)
    (folder / "told.yaml").write_text(study)
    done = hpsearch("run", "told.yaml", "--runs", runs, "-q", cwd=folder)
    assert done.returncode in (0, 3), done.stderr
    return folder / runs / "told"
