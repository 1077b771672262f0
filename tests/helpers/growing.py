"""A small search whose trials keep pictures that grow up, as a GAN's samples do."""

import contextlib
from pathlib import Path

import psutil
from searches import Search

TRAINER = """\
import time
from pathlib import Path

import numpy as np

HOLD = Path(__file__).with_name("hold")


def train(run):
    print("begins with lr", run.hp.lr)
    if run.hp.lr > 0.85 and run.role == "draw":
        raise ValueError("lr is too large: <b>no gradient</b>")
    run.folder.checkpoint.touch()
    for step in range(1, run.budget + 1):
        y, x = np.mgrid[0:16, 0:16]
        run.image(f"samples-{step:04d}", 0.5 + 0.5 * np.sin(x * y * step / 50))
        fid = (run.hp.lr - 0.3) ** 2 + 1 / (run.seed % 97 + step)
        run.report(step, fid=fid, coverage=1 - 1 / step, test_fid=1.1 * fid)
        print("step", step)
        while HOLD.exists():
            time.sleep(0.01)
"""

STUDY = """\
study: s
trainer: trainer.py:train
objective: {minimize: fid}
search: {rounds: 3, trials: 8, survivors: 2}
budget: {steps: 3, growth: 2}
confirm: {top: 2, seeds: 2}
resources: {parallel: 2}
space:
  lr: {uniform: [0, 1]}
  loss: [hinge, wgan]
  penalty: {loguniform: [0.1, 10], when: {loss: wgan}}
"""


class GrowingSearch(Search):
    def __init__(self, folder: Path, study: str = STUDY, trainer: str = TRAINER) -> None:
        super().__init__(folder, study, trainer)

    @property
    def hold(self) -> Path:
        """While this file is there, trials wait after their first step."""
        return self.folder / "hold"

    def processes_that_write(self, path: str) -> list[psutil.Process]:
        """Living processes of the search that have a file open."""
        found = []
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                if path in [file.path for file in process.open_files()]:
                    found.append(process)
        return found
