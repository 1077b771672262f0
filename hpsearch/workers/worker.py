"""One job: train the trials of its folders in this process, and leave an outcome in each."""

import contextlib
import inspect
import random
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hpsearch import files
from hpsearch.errors import UnfusableError
from hpsearch.method import Shape
from hpsearch.study import Command, Study
from hpsearch.trainer import Run, TrainerReference, load_trainer, reference_from_record
from hpsearch.trial import Folder
from hpsearch.workers import command_trial as script
from hpsearch.workers.fusion_policy import Mode
from hpsearch.workers.outcome import conclude, reason_of


@dataclass(frozen=True)
class Job:
    """What a launcher hands to a worker, in a form that goes through JSON.

    Attributes:
        folders: of the trials; several train one after the other, or together if there is a shape.
        trainer: where the trainer is.
        fixed: hyperparameters that all trials share.
        objective: the metric that becomes a trial's value.
        report_every: steps.
        device: "cpu" or "cuda:0".
        threads: for one trial's numerical libraries.
        trial_seconds: a trial's share of the wall-clock limit, which is that of all pending ones
            together; None for none.
        trial_memory_mib: likewise of the resident set, child processes included; None for none.
        shape: what the trials share that train fused; None for trials that do not.
        fuse: how those train that do.
    """

    folders: tuple[Path, ...]
    trainer: TrainerReference
    fixed: Mapping[str, Any]
    objective: str
    report_every: int
    device: str = "cpu"
    threads: int = 1
    tf32: bool = False
    trial_seconds: float | None = None
    trial_memory_mib: int | None = None
    shape: Shape | None = None
    fuse: Mode = "off"

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
            tf32=study.resources.tf32,
            trial_seconds=study.limits.trial_seconds,
            trial_memory_mib=study.limits.trial_memory_mib,
        )

    def to_record(self) -> dict[str, Any]:
        record = asdict(self)
        record["folders"] = [str(path) for path in self.folders]
        trainer = {key: _plain(value) for key, value in asdict(self.trainer).items()}
        return record | {
            "trainer": {"kind": type(self.trainer).__name__, **trainer},
            "shape": None if self.shape is None else self.shape.to_record(),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Job":
        shape = record["shape"]
        return cls(
            **{
                **record,
                "folders": tuple(Path(path) for path in record["folders"]),
                "trainer": reference_from_record(record["trainer"]),
                "shape": None if shape is None else Shape.from_record(shape),
            }
        )


def run_job(job: Job) -> None:
    """Train every trial of the job that has no outcome yet.

    Raises:
        OSError: of the disk, which is left as the folders' obstacle if there is room for that.
    """
    folders = [folder for folder in map(Folder, job.folders) if not folder.result.exists()]
    if job.shape is not None and folders:
        with _obstacles(folders):
            _work_together(job, job.shape, folders)
        return
    for folder in folders:
        with _obstacles([folder]):
            _work_alone(job, folder)


def _work_alone(job: Job, folder: Folder) -> None:
    started = time.monotonic()
    run: Run | None = None
    error: BaseException | None = None
    try:
        run = _run_of(job, folder)
        _train(job, run)
    except BaseException as raised:
        error = raised
    _conclude(job, folder, run, error, started)


def _work_together(job: Job, shape: Shape, folders: Sequence[Folder]) -> None:
    """Train the trials as one fused group; each gets its outcome when it ends.

    What breaks the group as a whole is laid to the charge of none of several: each is marked, and
    shall train alone.
    """
    started = time.monotonic()
    unwritten: list[OSError] = []

    def ended(run: Run, error: BaseException | None) -> None:
        try:
            _conclude(job, run.folder, run, error, started)
        except OSError as fault:
            unwritten.append(fault)
            raise

    try:
        runs = [_run_of(job, folder) for folder in folders]
        _train_group(job, runs, shape, ended)
    except UnfusableError as error:
        files.write_text(folders[0].unfusable, str(error))
    except BaseException as error:
        if unwritten:
            raise unwritten[0] from None
        if (fault := files.disk_fault(error, folders[0].path)) is not None:
            raise fault from error
        left = [folder for folder in folders if not folder.result.exists()]
        if len(folders) == 1 and left:
            _conclude(job, folders[0], None, error, started)
            return
        traceback.print_exc()
        for folder in left:
            files.write_text(folder.alone, reason_of(error)[1])


@contextlib.contextmanager
def _obstacles(folders: Sequence[Folder]) -> Iterator[None]:
    """That the disk fails is no trial's fault, and is left in the folders as what it is."""
    try:
        yield
    except OSError as error:
        for folder in folders:
            with contextlib.suppress(OSError):
                if not folder.result.exists():
                    folder.write_obstacle(error)
        raise


def _run_of(job: Job, folder: Folder) -> Run:
    spec = folder.read_spec()
    return Run(
        spec,
        folder,
        hp={**job.fixed, **spec.params},
        objective=job.objective,
        report_every=job.report_every,
    )


def _conclude(
    job: Job, folder: Folder, run: Run | None, error: BaseException | None, started: float
) -> None:
    seconds = time.monotonic() - started
    output = Folder(job.folders[0]).log
    conclude(folder, job.objective, run, error, seconds=seconds, output=output)


def _train(job: Job, run: Run) -> None:
    if isinstance(job.trainer, Command):
        script.run_command(job.trainer, run, threads=job.threads)
        return
    trainer = _loaded(job)
    _settle(run.seed, job)
    if not inspect.isclass(trainer):
        trainer(run)
        return
    from hpsearch.trainer import train_trial

    described: Any = trainer()
    train_trial(described, run)


def _train_group(
    job: Job, runs: Sequence[Run], shape: Shape, ended: Callable[[Run, BaseException | None], None]
) -> None:
    trainer = _loaded(job)
    # The same whoever is in the group, so no trial's own seed.
    _settle(0, job)
    from hpsearch.trainer import train_group

    train_group(trainer(), runs, shape, ended, is_compiled=job.fuse == "compile")


def _loaded(job: Job) -> Any:
    assert not isinstance(job.trainer, Command)
    return load_trainer(job.trainer)


def _settle(seed: int, job: Job) -> None:
    """Threads and global generators, for trainers that draw from them."""
    random.seed(seed)
    if "numpy" in sys.modules:
        import numpy as np

        np.random.seed(seed)
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(job.threads)
        torch.backends.cuda.matmul.allow_tf32 = job.tf32
        torch.backends.cudnn.allow_tf32 = job.tf32
        torch.manual_seed(seed)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
