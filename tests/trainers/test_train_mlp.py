"""The unmodified script: JSON lines on stdout, the same for the same seed, nothing of hpsearch."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "trainers" / "train_mlp.py"


def test_it_prints_a_json_line_a_report_and_learns():
    command = [sys.executable, "-I", str(SCRIPT), "--steps", "150", "--report-every", "100"]
    done = subprocess.run([*command, "--lr", "0.01"], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["step"] for line in lines] == [100, 150]
    assert lines[-1]["val_accuracy"] > 0.9 and lines[-1]["val_loss"] < 0.3


def test_it_imports_nothing_of_hpsearch():
    assert "import hpsearch" not in SCRIPT.read_text() and "from hpsearch" not in SCRIPT.read_text()
