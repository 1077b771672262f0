"""Replays a recorded trial in a folder of its own and compares the outcome with the recorded one.

The trial runs in the foreground with its output on the terminal, so that a debugger works; the
study is not changed. A trial of a fused group is replayed as a group of one, since its numbers do
not depend on the other members.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from hpsearch.errors import HpsearchError
from hpsearch.storage import RunFolder, Snapshot, read_launch_record, read_snapshot
from hpsearch.study import Study, TrainerDescription, load_study
from hpsearch.trainer import describe_in_child
from hpsearch.trial import Folder, Outcome, Report, Spec
from hpsearch.workers import Job, environment, fusion_mode, group_shape

_POLL_S = 0.1  # between two looks for new reports
_RUN_JOB = (
    "import json, sys; from hpsearch.workers import Job, run_job; "
    "run_job(Job.from_record(json.loads(sys.argv[1])))"
)


@dataclass(frozen=True)
class Replay:
    """A replayed trial.

    Attributes:
        recorded: its outcome in the study; None while it has not ended there.
        outcome: the outcome of the replay.
    """

    recorded: Outcome | None
    outcome: Outcome

    @property
    def is_same(self) -> bool:
        """Whether state, value and metrics are bit-identical."""
        if self.recorded is None:
            return False
        return all(
            getattr(self.outcome, name) == getattr(self.recorded, name)
            for name in ("state", "value", "metrics")
        )


def replay_trial(
    run: Path,
    number: int,
    *,
    into: Path | None = None,
    device: str | None = None,
    on_report: Callable[[Report], None] = lambda _report: None,
) -> Replay:
    """Train a recorded trial again, after the trials that it continues or inherits weights from.

    Args:
        run: the run folder.
        number: the trial's number.
        into: an empty or new folder for the trial's files; a temporary one unless given.
        device: replaces the recorded device.
        on_report: called with every report.

    Raises:
        RunFolderError: the run folder holds no study.
        HpsearchError: there is no such trial, `into` is in use, or the process was killed.
    """
    snapshot = read_snapshot(run)
    chain = _chain(snapshot, number)
    if into is not None:
        if into.exists() and any(into.iterdir()):
            raise HpsearchError(f"{into}: is not empty; give a new folder with --into")
        return _train_chain(snapshot, chain, Folder(into), device, on_report)
    with tempfile.TemporaryDirectory(prefix="hpsearch-") as parent:
        folder = Folder(Path(parent) / f"{number:05d}")
        return _train_chain(snapshot, chain, folder, device, on_report)


def _chain(snapshot: Snapshot, number: int) -> list[Spec]:
    """The specs to train one after another, as their workers received them."""
    numbers = [number]
    try:
        while (parent := _parent(snapshot.trial(numbers[0]).spec)) is not None:
            numbers.insert(0, parent)
    except KeyError:
        last = len(snapshot.result.records) - 1
        raise HpsearchError(f"{snapshot.result.folder} has no trial {number} (0..{last})") from None
    specs = []
    for member in numbers:
        try:
            specs.append(snapshot.folder(member).read_spec())
        except FileNotFoundError:
            specs.append(snapshot.trial(member).spec)  # has not started
    return specs


def _parent(spec: Spec) -> int | None:
    """The trial that this one continues or inherits weights from."""
    return spec.parent if spec.role == "continue" else spec.weights_of


def _train_chain(
    snapshot: Snapshot,
    chain: list[Spec],
    folder: Folder,
    device: str | None,
    on_report: Callable[[Report], None],
) -> Replay:
    # The frozen study does not say where the trainer is; the study file that it came from does.
    launch = read_launch_record(RunFolder(snapshot.result.folder))
    trainer = load_study(launch.study, launch.overrides).trainer
    common = replace(Job.of(snapshot.study), trainer=trainer, folders=(folder.path.absolute(),))
    description = describe_in_child(trainer) if any(map(_may_be_fused, chain)) else None
    for recorded in chain:
        spec = replace(recorded, device=device or recorded.device)
        _prepare(folder, spec)
        job = replace(common, device=spec.device)
        if description is not None and _may_be_fused(recorded):
            job = _as_group(job, snapshot.study, description, spec)
        _run_job(job, folder, spec.threads, Path(launch.directory), on_report)
        if folder.unfusable.exists():
            folder.clear()
            single = replace(job, shape=None)
            _run_job(single, folder, spec.threads, Path(launch.directory), on_report)
    outcome = folder.read_outcome()
    if outcome is None:
        raise HpsearchError("the trial's process ended without a result")
    return Replay(snapshot.trial(chain[-1].number).outcome, outcome)


def _may_be_fused(spec: Spec) -> bool:
    """Whether the trial was fused, or has not started, so that nobody knows yet."""
    return bool(spec.group) or not spec.trainer


def _prepare(folder: Folder, spec: Spec) -> None:
    """Leave only the checkpoint of the previous trial of the chain, where `spec` needs it."""
    for leftover in (folder.result, folder.reports):
        leftover.unlink(missing_ok=True)
    if spec.weights_of is not None:
        folder.checkpoint.replace(folder.inherited)
    folder.write_spec(spec)


def _as_group(job: Job, study: Study, description: TrainerDescription, spec: Spec) -> Job:
    """The job as a group of one, if the trial was or would be fused."""
    mode, _ = fusion_mode(study, description, spec.device)
    if mode == "off":
        if not spec.group:
            return job
        mode = "eager"
    return replace(job, shape=group_shape(study, description, spec.params), fuse=mode)


def _run_job(
    job: Job, folder: Folder, threads: int, directory: Path, on_report: Callable[[Report], None]
) -> None:
    """Run the job in a process with the environment of a search's workers."""
    process = subprocess.Popen(
        [sys.executable, "-c", _RUN_JOB, json.dumps(job.to_record())],
        env=environment(threads),
        cwd=directory,
    )
    seen = 0
    try:
        while True:
            ended = process.poll() is not None
            for report in folder.read_reports()[seen:]:
                on_report(report)
                seen += 1
            if ended:
                break
            time.sleep(_POLL_S)
    finally:
        process.kill()
        process.wait()
    if process.returncode != 0 and folder.read_outcome() is None:
        raise HpsearchError(f"the trial's process ended without a result ({process.returncode})")
