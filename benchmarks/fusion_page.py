"""The results of the benchmark of fused training, as a page and a plot."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]

MLP, GAN = "MLP 64-128-10", "MLP GAN"
CONVOLUTIONS = ("LeNet 28x28", "ResNet-8 28x28", "DCGAN 28x28")
MEMBERS = 25
# (device, workload): times serial eager that 25 fused trials must reach, eager and compiled.
WANTED = {
    ("cpu", MLP): (5, 12),
    ("cpu", GAN): (4, 9),
    **{("cpu", name): (1, None) for name in CONVOLUTIONS},
    ("cuda", MLP): (20, None),
    ("cuda", GAN): (20, None),
    ("cuda", "DCGAN 28x28"): (8, None),
}
PLAIN = "torch.optim defaults"
FUSED = "fused, one warm process"
FUSED_COLD = "fused, one cold process"
ALONE_COLD = "one trial alone, cold"
COLD = "a cold process each"


def markdown(found: Mapping[str, Any]) -> str:
    machine, plan = found["machine"], found["plan"]
    where = "bound to one core" if machine["device"] == "cpu" else "not bound to a core"
    blocks = [
        "# What it brings to train a round's trials in one loop",
        f"`python benchmarks/fusion.py` on {machine['processor']} with {machine['cores']} cores, "
        f"device {machine['device']}, torch {machine['torch']}, Python {machine['python']}. "
        f"Everything {where}, one thread a process; arms take turns in one run. Figures are "
        "medians, in brackets the quartiles.",
        *found.get("notes", []),
        *_section("What was to be shown", _targets(found)),
        *_steps(found.get("steps", []), plan),
        *_crowds(found.get("crowds", []), plan),
        *_memory(found.get("memory", [])),
    ]
    if found["skipped"]:
        blocks += ["## Not measured", "\n".join(f"- {reason}" for reason in found["skipped"])]
    return "\n\n".join(blocks) + "\n"


def plot(rows: Sequence[Row], path: Path) -> None:
    """Times serial eager over the trials at once, at the smallest batch; a line a workload."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "fusion"  # the same figures give the same file
    from matplotlib import pyplot

    batch = min(row["batch"] for row in rows)
    figure, panels = pyplot.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
    for panel, kind in zip(panels, ("fused eager", "fused compiled"), strict=True):
        for workload in _distinct(row["workload"] for row in rows):
            points = [
                (row["trials"], row["times serial"])
                for row in rows
                if (row["workload"], row["batch"]) == (workload, batch) and _kind(row) == kind
            ]
            if not points:
                continue
            trials = [k for k, _ in points]
            low, middle, high = zip(*(ratio for _, ratio in points), strict=True)
            panel.plot(trials, middle, marker="o", markersize=3, label=workload)
            panel.fill_between(trials, low, high, alpha=0.2, linewidth=0)
        panel.axhline(1, color="0.5", linewidth=0.8, linestyle=":")
        panel.set(xscale="log", xlabel="trials at once", title=f"{kind}, batch {batch}")
        panel.set_xticks([1, 2, 5, 25, 100], ["1", "2", "5", "25", "100"], minor=False)
        panel.minorticks_off()
        if panel.get_legend_handles_labels()[0]:
            panel.legend(fontsize=8, frameon=False)
    panels[0].set_ylabel("times as fast as one after another, eager")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _targets(found: Mapping[str, Any]) -> list[dict[str, str]]:
    claims = list(_step_targets(found))
    if found["plan"]["crowd"]["trials"] == MEMBERS:  # they are about no smaller crowd
        claims += [*_crowd_targets(found), *_memory_targets(found)]
    return [
        {
            "claim": claim,
            "wanted": f"{sign} {wanted:g}",
            "reached": f"{reached:.2f}",
            "": "yes" if (reached >= wanted if sign == "≥" else reached <= wanted) else "NO",
        }
        for claim, sign, wanted, reached in claims
    ]


def _step_targets(found: Mapping[str, Any]) -> Iterator[tuple[str, str, float, float]]:
    rows = {(row["workload"], row["batch"], row["arm"]): row for row in found.get("steps", [])}
    for (device, workload), wanted in WANTED.items():
        for kind, factor in zip(("eager", "compiled"), wanted, strict=True):
            row = rows.get((workload, 32, f"{MEMBERS} fused {kind}"))
            if factor is not None and row and device == found["machine"]["device"]:
                claim = f"{MEMBERS} fused {kind}, {workload}, batch 32: times"
                yield f"{claim} serial eager, `fuse: off`", "≥", factor, row["times serial"][1]
                plain = rows[workload, 32, PLAIN]["us"][1] / row["us"][1]
                yield f"{claim} serial eager, {PLAIN}", "≥", factor, plain


def _crowd_targets(found: Mapping[str, Any]) -> Iterator[tuple[str, str, float, float]]:
    seconds = {(r["arm"], r["steps"]): r["seconds"][1] for r in found.get("crowds", [])}
    for arm, steps in seconds:
        if arm == FUSED_COLD and (ALONE_COLD, steps) in seconds:
            claim = f"{arm}, over {ALONE_COLD}: trials of {steps} steps, seconds over seconds"
            yield claim, "≤", 1.2, seconds[arm, steps] / seconds[ALONE_COLD, steps]
    for fused in (FUSED, FUSED_COLD):
        for arm, steps in seconds:
            if arm == COLD and (fused, steps) in seconds:
                claim = f"{COLD}, over {fused}: {steps} steps, seconds over seconds"
                yield claim, "≥", 25, seconds[arm, steps] / seconds[fused, steps]


def _memory_targets(found: Mapping[str, Any]) -> Iterator[tuple[str, str, float, float]]:
    rows = {row["arm"]: row for row in found.get("memory", [])}
    if FUSED_COLD in rows and COLD in rows:
        for kind, name in (("rss_mib", "resident"), ("pss_mib", "proportional")):
            claim = f"{FUSED_COLD}, over {COLD}: {name} set"
            yield claim, "≤", 0.1, rows[FUSED_COLD][kind] / rows[COLD][kind]


def _steps(rows: Sequence[Row], plan: Row) -> list[str]:
    if not rows:
        return []
    table = [
        {
            "workload": row["workload"],
            "batch": str(row["batch"]),
            "arm": row["arm"],
            "µs a trial-step": _spread(row["us"], ".0f"),
            "times serial eager": _spread(row["times serial"], ".2f"),
            "s to get ready": f"{row['ready_s']:.2f}",
        }
        for row in rows
    ]
    words = (
        f"One process that is warm; {plan['repeats']} turns of about {plan['chunk_s']:g} s an arm. "
        "Serial eager is the loop of `fuse: off` (torch.optim's fused kernels), torch.optim "
        "defaults a plain loop as people write it; the trials of both come one after another. A "
        "step updates one network: WGAN-GP has five of the critic for one of the generator. "
        "Getting ready is to build and to train the first steps, compilation included, from an "
        "empty cache. Groups of convolutional networks have at most as many trials as are "
        "measured in reasonable time on a CPU, and no compiled arm there."
    )
    return _section("Steps", table, words)


def _crowds(rows: Sequence[Row], plan: Row) -> list[str]:
    if not rows:
        return []
    table = [
        {
            "arm": row["arm"],
            "steps a trial": str(row["steps"]),
            "seconds, start to end": _spread(row["seconds"], ".2f"),
            "repeats": str(row["repeats"]),
        }
        for row in sorted(rows, key=lambda row: (row["steps"], row["seconds"][1]))
    ]
    crowd = plan["crowd"]
    words = (
        f"{crowd['trials']} trials of {crowd['workload']}, batch {crowd['batch']}, unless it says "
        "one; each is evaluated at its end and leaves a checkpoint. Cold is from the start of "
        "Python to its end, imports included; warm is forked from a process that has torch loaded, "
        "before the clock starts. All processes of an arm start at once and share the core. Ray "
        "Tune's time is that of its whole process. The first compilation of a warm process is in "
        "its first repeat."
    )
    return _section("Whole processes", table, words)


def _memory(rows: Sequence[Row]) -> list[str]:
    if not rows:
        return []
    table = [
        {
            "arm": row["arm"],
            "processes": str(row["processes"]),
            "resident, MiB": f"{row['rss_mib']:.0f}",
            "proportional, MiB": f"{row['pss_mib']:.0f}",
        }
        for row in rows
    ]
    words = (
        f"Of all processes together while {rows[0]['trials']} trials are in training. The "
        "proportional set counts a page once that several processes share. The forkserver and its "
        "guards count."
    )
    return _section("Memory", table, words)


def _section(title: str, table: Sequence[Mapping[str, str]], words: str = "") -> list[str]:
    if not table:
        return []
    lines = ["| " + " | ".join(table[0]) + " |", "|" + "---|" * len(table[0])]
    lines += ["| " + " | ".join(row.values()) + " |" for row in table]
    return [f"## {title}", *([words] if words else []), "\n".join(lines)]


def _spread(quartiles: Sequence[float], form: str) -> str:
    low, middle, high = (format(value, form) for value in quartiles)
    return f"{middle} [{low}, {high}]"


def _kind(row: Row) -> str:
    """An arm's name without the number of its trials."""
    return str(row["arm"]).removeprefix(f"{row['trials']} ")


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
