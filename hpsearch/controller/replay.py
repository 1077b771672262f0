"""Train a recorded trial again by hand, in a folder of its own, and see whether it gives the same.

In the foreground, with the trainer's output where the person looks, so that a debugger works; the
study is not touched. A trial that was fused with others goes through the same loop by itself, for
its numbers do not depend on its company.
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

_LOOK_S = 0.1  # how often new reports are looked for
_WORK = (
    "import json, sys; from hpsearch.workers import Job, run_job; "
    "run_job(Job.from_record(json.loads(sys.argv[1])))"
)


@dataclass(frozen=True)
class Replay:
    """A trial trained again.

    Attributes:
        recorded: what came of it in the study; None while it has not ended there.
        outcome: what came of it now.
    """

    recorded: Outcome | None
    outcome: Outcome

    @property
    def is_same(self) -> bool:
        """Whether value and metrics are the same bits."""
        if self.recorded is None:
            return False
        ours, theirs = self.outcome, self.recorded
        return (ours.state, ours.value, ours.metrics) == (
            theirs.state,
            theirs.value,
            theirs.metrics,
        )


def replay_trial(
    run: Path,
    number: int,
    *,
    into: Path | None = None,
    device: str | None = None,
    watch: Callable[[Report], None] = lambda _report: None,
) -> Replay:
    """Train a trial again as it was trained.

    A continuation comes after the trials that it continues, and who starts from a survivor's
    weights after that survivor.

    Args:
        run: the run folder.
        number: of the trial.
        into: an empty or new folder to keep what it leaves; a temporary one unless given.
        device: another than it was trained on.
        watch: is told of every report.

    Raises:
        RunFolderError: there is no such study.
        HpsearchError: there is no such trial, the folder is in use, or the process was killed.
    """
    snapshot = read_snapshot(run)
    chain = _chain(snapshot, number)
    if into is not None:
        if into.exists() and any(into.iterdir()):
            raise HpsearchError(f"{into}: is not empty; give a new folder with --into")
        return _train(snapshot, chain, Folder(into), device, watch)
    with tempfile.TemporaryDirectory(prefix="hpsearch-") as place:
        return _train(snapshot, chain, Folder(Path(place) / f"{number:05d}"), device, watch)


def _chain(snapshot: Snapshot, number: int) -> list[Spec]:
    """The specs to train one after another, as they were handed to their workers."""
    numbers = [number]
    try:
        while (before := _before(snapshot.trial(numbers[0]).spec)) is not None:
            numbers.insert(0, before)
    except KeyError:
        last = len(snapshot.result.records) - 1
        raise HpsearchError(f"{snapshot.result.folder} has no trial {number} (0..{last})") from None
    specs = []
    for each in numbers:
        try:
            specs.append(snapshot.folder(each).read_spec())
        except FileNotFoundError:
            specs.append(snapshot.trial(each).spec)  # waits for its turn
    return specs


def _before(spec: Spec) -> int | None:
    """The trial from whose checkpoint another goes on, or starts."""
    return spec.parent if spec.role == "continue" else spec.weights_of


def _train(
    snapshot: Snapshot,
    chain: list[Spec],
    folder: Folder,
    device: str | None,
    watch: Callable[[Report], None],
) -> Replay:
    # The frozen study does not say where the trainer lies; the one that it was frozen from does.
    way = read_launch_record(RunFolder(snapshot.result.folder))
    trainer = load_study(way.study, way.overrides).trainer
    common = replace(Job.of(snapshot.study), trainer=trainer)
    # A trial that waits for its turn may be fused; of others it is known.
    fused = [spec for spec in chain if spec.group or not spec.trainer]
    description = describe_in_child(trainer) if fused else None
    for spec in chain:
        for leftover in (folder.result, folder.reports):
            leftover.unlink(missing_ok=True)
        if spec.weights_of is not None:
            folder.checkpoint.replace(folder.inherited)
        used = replace(spec, device=device or spec.device)
        folder.write_spec(used)
        job = replace(common, folders=(folder.path.absolute(),), device=used.device)
        if description is not None and spec in fused:
            job = _fused(job, snapshot.study, description, used)
        _work(job, folder, spec.threads, Path(way.directory), watch)
        if folder.unfusable.exists():
            folder.clear()
            _work(replace(job, shape=None), folder, spec.threads, Path(way.directory), watch)
    outcome = folder.read_outcome()
    if outcome is None:
        raise HpsearchError("the trial's process ended without a result")
    return Replay(snapshot.trial(chain[-1].number).outcome, outcome)


def _fused(job: Job, study: Study, description: TrainerDescription, spec: Spec) -> Job:
    """The job as a group of one, if the trial was fused or would be."""
    mode, _why = fusion_mode(study, description, spec.device)
    if mode == "off":
        if not spec.group:
            return job
        mode = "eager"
    return replace(job, shape=group_shape(study, description, spec.params), fuse=mode)


def _work(
    job: Job, folder: Folder, threads: int, directory: Path, watch: Callable[[Report], None]
) -> None:
    """Run the job in a process whose environment is that of a search's workers."""
    process = subprocess.Popen(
        [sys.executable, "-c", _WORK, json.dumps(job.to_record())],
        env=environment(threads),
        cwd=directory,
    )
    seen = 0
    try:
        while True:
            ended = process.poll() is not None
            for report in folder.read_reports()[seen:]:
                watch(report)
                seen += 1
            if ended:
                break
            time.sleep(_LOOK_S)
    finally:
        process.kill()
        process.wait()
    if process.returncode != 0 and folder.read_outcome() is None:
        raise HpsearchError(f"the trial's process ended without a result ({process.returncode})")
