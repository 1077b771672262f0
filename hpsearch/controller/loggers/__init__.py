"""Trackers that are told of a search's trials: TensorBoard's event files, MLflow's runs.

A logger makes the log of one trial agree with what the trial's folder holds, and is asked to again
whenever that has grown. So it needs no memory: what a kill or a lost server left undone is found
and added the next time. Nothing that the search rests on comes from a logger, or waits for one.
"""

import importlib
from collections.abc import Callable
from typing import Protocol

from hpsearch.controller.loggers.standing import Standing
from hpsearch.errors import Fault, StudyError
from hpsearch.storage import RunFolder
from hpsearch.study import Study, TensorboardSettings


class Logger(Protocol):
    """Writes the logs of trials, from one thread."""

    name: str  # as in the study file

    def log(self, trial: Standing, step: Callable[[], None]) -> None:
        """Make the trial's log hold what the standing does, each report once.

        Whatever it raises, it may be called with the same trial again, and then makes it right.

        Args:
            trial: as its folder has it.
            step: to be called after each thing done; raises when the time is up.
        """

    def close(self) -> None: ...


def require(study: Study) -> None:
    """See to it that the packages of the study's loggers are there.

    Raises:
        StudyError: one cannot be imported.
    """
    faults = []
    for i, logs in enumerate(study.loggers):
        try:
            importlib.import_module(f"hpsearch.controller.loggers.{logs.name}")
        except ImportError as error:
            cure = f"pip install 'hpsearch[{logs.name}]', or take it out of loggers"
            fault = f"{logs.name} cannot be imported ({error}); {cure}"
            faults.append(Fault(study.source_map.location(("loggers", i)), f"loggers[{i}]", fault))
    if faults:
        raise StudyError(faults)


def connect(study: Study, folder: RunFolder) -> list[Logger]:
    """The study's loggers; they reach for files and servers once they are told of a trial.

    Their packages are imported here and not above: a search without them needs none.
    """
    loggers: list[Logger] = []
    for logs in study.loggers:
        if isinstance(logs, TensorboardSettings):
            from hpsearch.controller.loggers.tensorboard import TensorboardLogger

            loggers.append(TensorboardLogger())
        else:
            from hpsearch.controller.loggers.mlflow import MlflowLogger

            loggers.append(MlflowLogger(study, logs, folder))
    return loggers
