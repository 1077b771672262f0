"""Starts or resumes the search of a study file in its run folder."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

from hpsearch.controller.inspection import device_slots, inspect_study
from hpsearch.controller.loggers.follow import following
from hpsearch.controller.loop import Controller
from hpsearch.events import Event
from hpsearch.storage import (
    LaunchRecord,
    Result,
    RunFolder,
    StudyWriter,
    explain_os_error,
    write_launch_record,
)
from hpsearch.study import Study, TrainerDescription, load_study
from hpsearch.trainer import likely_preload
from hpsearch.workers import LocalLauncher, StopSignal


def search(
    study: str | Path,
    *,
    runs: str | Path = "runs",
    overrides: Sequence[str] = (),
    accept_changes: bool = False,
    watch: Callable[[Event], None] = lambda _event: None,
) -> Result:
    """Run or resume a study.

    Args:
        study: path of the study file.
        runs: folder of run folders; the study's is named after the study.
        overrides: as `--set`: "search.rounds=2", "space.lr.loguniform=[1e-4, 1e-2]".
        accept_changes: resume although the study or its trainer has changed.
        watch: called with every event, in this thread.

    Returns:
        The finished study; at once if it was finished before.

    Raises:
        StudyError, TrainerError: the study or its trainer is wrong; nothing has run.
        ChangedError: the run folder was started with another study or trainer.
        LockedError: another process works on the run folder.
        SearchFailedError: all trials of a round failed.
        InterruptedSearch: the search was stopped; the same call resumes it.
        RunFolderError: the folder cannot be written; finished trials are safe.
    """
    wanted = load_study(study, overrides)
    # The check comes before the run folder is made, so that a wrong study leaves no folder, and
    # before StopSignal, so that Ctrl-C ends an import of the trainer that hangs.
    with contextlib.closing(LocalLauncher(threads=wanted.resources.threads)) as launcher:
        launcher.warm(likely_preload(wanted.trainer))
        description = inspect_study(wanted)
        launcher.warm(description.preload)
        folder = RunFolder(Path(runs) / wanted.name)
        launch = LaunchRecord.here(study, runs, overrides)
        # The launcher is closed first, so that no trial runs without the lock.
        with folder.locked(), StopSignal(folder) as stop, contextlib.closing(launcher):
            return _search(
                wanted, folder, launch, description, launcher, stop, accept_changes, watch
            )


def _search(
    wanted: Study,
    folder: RunFolder,
    launch: LaunchRecord,
    description: TrainerDescription,
    launcher: LocalLauncher,
    stop: StopSignal,
    accept_changes: bool,
    watch: Callable[[Event], None],
) -> Result:
    try:
        folder.freeze(wanted, description, accept=accept_changes)
        write_launch_record(folder, launch)
        store = StudyWriter.create_or_open(
            folder.database,
            wanted.name,
            metric=wanted.objective.metric,
            direction=wanted.objective.direction,
        )
        try:
            devices = device_slots(wanted, description.gpus)
            with following(wanted, folder, watch) as notify:
                return Controller(
                    wanted, folder, store, description, devices, launcher, stop, notify
                ).run()
        finally:
            store.close()
    except BrokenPipeError:  # stdout of `watch` was closed by its reader
        raise
    except OSError as error:
        raise explain_os_error(folder.path, error) from error
