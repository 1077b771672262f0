"""Many trials as whole processes, fused and not: their time from start to end, and their memory."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import processes
from fusion_plan import Mode, Plan
from processes import Crowd
from stepping import quartiles

from hpsearch.workers.local_launcher import LocalLauncher


def measure(plan: Plan, folder: Path, skipped: list[str]) -> Iterator[dict[str, Any]]:
    crowd = replace(plan.crowd, device=plan.device)
    found: dict[tuple[str, int], list[float]] = {}
    with processes.warm_launcher() as launcher, processes.mps(folder) as shared:
        arms = crowd_arms(plan, crowd, launcher, shared, skipped)
        for turn in range(plan.repeats):
            for (name, steps), (repeats, run) in list(arms.items()):
                if turn >= repeats:
                    continue
                place = folder / f"crowd-{turn}-{name.replace(' ', '-')}-{steps}"
                try:
                    spent = processes.seconds(lambda run=run, place=place: run(place))
                except Exception as error:
                    skipped.append(f"{name}, {steps} steps: {type(error).__name__}: {error}"[:300])
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


Crowded = tuple[int, Callable[[Path], object]]  # how often; what is timed, given a new folder


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
        for name, run in short_arms(long, launcher, plan.modes).items():
            arms[name, steps] = plan.repeats, run
    for name, run in long_arms(crowd, launcher).items():
        arms[name, crowd.steps] = plan.slow_repeats, run
    if shared is not None:
        arms["a cold process each, under MPS", crowd.steps] = (
            plan.slow_repeats,
            lambda folder: processes.cold(processes.split(processes.job(crowd, folder)), shared),
        )
    elif plan.device != "cpu":
        skipped.append(f"MPS: {processes.MPS} is not here or would not start")
    if plan.device != "cpu":
        skipped.append("Ray Tune: on the CPU only")
    elif processes.has_ray(plan.ray_python):
        arms["Ray Tune, all at once", crowd.steps] = (
            plan.ray_repeats,
            lambda _folder: processes.ray(plan.ray_python, crowd),
        )
    else:
        skipped.append("Ray Tune: not installed; it is the extra `bench`")
    return arms


def long_arms(crowd: Crowd, launcher: LocalLauncher) -> dict[str, Callable[[Path], object]]:
    """What trains every trial by itself."""

    def each(folder: Path) -> list[processes.Job]:
        return processes.split(processes.job(crowd, folder))

    return {
        "one after another, one cold process": lambda folder: processes.cold(
            [processes.job(crowd, folder)]
        ),
        "a cold process each": lambda folder: processes.cold(each(folder)),
        "a process each from the warm forkserver": lambda folder: processes.warm(
            launcher, each(folder)
        ),
    }


def short_arms(
    crowd: Crowd, launcher: LocalLauncher, modes: Sequence[Mode]
) -> dict[str, Callable[[Path], object]]:
    """What is quick enough to be timed for trials of every length."""
    alone = replace(crowd, trials=1)

    def fused(folder: Path, mode: Mode) -> list[processes.Job]:
        return [processes.fused(processes.job(crowd, folder), mode)]

    arms: dict[str, Callable[[Path], object]] = {
        "one trial alone, cold": lambda folder: processes.cold([processes.job(alone, folder)]),
        "one trial alone, warm": lambda folder: processes.warm(
            launcher, [processes.job(alone, folder)]
        ),
        "fused, one cold process": lambda folder: processes.cold(fused(folder, "eager")),
        "fused, one warm process": lambda folder: processes.warm(launcher, fused(folder, "eager")),
    }
    if "compile" in modes:
        arms["fused compiled, one warm process"] = lambda folder: processes.warm(
            launcher, fused(folder, "compile")
        )
    return arms


def measure_memory(plan: Plan, folder: Path, skipped: list[str]) -> Iterator[dict[str, Any]]:
    crowd = replace(plan.crowd, device=plan.device, steps=processes.FOREVER)
    arms: dict[str, tuple[Callable[[processes.Job], list[processes.Job]], bool]] = {
        "fused, one cold process": (lambda job: [processes.fused(job, "eager")], False),
        "a cold process each": (processes.split, False),
        "a process each from the warm forkserver": (processes.split, True),
    }
    for name, (shared_out, forked) in arms.items():
        place = folder / f"memory-{name.replace(' ', '-')}"
        try:
            jobs = shared_out(processes.job(crowd, place, processes.FIRST_REPORT))
            yield {"trials": crowd.trials, **asdict(processes.memory(name, jobs, forked=forked))}
        except Exception as error:
            skipped.append(f"memory of {name}: {type(error).__name__}: {error}"[:300])
