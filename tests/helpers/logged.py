"""A search whose trials say all that a logger can be told, and a trial that a test writes."""

import json
from pathlib import Path

from searches import Search

from hpsearch.controller.loggers.trial_snapshot import SnapshotReader, TrialSnapshot
from hpsearch.trial import Folder, Outcome, Spec

TRAINER = """\
import time
from pathlib import Path

import numpy as np

HOLD = Path(__file__).with_name("hold")


def train(run):
    checkpoint = run.folder.checkpoint  # without torch, which takes a second to import
    step = int(checkpoint.read_text()) if checkpoint.exists() else 0
    with open(run.folder.path / "attempts", "a") as attempts:
        attempts.write("x")
    while step < run.budget:
        step += 1
        if run.hp.act == "fail" and step == 3:
            raise ValueError("cannot go on")
        loss = (run.hp.lr - 0.3) ** 2 + 1 / (run.seed % 97 + step)
        run.report(step, loss=loss, other=float("inf") if step == 2 else -step)
        if step % 2 == 0:
            checkpoint.write_text(str(step))
            run.image(f"samples-{step:06d}", np.full((4, 6), step / 10))
        while HOLD.exists() and step == 5:
            time.sleep(0.01)
"""

STUDY = """\
study: s
trainer: trainer.py:train
objective: {minimize: loss}
search: {rounds: 2, trials: 4, survivors: 1}
budget: {steps: 6, growth: 2}
confirm: {top: 1, seeds: 2}
resources: {parallel: 2}
fixed: {data: digits}
start: [{lr: 0.3, act: fail}, {act: null, often: 3}]
space:
  lr: {uniform: [0, 1]}
  act: [fail, null, true]
  often: {int: [1, 9], when: {act: null}}
"""


class LoggedSearch(Search):
    def __init__(self, folder: Path, loggers: str, study: str = STUDY) -> None:
        super().__init__(folder, f"{study}loggers: {loggers}\n", TRAINER)

    def hold(self) -> None:
        (self.folder / "hold").touch()

    def release(self) -> None:
        (self.folder / "hold").unlink()

    def steps(self, number: int) -> list[int]:
        return [report.step for report in self.trial(number).read_reports()]


COMPLETE = Outcome("complete", 0.5, {"loss": 0.5})


class WrittenTrial:
    """A trial's folder as a test makes it."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.spec = Spec(0, 0, 0, "draw", {"lr": 0.5}, (0.5,), seed=1, budget=6)
        folder.write_spec(self.spec)
        folder.artifacts.mkdir(exist_ok=True)
        self._reader = SnapshotReader(folder)

    def report(self, values: dict[int, float], name: str = "loss") -> None:
        """Make reports.jsonl hold these, a step a second."""
        lines = [
            json.dumps({"step": step, "metrics": {name: value}, "seconds": step})
            for step, value in values.items()
        ]
        self.folder.reports.write_text("".join(f"{line}\n" for line in lines))

    def snapshot(self, outcome: Outcome | None = None) -> TrialSnapshot:
        return self._reader.read(self.spec, outcome)
