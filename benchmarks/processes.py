"""Starting trials as whole processes, cold and warm, and weighing what they hold.

All of an arm's processes start at once and share the core that the benchmark is bound to. The
warm launcher has loaded torch before the clock starts; everything else starts cold.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
from workloads import WORKLOADS, hyperparameters

from hpsearch.study.schema import FileTrainer
from hpsearch.trainer import describe_in_child
from hpsearch.trial import Folder, Spec
from hpsearch.workers.local_launcher import LocalLauncher, environment
from hpsearch.workers.worker import Job

HERE = Path(__file__).resolve().parent
FOREVER = 10**9
FIRST_REPORT = 50  # steps, after which a trial counts as being in training
PATIENCE_S = 600.0
MPS = "nvidia-cuda-mps-control"


@dataclass(frozen=True)
class Crowd:
    """Trials of a workload, each of `steps` steps, on one device."""

    workload: str
    batch: int
    steps: int
    trials: int
    device: str = "cpu"


@dataclass(frozen=True)
class Memory:
    """Of all processes of an arm together, MiB. The proportional set counts a shared page once."""

    arm: str
    processes: int
    rss_mib: float
    pss_mib: float


def job(crowd: Crowd, folder: Path, report_every: int = FOREVER) -> Job:
    """One job for all trials of the crowd, one after another; their folders are made."""
    trainer = WORKLOADS[crowd.workload]
    paths = []
    for trial in range(crowd.trials):
        params = hyperparameters(trainer, trial)
        spec = Spec(trial, 0, trial, "draw", params, (), trial + 1, crowd.steps)
        path = folder / f"{trial:05d}"
        Folder(path).write_spec(replace(spec, device=crowd.device))
        paths.append(path)
    return Job(
        folders=tuple(paths),
        trainer=FileTrainer(HERE / "workloads.py", trainer.__name__),
        fixed={"batch_size": crowd.batch},
        objective="loss",
        report_every=report_every,
        device=crowd.device,
    )


def split(whole: Job) -> list[Job]:
    """A job a trial."""
    return [replace(whole, folders=(path,)) for path in whole.folders]


def fused(whole: Job, mode: str) -> Job:
    """All trials in one loop.

    Raises:
        ImportError: this checkout has no fused groups.
    """
    from hpsearch.method.structure import Shape

    trainer = WORKLOADS_BY_CLASS[str(whole.trainer.name)]  # type: ignore[union-attr]
    varying = dict.fromkeys(hyperparameters(trainer, 0))
    return replace(whole, shape=Shape(dict(whole.fixed), varying), fuse=mode)  # type: ignore[call-arg]


WORKLOADS_BY_CLASS = {trainer.__name__: trainer for trainer in WORKLOADS.values()}


def cold(jobs: Sequence[Job], environ: Mapping[str, str] | None = None) -> None:
    """A new process a job, all at once; returns when they have ended."""
    with _started(jobs, environ) as processes:
        for process in processes:
            process.wait()
    check(jobs)


@contextlib.contextmanager
def _started(
    jobs: Sequence[Job], environ: Mapping[str, str] | None = None
) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Processes that are killed at the end of the block, if they still run."""
    processes = [
        subprocess.Popen(
            [sys.executable, str(HERE / "one_process.py"), json.dumps(each.to_record())],
            env={**environment(each.threads), **(environ or {})},
            stdin=subprocess.DEVNULL,
        )
        for each in jobs
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def warm(launcher: LocalLauncher, jobs: Sequence[Job]) -> None:
    """The same by processes that are forked from the launcher's."""
    handles = set(launcher.submit(jobs))
    while handles:
        over = launcher.poll(sorted(handles), PATIENCE_S)
        handles -= {handle for handle, exit in over.items() if exit is not None}
    check(jobs)


@contextlib.contextmanager
def warm_launcher() -> Iterator[LocalLauncher]:
    """A launcher that has loaded what a search of the workloads has it load, and run one job."""
    with tempfile.TemporaryDirectory() as folder:
        first = job(Crowd("MLP 64-128-10", 32, 1, 1), Path(folder))
        launcher = LocalLauncher(preload=describe_in_child(first.trainer).preload)
        try:
            warm(launcher, [first])
            yield launcher
        finally:
            launcher.close()


def check(jobs: Sequence[Job]) -> None:
    """Raises RuntimeError if a trial did not complete, with its reason."""
    for each in jobs:
        for path in each.folders:
            outcome = Folder(path).read_outcome()
            if outcome is None or outcome.state != "complete":
                raise RuntimeError(f"{path} did not complete: {outcome}")


def ray(python: str, crowd: Crowd) -> float:
    """The whole of Ray's process, start to end; returns the seconds of `Tuner.fit` alone."""
    arguments = [crowd.workload, str(crowd.batch), str(crowd.steps), str(crowd.trials)]
    # It would write a token into the home directory; it listens on this machine only.
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    ran = subprocess.run(
        [python, str(HERE / "ray_trials.py"), *arguments],
        env={**environment(1), **quiet, "PYTHONPATH": f"{HERE.parent}{os.pathsep}{HERE}"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    if ran.returncode:
        raise RuntimeError(f"ray_trials.py: {ran.stderr[-2000:]}")
    return float(ran.stdout.splitlines()[-1])


def has_ray(python: str) -> bool:
    asked = subprocess.run([python, "-c", "from ray import tune"], capture_output=True, check=False)
    return asked.returncode == 0


@contextlib.contextmanager
def mps(folder: Path) -> Iterator[dict[str, str] | None]:
    """The environment of processes that share a GPU by NVIDIA's MPS; None where it is not."""
    control = shutil.which(MPS)
    if control is None:
        yield None
        return
    places = {"CUDA_MPS_PIPE_DIRECTORY": "pipe", "CUDA_MPS_LOG_DIRECTORY": "log"}
    ours = {name: str(folder / place) for name, place in places.items()}
    for path in ours.values():
        Path(path).mkdir()
    environ = {**os.environ, **ours}
    if subprocess.run([control, "-d"], env=environ, check=False).returncode:
        yield None
        return
    try:
        yield ours
    finally:
        subprocess.run([control], input="quit\n", text=True, env=environ, check=False)


def seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def memory(arm: str, jobs: Sequence[Job], *, forked: bool) -> Memory:
    """What the arm's processes hold while all of its trials are in training.

    Args:
        arm: its name.
        jobs: whose trials have no end, and report often.
        forked: from a warm launcher, which counts with its guards.
    """
    with contextlib.ExitStack() as stack:
        before = {child.pid for child in psutil.Process().children(recursive=True)}
        started: list[subprocess.Popen[bytes]] = []
        if forked:
            stack.enter_context(warm_launcher()).submit(jobs)
        else:
            started = stack.enter_context(_started(jobs))
        _wait_for_reports(jobs, started)
        # Of all at the same moment, or what has just been freed would count.
        children = psutil.Process().children(recursive=True)
        ours = [child for child in children if child.pid not in before]
        held = [child.memory_full_info() for child in ours]
    return Memory(
        arm,
        len(held),
        round(sum(each.rss for each in held) / 2**20, 1),
        round(sum(each.pss for each in held) / 2**20, 1),
    )


def _wait_for_reports(jobs: Sequence[Job], processes: Sequence["subprocess.Popen[bytes]"]) -> None:
    waited_for = [Folder(path) for each in jobs for path in each.folders]
    deadline = time.monotonic() + PATIENCE_S
    while any(not folder.reports.exists() for folder in waited_for):
        ended = [folder.path for folder in waited_for if folder.result.exists()]
        if ended or any(process.poll() is not None for process in processes):
            raise RuntimeError(f"a trial without end has ended: {ended or 'its process'}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"no report within {PATIENCE_S:g} s")
        time.sleep(0.2)
