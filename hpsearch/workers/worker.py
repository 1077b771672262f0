"""Runs one job: trains the trials of its folders in this process and writes their outcomes."""

import contextlib
import inspect
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
from hpsearch.trainer import (
    Run,
    TrainerReference,
    load_trainer,
    reference_from_record,
    reference_to_record,
)
from hpsearch.trial import Folder
from hpsearch.workers.command_trial import run_command
from hpsearch.workers.fusion_policy import Mode
from hpsearch.workers.library_setup import set_up_libraries
from hpsearch.workers.outcome import conclude, reason_of


@dataclass(frozen=True)
class Job:
    """The instruction of a launcher to a worker; it is sent as JSON.

    Attributes:
        folders: of the trials; with a shape they train fused, otherwise one after the other.
        objective: the metric that becomes a trial's value.
        trial_seconds: wall-clock limit of a trial; a job's limit is the sum over its pending
            trials. None for no limit.
        trial_memory_mib: limit of the resident set, child processes included, added up likewise.
        shape: the common shape of trials that train fused; None for others.
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
        """The settings that all jobs of a study share; folders, device and shape are set later."""
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
        return asdict(self) | {
            "folders": [str(path) for path in self.folders],
            "trainer": reference_to_record(self.trainer),
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
        OSError: the disk failed; the error is also written to the folders (`Folder.obstacle`).
    """
    folders = [folder for folder in map(Folder, job.folders) if not folder.result.exists()]
    if job.shape is not None and folders:
        with _recorded_disk_errors(folders):
            _run_fused(job, job.shape, folders)
        return
    for folder in folders:
        with _recorded_disk_errors([folder]):
            _run_single(job, folder)


def _run_single(job: Job, folder: Folder) -> None:
    started = time.monotonic()
    run: Run | None = None
    error: BaseException | None = None
    try:
        run = _new_run(job, folder)
        _train(job, run)
    except BaseException as raised:
        error = raised
    _conclude(job, folder, run, error, started)


def _run_fused(job: Job, shape: Shape, folders: Sequence[Folder]) -> None:
    """Train the trials as one fused group; each gets its outcome when it ends.

    An exception that breaks a group of several trials does not show which of them is at fault, so
    each is marked to train alone.
    """
    started = time.monotonic()
    write_errors: list[OSError] = []

    def conclude_run(run: Run, error: BaseException | None) -> None:
        try:
            _conclude(job, run.folder, run, error, started)
        except OSError as fault:
            write_errors.append(fault)
            raise

    try:
        runs = [_new_run(job, folder) for folder in folders]
        _train_group(job, runs, shape, conclude_run)
    except UnfusableError as error:
        files.write_text(folders[0].unfusable, str(error))
    except BaseException as error:
        if write_errors:
            raise write_errors[0] from None
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
def _recorded_disk_errors(folders: Sequence[Folder]) -> Iterator[None]:
    """Write a disk error to the folders: it is no failure of the trials."""
    try:
        yield
    except OSError as error:
        for folder in folders:
            with contextlib.suppress(OSError):
                if not folder.result.exists():
                    folder.write_obstacle(error)
        raise


def _new_run(job: Job, folder: Folder) -> Run:
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
        run_command(job.trainer, run, threads=job.threads)
        return
    trainer = load_trainer(job.trainer)
    set_up_libraries(run.seed, threads=job.threads, tf32=job.tf32)
    if not inspect.isclass(trainer):
        trainer(run)
        return
    from hpsearch.trainer import train_trial

    instance: Any = trainer()
    train_trial(instance, run)


def _train_group(
    job: Job, runs: Sequence[Run], shape: Shape, on_end: Callable[[Run, BaseException | None], None]
) -> None:
    trainer = load_trainer(job.trainer)
    # A trial's own seed would make results depend on the other members.
    set_up_libraries(0, threads=job.threads, tf32=job.tf32)
    from hpsearch.trainer import train_group

    train_group(trainer(), runs, shape, on_end, is_compiled=job.fuse == "compile")
