"""A whole search, fused and not: `make sweep`, its seconds and its digest.

    python benchmarks/sweep.py [--quick] [--repeats 2] [--set KEY=VALUE ...]

Every run is a new `hpsearch run` in an empty folder, on all places of the machine, timed from start
to end. `fuse: auto` and `fuse: off` take turns, and the one that went first goes second in the next
turn. At the end the same search runs once with every trial in a group of its own: its digest must
be that of the largest groups.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hpsearch import view
from hpsearch.trial import Folder, Spec

ROOT = Path(__file__).resolve().parent.parent
STUDY = ROOT / "studies" / "digits_gan.yaml"
FUSED, UNFUSED = "fuse: auto", "fuse: off"
SINGLE = "fuse: auto, a group a trial"
OVERRIDES = {
    FUSED: ("fuse=auto",),
    UNFUSED: ("fuse=off",),
    SINGLE: ("fuse=auto", "resources.trials_per_group=1"),
}
QUICK = ("search.rounds=2", "search.trials=5", "budget.steps=40", "budget.report_every=20",
         "confirm.seeds=2")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="A whole search, fused and not")
    parser.add_argument("--quick", action="store_true", help="a smoke run of a small search")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument(
        "--set", action="append", default=[], help="override the study", dest="sets"
    )
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/sweep.md"))
    given = parser.parse_args()
    sets = [*(QUICK if given.quick else ()), *given.sets]
    rows = measure(given.repeats, sets)
    table = markdown(rows, given.repeats, sets)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(table)
    given.output.with_suffix(".json").write_text(json.dumps(rows, indent=1) + "\n")
    print(table)
    if len(found := digests(rows)) != 1:
        sys.exit(f"the digest depends on the size of the groups: {', '.join(found)}")


def measure(repeats: int, sets: Sequence[str]) -> list[dict[str, Any]]:
    rows = []
    for turn in range(repeats):
        for arm in (FUSED, UNFUSED) if turn % 2 == 0 else (UNFUSED, FUSED):
            rows.append(run(arm, sets))
    return [*rows, run(SINGLE, sets)]


def run(arm: str, sets: Sequence[str]) -> dict[str, Any]:
    """Seconds and digest of one search.

    Raises:
        RuntimeError: it did not come to its end.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "hpsearch.cli", "run", str(STUDY), "--runs", folder]
        for override in (*sets, *OVERRIDES[arm]):
            command += ["--set", override]
        began = time.perf_counter()
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        spent = time.perf_counter() - began
        if ran.returncode:
            raise RuntimeError(f"{arm}: {ran.stdout[-2000:]}{ran.stderr[-2000:]}")
        [study] = Path(folder).iterdir()
        result = view.read(study).result
        row = {
            "arm": arm,
            "seconds": spent,
            "trials": len(result.records),
            "group": company(
                [folder.read_spec() for folder in map(Folder, study.glob("trials/*"))]
            ),
            "digest": result.digest,
        }
    print(row, file=sys.stderr)
    return row


def company(specs: Sequence[Spec]) -> float:
    """The size of the group that the average trial finds itself in, itself included."""
    return statistics.fmean(len({spec.number, *spec.group}) for spec in specs)


def digests(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Of the searches that trained in groups; a single one, or something is wrong."""
    return sorted({row["digest"] for row in rows if row["arm"] != UNFUSED})


def markdown(rows: Sequence[dict[str, Any]], repeats: int, sets: Sequence[str]) -> str:
    changed = f" with {', '.join(sets)}" if sets else ""
    same = "the same" if len(digests(rows)) == 1 else "NOT the same"
    base = statistics.median(row["seconds"] for row in rows if row["arm"] == UNFUSED)
    lines = [
        "# A whole search, fused and not",
        "",
        f"`python benchmarks/sweep.py`: `hpsearch run {STUDY.relative_to(ROOT)}`{changed}, "
        f"{rows[0]['trials']} trials, on {platform.machine()} with {os.cpu_count()} cores; "
        f"{repeats} runs of each in turn, whole processes, the last arm once. Seconds are medians, "
        "in brackets the range. The group is the one that the average trial finds itself in.",
        "",
        "| arm | seconds | times as fast as `fuse: off` | group | digest |",
        "|---|---|---|---|---|",
        *(line(arm, [row for row in rows if row["arm"] == arm], base) for arm in OVERRIDES),
        "",
        f"The digest with the largest groups and with a group a trial is {same}.",
    ]
    return "\n".join(lines) + "\n"


def line(arm: str, rows: Sequence[dict[str, Any]], base: float) -> str:
    seconds = [row["seconds"] for row in rows]
    middle = statistics.median(seconds)
    cells = (
        arm,
        f"{middle:.1f} [{min(seconds):.1f}, {max(seconds):.1f}]",
        f"{base / middle:.2f}",
        f"{rows[0]['group']:.1f}",
        " ".join(sorted({row["digest"][:12] for row in rows})),
    )
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
