"""The way in: a study file and a run folder become a search, started or gone on with."""

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from hpsearch.controller import loggers
from hpsearch.controller.loggers.follow import following
from hpsearch.controller.loop import Controller
from hpsearch.errors import Fault, HpsearchError, StudyError
from hpsearch.events import Event
from hpsearch.method import structure_space_faults
from hpsearch.storage import (
    LaunchRecord,
    Result,
    RunFolder,
    StudyWriter,
    explain_os_error,
    write_launch_record,
)
from hpsearch.study import Study, TrainerDescription, load_study, unknown_parameters
from hpsearch.trainer import describe_in_child, likely_preload
from hpsearch.workers import LocalLauncher, StopSignal, fusion_faults


def search(
    study: str | Path,
    *,
    runs: str | Path = "runs",
    overrides: Sequence[str] = (),
    accept_changes: bool = False,
    watch: Callable[[Event], None] = lambda _event: None,
) -> Result:
    """Run a study, or go on with it, to its end.

    Args:
        study: path of the study file.
        runs: the study's folder is made in here, by the study's name.
        overrides: as `--set`: "search.rounds=2", "space.lr.loguniform=[1e-4, 1e-2]".
        accept_changes: go on although the study or its trainer has changed.
        watch: is told of every event, in this thread.

    Returns:
        The finished study; at once, if it was finished before.

    Raises:
        StudyError, TrainerError: the study or its trainer is wrong; nothing has run.
        ChangedError: the folder was started with another study or trainer.
        LockedError: another process works on it.
        SearchFailedError: all trials of a round failed.
        InterruptedSearch: it was stopped; the same call goes on.
        RunFolderError: the folder cannot be written; what is finished is safe.
    """
    wanted = load_study(study, overrides)
    # Before there is a folder, so that a wrong study leaves none; and a Ctrl-C ends this as it ends
    # any program, for the trainer's import may hang.
    with contextlib.closing(LocalLauncher(threads=wanted.resources.threads)) as launcher:
        launcher.warm(likely_preload(wanted.trainer))
        description = inspect_study(wanted)
        launcher.warm(description.preload)
        folder = RunFolder(Path(runs) / wanted.name)
        way = LaunchRecord.here(study, runs, overrides)
        # No trial trains on when the lock is gone.
        with folder.locked(), StopSignal(folder) as stop, contextlib.closing(launcher):
            return _search(wanted, folder, way, description, launcher, stop, accept_changes, watch)


def _search(
    wanted: Study,
    folder: RunFolder,
    way: LaunchRecord,
    description: TrainerDescription,
    launcher: LocalLauncher,
    stop: StopSignal,
    accept_changes: bool,
    watch: Callable[[Event], None],
) -> Result:
    try:
        folder.settle(wanted, description, accept=accept_changes)
        write_launch_record(folder, way)
        store = StudyWriter.create_or_open(
            folder.database,
            wanted.name,
            metric=wanted.objective.metric,
            direction=wanted.objective.direction,
        )
        try:
            devices = device_slots(wanted, description.gpus)
            with following(wanted, folder, watch) as tell:
                return Controller(
                    wanted, folder, store, description, devices, launcher, stop, tell
                ).run()
        finally:
            store.close()
    except BrokenPipeError:  # of whoever reads what `watch` prints
        raise
    except OSError as error:
        raise explain_os_error(folder.path, error) from error


def inspect_study(study: Study) -> TrainerDescription:
    """What the study's trainer is and knows, once its loggers are seen to be there.

    Raises:
        TrainerError: it cannot be loaded.
        StudyError: the study has parameters that it does not know or cannot take, or wants its
            trials fused, or their weights inherited, where they cannot be; or a logger is not
            installed.
    """
    loggers.require(study)
    description = describe_in_child(study.trainer)
    faults: list[Fault] = []
    if description.known is not None:
        name = getattr(study.trainer, "name", "")
        faults += unknown_parameters(study, description.known, name)
    for name, message in structure_space_faults(description.structure, study.space).items():
        faults.append(Fault(study.source_map.location(("space", name)), f"space.{name}", message))
    if study.search.structures and not description.structure:
        message = "the trainer names no structure that trials could share; drop it"
        key = ("search", "structures")
        faults.append(Fault(study.source_map.location(key), ".".join(key), message))
    if study.search.inherit == "weights" and description.kind != "trainer":
        message = f"only a Trainer class's networks can be, and the trainer is a {description.kind}"
        key = ("search", "inherit")
        faults.append(Fault(study.source_map.location(key), ".".join(key), f"{message}; drop it"))
    faults += fusion_faults(study, description, device_slots(study, description.gpus)[0])
    if faults:
        raise StudyError(faults)
    return description


def device_slots(study: Study, gpus: int) -> tuple[str, ...]:
    """The device of each place where a trial can run."""
    wanted = study.resources
    if wanted.device == "cuda" and gpus == 0:
        raise HpsearchError(
            "resources.device is cuda, but torch finds no GPU here; set it to auto or cpu"
        )
    if wanted.device == "cpu" or gpus == 0:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        automatic = max(1, (cores or 1) // wanted.threads)
        return ("cpu",) * (automatic if wanted.parallel == "auto" else wanted.parallel)
    count = gpus * wanted.trials_per_gpu if wanted.parallel == "auto" else wanted.parallel
    return tuple(f"cuda:{i % gpus}" for i in range(count))
