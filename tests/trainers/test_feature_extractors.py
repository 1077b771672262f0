"""The extractor of features: computed once, by whichever process is first, and the same in all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hpsearch_trainers.metrics.features import extractor

ROOT = Path(__file__).parents[2]
CODE = "from hpsearch_trainers.metrics import features; print(features.extractor().sha256)"


@pytest.mark.slow
def test_processes_that_want_it_at_once_get_the_same_extractor_from_one_training(tmp_path):
    counted = tmp_path / "trainings"
    code = (
        "import torch; from hpsearch_trainers.metrics import features; wanted = torch.optim.AdamW\n"
        f"def adamw(*a, **k): open({str(counted)!r}, 'a').write('x'); return wanted(*a, **k)\n"
        f"torch.optim.AdamW = adamw\n{CODE}"
    )
    paths = os.environ | {
        "HPSEARCH_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": f"{ROOT}:{ROOT / 'trainers'}",
        "OMP_NUM_THREADS": "2",
    }
    command = [sys.executable, "-W", "error", "-c", code]
    children = [
        subprocess.Popen(command, env=paths, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    said = {child.communicate()[0].strip() for child in children}
    assert said == {extractor().sha256}
    assert counted.read_text() == "x"


def test_training_the_extractor_leaves_the_callers_generator_and_threads_alone():
    from hpsearch_trainers.metrics import features

    torch.manual_seed(3)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    features._train_extractor.__wrapped__(1)
    assert torch.equal(before, torch.get_rng_state()) and threads == torch.get_num_threads()
