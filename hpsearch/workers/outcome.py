"""Computes a trial's outcome from its last report or from the exception that it raised."""

import traceback
from pathlib import Path

from hpsearch import files
from hpsearch.errors import HpsearchError, TrainerError
from hpsearch.trainer import NonfiniteError, Run, StoppedError
from hpsearch.trial import STOPPED, Folder, Outcome, Reason, Report

_PACKAGE = Path(__file__).parents[1]


def conclude(
    folder: Folder,
    objective: str,
    run: Run | None,
    error: BaseException | None,
    *,
    seconds: float,
    output: Path,
) -> None:
    """Write the outcome of a trial that has ended.

    Args:
        run: its reports; None if it did not begin.
        error: the exception, whose traceback goes to the trial's log; None after a full training.
        output: the log to which this process writes.

    Raises:
        OSError: the disk failed, so that the trial gets no outcome.
    """
    if run is not None:
        run.sync()
    if error is None:
        assert run is not None
        try:
            folder.write_outcome(_success(run, objective, seconds))
            return
        except HpsearchError as without_value:
            error = without_value
    if (fault := files.disk_fault(error, folder.path)) is not None:
        raise fault from error
    _log_traceback(error, folder, output)
    folder.write_outcome(failure(folder, *reason_of(error), seconds=seconds))


def _success(run: Run, objective: str, seconds: float) -> Outcome:
    """The outcome of a trial that was trained to its end.

    Raises:
        TrainerError: it did not report the objective.
        NonfiniteError: the last value of the objective is NaN or infinite.
    """
    last = run.last
    if last is None or objective not in last.metrics:
        names = ", ".join(last.metrics) if last else "nothing"
        raise TrainerError(
            f"the trainer ended without reporting the objective {objective!r} "
            f"(its last report has: {names})"
        )
    if last.metrics[objective] is None:
        raise NonfiniteError(f"{objective} is not finite at step {last.step}")
    return Outcome(
        state="complete",
        value=last.metrics[objective],
        metrics=last.metrics,
        reason=run.collapsed_as if run.collapsed else None,
        message=run.collapsed or "",
        seconds=round(seconds, 3),
        steps=last.step,
        provenance=dict(run.provenance),
    )


def _log_traceback(error: BaseException, folder: Folder, output: Path) -> None:
    """Write the traceback to the trial's own log; a group shares the output of its first trial."""
    if folder.log == output:
        traceback.print_exception(error)
        return
    with folder.log.open("a", encoding="utf-8") as log:
        traceback.print_exception(error, file=log)


def failure(folder: Folder, reason: Reason, message: str, *, seconds: float = 0.0) -> Outcome:
    """The outcome of a trial that failed, with its last report."""
    reports = folder.read_reports()
    last = reports[-1] if reports else Report(0, {}, 0.0)
    return Outcome("fail", None, last.metrics, reason, message, round(seconds, 3), last.step)


def reason_of(error: BaseException) -> tuple[Reason, str]:
    """Reason and message of a failure; the message ends with the trainer's line."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, NonfiniteError):
        return "nonfinite", str(error)
    if isinstance(error, StoppedError):
        return "killed", STOPPED
    if isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__:
        return "out_of_memory", text
    # PyTorch's CPU allocator raises a plain RuntimeError.
    if isinstance(error, RuntimeError) and "can't allocate memory" in text:
        return "out_of_memory", text
    frames = traceback.extract_tb(error.__traceback__)
    trainer_frames = [f for f in frames if not Path(f.filename).is_relative_to(_PACKAGE)]
    if trainer_frames:
        text += f" ({Path(trainer_frames[-1].filename).name}:{trainer_frames[-1].lineno})"
    return "error", text
