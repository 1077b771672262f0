"""Every study that needs no data of others, from start to end: what it takes and what it finds.

    python benchmarks/studies.py [--runs FOLDER] [NAME ...]

A study says in its header by how much its confirmed winner must beat the median of its first round:

    # Margin: at most 0.25 times round 0's median.

(`at least` where the objective is maximised.) The runs are resumable: the same command goes on, and
what is finished is not run again. It ends with an error if a study misses its margin.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hpsearch.storage import view
from hpsearch.storage.result import Result, value_of

ROOT = Path(__file__).resolve().parent.parent
MARGIN = re.compile(r"^# Margin: at (most|least) ([0-9.]+) times round 0's median", re.MULTILINE)


def main() -> None:
    parser = argparse.ArgumentParser(description="All self-contained studies")
    parser.add_argument("names", nargs="*", help="studies; all that state a margin, if none")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "studies")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/studies.md")
    given = parser.parse_args()
    files = wanted(given.names)
    rows = [run(file, given.runs) for file in files]
    table = markdown(rows)
    if not given.names:
        given.output.parent.mkdir(parents=True, exist_ok=True)
        given.output.write_text(table)
        given.output.with_suffix(".json").write_text(json.dumps(rows, indent=1) + "\n")
    print(table)
    if missed := [row["study"] for row in rows if not row["is_met"]]:
        sys.exit(f"missed their margin: {', '.join(missed)}")


def wanted(names: Sequence[str]) -> list[Path]:
    """The studies of these names, or all that state a margin."""
    files = sorted((ROOT / "studies").glob("*.yaml"))
    if names:
        unknown = sorted(set(names) - {file.stem for file in files})
        if unknown:
            sys.exit(f"no study {', '.join(unknown)} (has: {', '.join(f.stem for f in files)})")
        files = [file for file in files if file.stem in names]
    return [file for file in files if MARGIN.search(file.read_text())]


def run(file: Path, runs: Path) -> dict[str, Any]:
    """Run a study, or go on with it; how its winner compares with its first round.

    Raises:
        RuntimeError: it did not come to its end.
    """
    print(f"{file.stem} ...", file=sys.stderr, flush=True)
    began = time.perf_counter()
    command = [sys.executable, "-m", "hpsearch", "run", str(file), "--runs", str(runs)]
    ran = subprocess.run([*command, "--quiet"], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if ran.returncode:
        raise RuntimeError(f"{file}: {ran.stdout[-2000:]}{ran.stderr[-2000:]}")
    name = next(
        line.partition(":")[2].strip()
        for line in file.read_text().splitlines()
        if line.startswith("study:")
    )
    row = compared(file, view.read_snapshot(runs / name).result)
    print(ran.stdout.strip(), file=sys.stderr, flush=True)
    return {**row, "seconds": seconds}


def compared(file: Path, result: Result) -> dict[str, Any]:
    """The confirmed winner beside the median of round 0, and whether the margin is met."""
    found = MARGIN.search(file.read_text())
    assert found is not None, file
    values = [value_of(t) for t in result.records if t.spec.round == 0 and t.spec.role == "draw"]
    median = statistics.median(value for value in values if value is not None)
    best = result.best
    assert best is not None, f"{file}: nothing was confirmed"
    bound = float(found[2]) * median
    mean = best.confirmed.mean
    tests = {k: str(v) for k, v in best.metrics.items() if k.startswith("test_")}
    return {
        "study": file.stem,
        "metric": result.metric,
        "trials": len(result.records),
        "median": median,
        "winner": str(best.confirmed),
        "seeds": best.confirmed.count,
        "tests": tests,
        "margin": f"at {found[1]} {found[2]}",
        "ratio": mean / median,
        "is_met": mean <= bound if found[1] == "most" else mean >= bound,
    }


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    total = sum(row["seconds"] for row in rows)
    lines = [
        "# The studies that run as they are",
        "",
        f"`make studies` on {platform.machine()} with {os.cpu_count()} cores: {total / 60:.1f} "
        "minutes in all. The margin is the confirmed winner's mean over the median of round 0.",
        "",
        "| study | trials | s | metric | median of round 0 | winner | seeds | ratio | margin | |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = (
            row["study"],
            str(row["trials"]),
            f"{row['seconds']:.0f}",
            row["metric"],
            f"{row['median']:.4g}",
            row["winner"],
            str(row["seeds"]),
            f"{row['ratio']:.3g}",
            row["margin"],
            "met" if row["is_met"] else "MISSED",
        )
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "On data that no search has seen:", ""]
    for row in rows:
        if row["tests"]:
            found = ", ".join(f"{name} {value}" for name, value in row["tests"].items())
            lines.append(f"- {row['study']}: {found}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
