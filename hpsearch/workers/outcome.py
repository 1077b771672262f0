"""What came of a trial: its outcome from the last report, or from what it raised."""

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
        folder: of the trial.
        objective: the metric that becomes its value.
        run: what it reported; None if it did not begin.
        error: what it raised, whose traceback goes to its log; None if it was trained to its end.
        seconds: how long it took.
        output: the log that this process writes.

    Raises:
        OSError: of the disk, for which no trial is to blame.
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
    _show(error, folder, output)
    folder.write_outcome(failure(folder, *reason_of(error), seconds=seconds))


def _success(run: Run, objective: str, seconds: float) -> Outcome:
    """The outcome of a trial that was trained to its end.

    Raises:
        TrainerError: it has not reported the objective.
        NonfiniteError: its last value is NaN or infinite.
    """
    last = run.last
    if last is None or objective not in last.metrics:
        said = ", ".join(last.metrics) if last else "nothing"
        raise TrainerError(
            f"the trainer ended without reporting the objective {objective!r} "
            f"(its last report has: {said})"
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


def _show(error: BaseException, folder: Folder, output: Path) -> None:
    """The traceback, in the trial's own log; those of a group share the output of the first."""
    if folder.log == output:
        traceback.print_exception(error)
        return
    with folder.log.open("a", encoding="utf-8") as log:
        traceback.print_exception(error, file=log)


def failure(folder: Folder, reason: Reason, message: str, *, seconds: float = 0.0) -> Outcome:
    """The outcome of a trial that failed; its last report is kept."""
    reports = folder.read_reports()
    last = reports[-1] if reports else Report(0, {}, 0.0)
    return Outcome("fail", None, last.metrics, reason, message, round(seconds, 3), last.step)


def reason_of(error: BaseException) -> tuple[Reason, str]:
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
    theirs = [f for f in frames if not Path(f.filename).is_relative_to(_PACKAGE)]
    if theirs:
        text += f" ({Path(theirs[-1].filename).name}:{theirs[-1].lineno})"
    return "error", text
