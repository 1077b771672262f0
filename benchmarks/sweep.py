"""A whole search, fused and not: `make sweep`, its seconds and its digest.

    python benchmarks/sweep.py [--quick] [--seeds 3] [--set KEY=VALUE ...]

Every run is a new `hpsearch run` in an empty folder, on all places of the machine, timed from start
to end. `fuse: auto` and `fuse: off` take turns, and the one that went first goes second in the next
turn. A turn has a seed of its own: both arms draw the same round 0, but a trial's last bits differ
between them, so they may settle on networks of unlike cost, which several seeds even out. At the
end the first seed's search runs with every trial in a group of its own: its digest must be that of
the largest groups.
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

from hpsearch.storage import view
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
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--set", action="append", default=[], help="override the study", dest="sets"
    )
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/sweep.md"))
    given = parser.parse_args()
    sets = [*(QUICK if given.quick else ()), *given.sets]
    rows = measure(given.seeds, sets)
    table = markdown(rows, given.seeds, sets)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(table)
    given.output.with_suffix(".json").write_text(json.dumps(rows, indent=1) + "\n")
    print(table)
    if len(found := digests(rows)) != 1:
        sys.exit(f"the digest depends on the size of the groups: {', '.join(found)}")


def measure(seeds: int, sets: Sequence[str]) -> list[dict[str, Any]]:
    rows = []
    for seed in range(seeds):
        for arm in (FUSED, UNFUSED) if seed % 2 == 0 else (UNFUSED, FUSED):
            rows.append(run(arm, seed, sets))
    return [*rows, run(SINGLE, 0, sets)]


def run(arm: str, seed: int, sets: Sequence[str]) -> dict[str, Any]:
    """Seconds and digest of one search.

    Raises:
        RuntimeError: it did not come to its end.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "hpsearch", "run", str(STUDY), "--runs", folder]
        for override in (f"search.seed={seed}", *sets, *OVERRIDES[arm]):
            command += ["--set", override]
        began = time.perf_counter()
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        spent = time.perf_counter() - began
        if ran.returncode:
            raise RuntimeError(f"{arm}: {ran.stdout[-2000:]}{ran.stderr[-2000:]}")
        [study] = Path(folder).iterdir()
        result = view.read_snapshot(study).result
        row = {
            "arm": arm,
            "seed": seed,
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
    """Of the first seed's searches that trained in groups; a single one, or something is wrong."""
    return sorted({row["digest"] for row in rows if row["arm"] != UNFUSED and row["seed"] == 0})


def markdown(rows: Sequence[dict[str, Any]], seeds: int, sets: Sequence[str]) -> str:
    changed = f" with {', '.join(sets)}" if sets else ""
    same = "the same" if len(digests(rows)) == 1 else "NOT the same"
    by = {(row["arm"], row["seed"]): row for row in rows}
    pairs = [(by[FUSED, seed], by[UNFUSED, seed]) for seed in range(seeds)]
    fused, unfused = (sum(pair[i]["seconds"] for pair in pairs) for i in (0, 1))
    single = by[SINGLE, 0]
    lines = [
        "# A whole search, fused and not",
        "",
        f"`python benchmarks/sweep.py`: `hpsearch run {STUDY.relative_to(ROOT)}`{changed}, "
        f"{rows[0]['trials']} trials, on {platform.machine()} with {os.cpu_count()} cores; "
        f"{seeds} seeds, the two arms in turn, whole processes from start to end. The group is the "
        "one that the average trial finds itself in.",
        "",
        "| seed | `fuse: auto`, s | group | `fuse: off`, s | times as fast |",
        "|---|---|---|---|---|",
        *(
            f"| {a['seed']} | {a['seconds']:.1f} | {a['group']:.1f} | {b['seconds']:.1f} | "
            f"{b['seconds'] / a['seconds']:.2f} |"
            for a, b in pairs
        ),
        f"| all | {fused:.1f} | | {unfused:.1f} | {unfused / fused:.2f} |",
        "",
        f"With a group a trial (padded to two) seed 0 takes {single['seconds']:.1f} s, and its "
        f"digest, {single['digest'][:12]}, is {same} as with the largest groups.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
