"""The section `loggers`: which trackers besides our own files are told of the trials."""

from typing import Any

from hpsearch.study import sections
from hpsearch.study.schema import MlflowLogs, TensorboardLogs
from hpsearch.study.source_map import Faults, did_you_mean

NAMES = (TensorboardLogs.name, MlflowLogs.name)
_FORMS = "[tensorboard], [mlflow], or [mlflow: {uri: ..., experiment: ...}]"


def read(raw: Any, faults: Faults) -> tuple[TensorboardLogs | MlflowLogs, ...]:
    """The loggers in the file's order; those that are wrong are faults."""
    if not isinstance(raw, list):
        faults.got(("loggers",), f"must be a list, as in {_FORMS}")
        return ()
    found: dict[str, TensorboardLogs | MlflowLogs | None] = {}
    for i, entry in enumerate(raw):
        name, settings = _split(entry)
        if name is None:
            faults.got(("loggers", i), f"must be one name, as in {_FORMS}")
        elif name not in NAMES:
            near = did_you_mean(name, NAMES)
            faults.add(("loggers", i), f"unknown logger {name} (has: {', '.join(NAMES)}){near}")
        elif name in found:
            faults.add(("loggers", i), f"{name} is there twice; keep one")
        elif name == "tensorboard":
            found[name] = TensorboardLogs()
            if settings is not None:
                faults.got(("loggers", i), "tensorboard has no settings; write [tensorboard]")
        else:
            found[name] = _mlflow({} if settings is None else settings, i, faults)
    return tuple(logger for logger in found.values() if logger is not None)


def _split(entry: Any) -> tuple[str | None, Any]:
    """Name and settings of `tensorboard` or `{mlflow: {...}}`; None where it is neither."""
    if isinstance(entry, str):
        return entry, None
    if isinstance(entry, dict) and len(entry) == 1:
        [(name, settings)] = entry.items()
        return name, {} if settings is None else settings
    return None, None


def _mlflow(settings: Any, i: int, faults: Faults) -> MlflowLogs | None:
    path = ("loggers", i, "mlflow")
    logs = sections.read(MlflowLogs, settings, path, faults)
    for key in ("uri", "experiment"):
        if logs is not None and getattr(logs, key) == "":
            faults.got((*path, key), "must be text, or be left out")
    return logs
