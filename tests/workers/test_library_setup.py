"""Libraries are seeded whenever a trainer imports them."""

import subprocess
import sys
from pathlib import Path

from searches import Search

CODE = """
import sys
{before}
from hpsearch.workers.library_setup import set_up_libraries
set_up_libraries(7, threads=3, tf32=False)
assert ("torch" in sys.modules) == bool({before!r})
import random
import torch
import numpy as np
import inspect
assert inspect.getsource(np.random) and type(np.__loader__) is type(np.__spec__.loader)
assert "library_setup" not in type(np.__loader__).__module__
print(random.random(), np.random.rand(), torch.rand(1).item(), torch.get_num_threads())
"""
STUDY = """\
study: s
trainer: trainer.py:train
objective: {minimize: loss}
search: {rounds: 1, trials: 3, survivors: 1}
budget: {steps: 1}
confirm: {top: 0}
space: {x: {uniform: [0, 1]}}
"""
TRAINER = """
def train(run):
    import numpy as np

    run.report(1, loss=np.random.rand())
"""


def numbers(before: str) -> str:
    code = CODE.format(before=before)
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout


def test_a_library_that_is_imported_later_is_seeded_as_one_that_was_there() -> None:
    there = numbers("import torch, numpy")
    assert numbers("") == there and there.split()[-1] == "3"


def test_two_runs_of_a_trainer_that_imports_numpy_in_its_function_are_one(tmp_path: Path) -> None:
    searches = [Search(tmp_path / name, STUDY, TRAINER) for name in "ab"]
    assert [search.finish() for search in searches] == [(0, ""), (0, "")]
    assert searches[0].digest() == searches[1].digest()
