"""One job: train the trials of its folders in this process, and leave an outcome in each."""

import contextlib
import inspect
import random
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hpsearch import files, script, source
from hpsearch.command import Command
from hpsearch.errors import TrainerError
from hpsearch.run import NonfiniteError, Run
from hpsearch.source import TrainerReference
from hpsearch.study import Study
from hpsearch.trial import Folder, Outcome, Reason, Report


@dataclass(frozen=True)
class Job:
    """What a launcher hands to a worker, in a form that goes through JSON.

    Attributes:
        folders: of the trials, several when they are fused.
        trainer: where the trainer is.
        fixed: hyperparameters that all trials share.
        objective: the metric that becomes a trial's value.
        report_every: steps.
        device: "cpu" or "cuda:0".
        threads: for one trial's numerical libraries.
        trial_seconds: wall-clock limit; None for none.
        trial_memory_mib: limit on the resident set, child processes included; None for none.
    """

    folders: tuple[Path, ...]
    trainer: TrainerReference
    fixed: Mapping[str, Any]
    objective: str
    report_every: int
    device: str = "cpu"
    threads: int = 1
    trial_seconds: float | None = None
    trial_memory_mib: int | None = None

    @classmethod
    def of(cls, study: Study) -> "Job":
        """What the jobs of all trials have in common."""
        return cls(
            folders=(),
            trainer=study.trainer,
            fixed=study.fixed,
            objective=study.objective.metric,
            report_every=study.budget.report_every,
            threads=study.resources.threads,
            trial_seconds=study.limits.trial_seconds,
            trial_memory_mib=study.limits.trial_memory_mib,
        )

    def to_record(self) -> dict[str, Any]:
        record = asdict(self)
        record["folders"] = [str(path) for path in self.folders]
        trainer = {key: _plain(value) for key, value in asdict(self.trainer).items()}
        return record | {"trainer": {"kind": type(self.trainer).__name__, **trainer}}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Job":
        return cls(
            **{
                **record,
                "folders": tuple(Path(path) for path in record["folders"]),
                "trainer": source.reference_from(record["trainer"]),
            }
        )


def work(job: Job) -> None:
    """Train every trial of the job that has no outcome yet.

    Raises:
        OSError: of the disk, which is left as the folder's obstacle if there is room for that.
    """
    for path in job.folders:
        folder = Folder(path)
        if folder.result.exists():
            continue
        try:
            folder.write_outcome(_outcome_of(job, folder))
        except OSError as error:
            with contextlib.suppress(OSError):
                folder.write_obstacle(error)
            raise


def _outcome_of(job: Job, folder: Folder) -> Outcome:
    """Run one trial; whatever it raises becomes its outcome, with the traceback in the log.

    Raises:
        OSError: of the disk, for which no trial is to blame.
    """
    started = time.monotonic()
    run: Run | None = None
    try:
        spec = folder.read_spec()
        run = Run(
            spec,
            folder,
            hp={**job.fixed, **spec.params},
            objective=job.objective,
            report_every=job.report_every,
        )
        _train(job, run)
        last = run.last
        if last is None or job.objective not in last.metrics:
            said = ", ".join(last.metrics) if last else "nothing"
            raise TrainerError(
                f"the trainer ended without reporting the objective {job.objective!r} "
                f"(its last report has: {said})"
            )
        if last.metrics[job.objective] is None:
            raise NonfiniteError(f"{job.objective} is not finite at step {last.step}")
    except BaseException as error:
        if (fault := files.disk_fault(error, folder.path)) is not None:
            raise fault from error
        traceback.print_exc()
        return failure(folder, *_reason(error), seconds=time.monotonic() - started)
    return Outcome(
        state="complete",
        value=last.metrics[job.objective],
        metrics=last.metrics,
        reason="collapsed" if run.collapsed else None,
        message=run.collapsed or "",
        seconds=round(time.monotonic() - started, 3),
        steps=last.step,
        provenance=dict(run.provenance),
    )


def failure(folder: Folder, reason: Reason, message: str, *, seconds: float = 0.0) -> Outcome:
    """The outcome of a trial that failed; its last report is kept."""
    reports = folder.read_reports()
    last = reports[-1] if reports else Report(0, {}, 0.0)
    return Outcome("fail", None, last.metrics, reason, message, round(seconds, 3), last.step)


def _train(job: Job, run: Run) -> None:
    if isinstance(job.trainer, Command):
        script.run_command(job.trainer, run, threads=job.threads)
        return
    trainer: Any = source.load(job.trainer)
    _settle(run.seed, job)
    if not inspect.isclass(trainer):
        trainer(run)
        return
    from hpsearch.fusion import lone

    described: Any = trainer()
    lone.train(described, run)


def _settle(seed: int, job: Job) -> None:
    """Threads and global generators, for trainers that draw from them."""
    random.seed(seed)
    if "numpy" in sys.modules:
        import numpy as np

        np.random.seed(seed)
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(job.threads)
        torch.manual_seed(seed)


def _reason(error: BaseException) -> tuple[Reason, str]:
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, NonfiniteError):
        return "nonfinite", str(error)
    if isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__:
        return "out_of_memory", text
    # PyTorch's CPU allocator raises a plain RuntimeError.
    if isinstance(error, RuntimeError) and "can't allocate memory" in text:
        return "out_of_memory", text
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f for f in frames if not Path(f.filename).is_relative_to(Path(__file__).parent)]
    if theirs:
        text += f" ({Path(theirs[-1].filename).name}:{theirs[-1].lineno})"
    return "error", text


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
