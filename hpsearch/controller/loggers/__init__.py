"""Loggers of trials: TensorBoard's event files and MLflow's runs.

A logger makes a trial's log agree with the trial's folder, and is called again whenever the folder
has grown. It needs no memory between sessions: what a kill or a lost server left out is found and
added at the next call. The search uses nothing that a logger makes and waits for no logger.
"""

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from hpsearch.errors import Fault, StudyError
from hpsearch.storage import RunFolder
from hpsearch.study import Study, TensorboardSettings

if TYPE_CHECKING:
    from hpsearch.controller.loggers.trial_snapshot import TrialSnapshot


class Logger(Protocol):
    """Writes the logs of trials, from one thread."""

    name: str  # as in the study file

    def log(self, trial: "TrialSnapshot", step: Callable[[], None]) -> None:
        """Make the trial's log hold what the snapshot holds, each report once.

        After any exception the next call with the same trial repairs the log.

        Args:
            trial: to log.
            step: called after each request or write; raises when the time is up.
        """

    def close(self) -> None: ...


def require(study: Study) -> None:
    """Check that the packages of the study's loggers can be imported.

    Raises:
        StudyError: one cannot.
    """
    faults = []
    for i, settings in enumerate(study.loggers):
        name = settings.name
        try:
            importlib.import_module(f"hpsearch.controller.loggers.{name}")
        except ImportError as error:
            cure = f"pip install 'hpsearch[{name}]', or take it out of loggers"
            message = f"{name} cannot be imported ({error}); {cure}"
            faults.append(
                Fault(study.source_map.location(("loggers", i)), f"loggers[{i}]", message)
            )
    if faults:
        raise StudyError(faults)


def connect(study: Study, folder: RunFolder) -> list[Logger]:
    """The study's loggers; they open files and connections at their first trial.

    Their packages are imported here, so that a search without loggers needs none.
    """
    loggers: list[Logger] = []
    for settings in study.loggers:
        if isinstance(settings, TensorboardSettings):
            from hpsearch.controller.loggers.tensorboard import TensorboardLogger

            loggers.append(TensorboardLogger())
        else:
            from hpsearch.controller.loggers.mlflow import MlflowLogger

            loggers.append(MlflowLogger(study, settings, folder))
    return loggers
