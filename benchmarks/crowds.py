"""Many trials as whole processes, fused and not: their time from start to end, and their memory."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import processes
from fusion_plan import Plan
from processes import Crowd
from stepping import quartiles

from hpsearch.launchers.local import LocalLauncher


def measure(plan: Plan, folder: Path, skipped: list[str]) -> Iterator[dict[str, Any]]:
    crowd = replace(plan.crowd, device=plan.device)
    found: dict[tuple[str, int], list[float]] = {}
    with processes.warm_launcher() as launcher, processes.mps(folder) as shared:
        arms = crowd_arms(plan, crowd, launcher, shared, skipped)
        for turn in range(plan.repeats):
            for (name, steps), (slow, run) in list(arms.items()):
                if slow and turn >= plan.slow_repeats:
                    continue
                place = folder / f"crowd-{turn}-{len(found)}-{name.replace(' ', '-')}-{steps}"
                try:
                    spent = processes.seconds(lambda run=run, place=place: run(place))
                except Exception as error:
                    skipped.append(f"{name}: {type(error).__name__}: {error}"[:300])
                    del arms[name, steps]
                    continue
                found.setdefault((name, steps), []).append(spent)
                print(f"{turn} {name} {steps}: {spent:.2f} s", file=sys.stderr)
    for (name, steps), times in found.items():
        yield {
            "workload": crowd.workload,
            "batch": crowd.batch,
            "trials": crowd.trials,
            "arm": name,
            "steps": steps,
            "repeats": len(times),
            "seconds": quartiles(times),
        }


Crowded = tuple[bool, Callable[[Path], object]]  # slow; what is timed, given a new folder


def crowd_arms(
    plan: Plan,
    crowd: Crowd,
    launcher: LocalLauncher,
    shared: dict[str, str] | None,
    skipped: list[str],
) -> dict[tuple[str, int], Crowded]:
    """By name and length of the trials."""
    arms: dict[tuple[str, int], Crowded] = {}
    for steps in plan.lengths:
        long = replace(crowd, steps=steps)
        for name, run in short_arms(long, launcher).items():
            arms[name, steps] = False, run
    steps = crowd.steps
    arms["one after another, one cold process", steps] = (
        True,
        lambda folder: processes.cold([processes.job(crowd, folder)]),
    )
    arms["a cold process each", steps] = (
        True,
        lambda folder: processes.cold(processes.split(processes.job(crowd, folder))),
    )
    arms["a process each from the warm forkserver", steps] = (
        True,
        lambda folder: processes.warm(launcher, processes.split(processes.job(crowd, folder))),
    )
    if shared is not None:
        arms["a cold process each, under MPS", steps] = (
            True,
            lambda folder: processes.cold(processes.split(processes.job(crowd, folder)), shared),
        )
    elif plan.device != "cpu":
        skipped.append(f"MPS: {processes.MPS} is not here or would not start")
    if plan.device == "cpu" and processes.has_ray(plan.ray_python):
        arms["Ray Tune, all at once", steps] = (
            True,
            lambda _folder: processes.ray(plan.ray_python, crowd),
        )
    else:
        skipped.append("Ray Tune: not installed (the extra `bench`), or the trials are on a GPU")
    return arms


def short_arms(crowd: Crowd, launcher: LocalLauncher) -> dict[str, Callable[[Path], object]]:
    """What is quick enough to be timed for trials of every length."""
    alone = replace(crowd, trials=1)

    def fused(folder: Path, mode: str) -> list[processes.Job]:
        return [processes.fused(processes.job(crowd, folder), mode)]

    return {
        "one trial alone, cold": lambda folder: processes.cold([processes.job(alone, folder)]),
        "fused, one cold process": lambda folder: processes.cold(fused(folder, "eager")),
        "one trial alone, warm": lambda folder: processes.warm(
            launcher, [processes.job(alone, folder)]
        ),
        "fused, one warm process": lambda folder: processes.warm(launcher, fused(folder, "eager")),
        "fused compiled, one warm process": lambda folder: processes.warm(
            launcher, fused(folder, "compile")
        ),
    }


def measure_memory(plan: Plan, folder: Path, skipped: list[str]) -> Iterator[dict[str, Any]]:
    crowd = replace(plan.crowd, device=plan.device, steps=processes.FOREVER)

    def jobs(name: str) -> processes.Job:
        return processes.job(crowd, folder / f"memory-{name}", processes.FIRST_REPORT)

    arms: dict[str, Callable[[], processes.Memory]] = {
        "fused, one cold process": lambda: processes.memory(
            "fused, one cold process", [processes.fused(jobs("fused"), "eager")], forked=False
        ),
        "a cold process each": lambda: processes.memory(
            "a cold process each", processes.split(jobs("cold")), forked=False
        ),
        "a process each from the warm forkserver": lambda: processes.memory(
            "a process each from the warm forkserver", processes.split(jobs("warm")), forked=True
        ),
    }
    for name, measure in arms.items():
        try:
            yield {"trials": crowd.trials, **asdict(measure())}
        except Exception as error:
            skipped.append(f"memory of {name}: {type(error).__name__}: {error}"[:300])
