"""What it brings to train the trials of a round in one loop, beside the usual ways to train them.

    python benchmarks/fusion.py [--quick] [--device cuda:0] [--ray-python PATH]

Three parts, in one run:

- steps: microseconds a trial-step of each way to train in one process (`stepping.py`), on seven
  workloads (`workloads.py`), batch sizes and numbers of trials at once;
- crowds: whole processes from start to end, 25 trials at once or fused (`crowds.py`);
- memory: what those processes hold while all of their trials are in training.

On the CPU everything is bound to one core, child processes included, with one thread each. Arms
take turns; a ratio is taken within a turn. Ray Tune is an extra (`pip install hpsearch[bench]`), or
belongs to another interpreter, `--ray-python`, which must have torch and this package too. The
results so far are written after every part.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import crowds
import fusion_page
import stepping
import torch
from fusion_plan import QUICK, Plan


def main() -> None:
    parser = argparse.ArgumentParser(description="What fused trials bring")
    parser.add_argument("--quick", action="store_true", help="a smoke run of less than a minute")
    parser.add_argument("--device", default="cuda:0" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--ray-python", default=sys.executable, help="an interpreter with Ray Tune")
    parser.add_argument("--only", choices=("steps", "crowds", "memory"), nargs="+", default=[])
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/fusion.md"))
    given = parser.parse_args()
    plan = replace(
        QUICK if given.quick else Plan(), device=given.device, ray_python=given.ray_python
    )
    found: dict[str, Any] = {"machine": machine(given.device), "plan": _public(plan), "skipped": []}
    with tempfile.TemporaryDirectory() as folder:
        settle(plan.device, Path(folder))
        for name, measure in PARTS.items():
            if given.only and name not in given.only:
                continue
            found[name] = []
            for row in measure(plan, Path(folder), found["skipped"]):
                found[name].append(row)
                print(json.dumps(row), file=sys.stderr)
            write(found, given.output)
    print(given.output.read_text())


def _public(plan: Plan) -> dict[str, Any]:
    """The plan without what belongs to this machine."""
    return {name: value for name, value in asdict(plan).items() if name != "ray_python"}


def settle(device: str, folder: Path) -> None:
    """One thread; on the CPU one core, which child processes inherit; compile from nothing."""
    torch.set_num_threads(1)
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder / "inductor")
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"
    if device == "cpu":
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def machine(device: str) -> dict[str, Any]:
    named = torch.cuda.get_device_name(device) if device != "cpu" else platform.processor()
    return {
        "cores": os.cpu_count(),
        "processor": named or platform.machine(),
        "device": device.partition(":")[0],
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def write(found: dict[str, Any], output: Path) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    output.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
    output.write_text(fusion_page.markdown(found))
    if found.get("steps"):
        fusion_page.plot(found["steps"], output.with_suffix(".svg"))


PARTS = {
    "steps": stepping.measure,
    "crowds": crowds.measure,
    "memory": crowds.measure_memory,
}

if __name__ == "__main__":
    main()
