"""CPU time of the commands that people type while they wait, beside those of commit 98466f6.

    python benchmarks/startup.py [--repeats 5]

Every command runs in a process of its own, in turn, `repeats` times. Seconds are user plus
system time of the process and its children; the page shows medians and their ratios.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = Path(__file__).parent / "results" / "startup.md"
BEFORE = "98466f6"
CHECK = ["check", "studies/digits_gan.yaml"]


def cpu_seconds(arguments: list[str], tree: Path) -> float:
    """User and system seconds of a Python process in a source tree, its children included.

    Raises:
        CalledProcessError: the command failed.
    """
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree)},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, arguments)
    return usage.ru_utime + usage.ru_stime


def measure(before: Path, repeats: int) -> dict[str, float]:
    """Median CPU seconds of each command."""
    commands = {
        "import numpy": (["-c", "import numpy"], ROOT),
        "--version": (["-m", "hpsearch", "--version"], ROOT),
        "--help": (["-m", "hpsearch", "--help"], ROOT),
        "check": (["-m", "hpsearch", *CHECK], ROOT),
        f"--version at {BEFORE}": (["-m", "hpsearch.cli", "--version"], before),
        f"--help at {BEFORE}": (["-m", "hpsearch.cli", "--help"], before),
        f"check at {BEFORE}": (["-m", "hpsearch.cli", *CHECK], before),
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(repeats):
        for name, (arguments, tree) in commands.items():
            seconds[name].append(cpu_seconds(arguments, tree))
    return {name: statistics.median(values) for name, values in seconds.items()}


def markdown(medians: dict[str, float], repeats: int) -> str:
    numpy = medians["import numpy"]
    lines = [
        "# Startup",
        "",
        f"CPU seconds, medians of {repeats} runs in turn; `python -c 'import numpy'` takes "
        f"{numpy:.2f} s in the same run. Made by `python benchmarks/startup.py`.",
        "",
        f"| command | now | at {BEFORE} | now / {BEFORE} | now / numpy |",
        "|---|---|---|---|---|",
    ]
    for name, shown in (
        ("--version", "--version"),
        ("--help", "--help"),
        ("check", " ".join(CHECK)),
    ):
        now, then = medians[name], medians[f"{name} at {BEFORE}"]
        lines.append(
            f"| `hpsearch {shown}` | {now:.2f} | {then:.2f} "
            f"| {now / then:.2f} | {now / numpy:.1f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(
            ["git", "archive", BEFORE], cwd=ROOT, stdout=subprocess.PIPE, check=True
        )
        subprocess.run(["tar", "-x"], cwd=folder, input=archive.stdout, check=True)
        page = markdown(measure(Path(folder), repeats), repeats)
    PAGE.write_text(page)
    print(page)


if __name__ == "__main__":
    main()
