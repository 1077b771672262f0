"""A trial as its trainer sees it: hyperparameters, seed, budget, reports and checkpoints.

def train(run: Run) -> None:
    model, step = build(run.hp), 0
    if state := run.load():
        model.load_state_dict(state["model"]); step = state["step"]
    while step < run.budget:
        ...
        run.report(step, val_loss=loss)
        run.save({"model": model.state_dict(), "step": step})
"""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hpsearch import files
from hpsearch.errors import HpsearchError, RunFolderError, TrainerError
from hpsearch.trial import Broken, Folder, Report, Spec

if TYPE_CHECKING:
    import numpy as np

T = TypeVar("T")


class NonfiniteError(HpsearchError):
    """The objective became NaN or infinite; trying again does not help."""


class ReportError(HpsearchError):
    """A report is malformed; trying again does not help, the trainer must be fixed."""


class StoppedError(HpsearchError):
    """A user stopped this trial; it counts as killed and is not run again."""


class HP(Mapping[str, Any]):
    """A trial's hyperparameters, as `hp.lr` or `hp["lr"]`; inactive ones are absent."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(
                f"this trial has no hyperparameter {name!r} (has: {', '.join(self._values)}); "
                f"give it under space: or fixed:, or ask hp.get({name!r}, default) if it is "
                "conditional"
            ) from None

    def pick(self, name: str, of: Mapping[str, Callable[[], T]]) -> T:
        """The result for this trial's choice of a hyperparameter: `of[hp[name]]()`.

        In a fused group, whose trials may differ in the choice, all entries are evaluated and each
        trial takes its own, so every entry must give tensors of one shape.

        hp.pick("loss", {"hinge": lambda: hinge(logits), "wgan": lambda: logits.mean()})
        """
        choice = self[name]
        if choice not in of:
            raise TrainerError(f"hp.pick({name!r}): no entry for {choice!r} (has: {', '.join(of)})")
        return of[choice]()

    def among(self, name: str, *choices: str) -> bool:
        """Whether this trial's choice is one of these, as a plain bool for an `if`.

        In a fused group all possible choices must give the same answer: name them `Alike` in the
        trainer's structure.

        Raises:
            TrainerError: the trials of a group may differ in the answer.
        """
        return self[name] in choices

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"HP({', '.join(f'{k}={v!r}' for k, v in self._values.items())})"


class Run:
    """One trial, as its trainer sees it.

    Attributes:
        seed: the trial's seed; all randomness must derive from it, or a resumed trial differs.
        budget: the step at which to stop, including the steps of a continued parent.
        report_every: the study's interval between reports, in steps.
        device: "cpu" or "cuda:0".
        role: "draw", "continue" (of a survivor, from its checkpoint), "confirm" or "rerun".
    """

    def __init__(
        self,
        spec: Spec,
        folder: Folder,
        *,
        hp: Mapping[str, Any],
        objective: str,
        report_every: int,
    ) -> None:
        self.hp = HP(hp)
        self.seed = spec.seed
        self.budget = spec.budget
        self.report_every = report_every
        self.device = spec.device
        self.role = spec.role
        self.folder = folder
        self._weights_of = spec.weights_of
        self._objective = objective
        self._started = time.monotonic()
        self.last: Report | None = None
        self.rewind(math.inf)
        self._unsynced: list[Path] = []  # images
        self.collapsed: str | None = None
        self.collapsed_as: Broken = "collapsed"
        self.provenance: dict[str, str | int] = {}

    def add_defaults(self, defaults: Mapping[str, Any]) -> None:
        """Add the trainer's defaults for hyperparameters that the study does not set."""
        self.hp = HP({**defaults, **self.hp})

    def report(self, step: int, **metrics: float) -> None:
        """Record metrics at a step; the last report must contain the objective.

        A step that is not after the last reported one first removes the reports from that step on:
        a resumed trial repeats the reports after its checkpoint.

        Raises:
            NonfiniteError: the objective is NaN or infinite; do not catch it, it ends the trial.
            ReportError: the step is not an integer or a metric not a number.
        """
        if isinstance(step, bool) or not hasattr(step, "__index__"):
            raise ReportError(f"run.report: step must be a whole number, got {step!r}")
        step = step.__index__()
        record: dict[str, float | None] = {}
        for name, value in metrics.items():
            try:
                number = float(value)
            except (TypeError, ValueError):
                raise ReportError(f"run.report: {name} must be a number, got {value!r}") from None
            record[name] = number if math.isfinite(number) else None
        if self.last is not None and step <= self.last.step:
            self.rewind(step - 1)
        self.last = Report(step, record, round(time.monotonic() - self._started, 3))
        with self.folder.reports.open("ab") as file:
            file.write(_line(self.last).encode())
        if record.get(self._objective, 0.0) is None:
            raise NonfiniteError(
                f"{self._objective} is {float(metrics[self._objective])} at step {step}"
            )

    def save(self, state: Mapping[str, Any]) -> None:
        """Write a checkpoint of state_dicts, tensors, arrays, numbers and strings.

        Earlier reports reach the disk first, so that a checkpoint is never ahead of them.

        Raises:
            TypeError: `load` could not read a value; the former checkpoint stays.
        """
        from hpsearch.trainer.checkpoint_state import save_state

        self.sync()
        with files.replacing(self.folder.checkpoint) as file:
            save_state(state, file)

    def load(self) -> dict[str, Any] | None:
        """The last checkpoint (at first a continued parent's) on the CPU; None at a new start."""
        return _load(self.folder.checkpoint) if self.folder.checkpoint.exists() else None

    def inherited(self) -> dict[str, Any] | None:
        """The checkpoint from whose weights this trial starts, on the CPU.

        None if the trial starts from new weights, or has a checkpoint of its own.

        Raises:
            RunFolderError: the checkpoint is missing.
        """
        if self._weights_of is None or self.folder.checkpoint.exists():
            return None
        if not self.folder.inherited.exists():
            raise RunFolderError(
                f"{self.folder.inherited}: missing; it is the checkpoint of trial "
                f"{self._weights_of}, from whose weights this one starts"
            )
        return _load(self.folder.inherited)

    def image(self, name: str, array: "np.ndarray[Any, Any]") -> Path:
        """Write an image as artifacts/<name>.png and return its path.

        Args:
            name: letters, digits, "-", "_" and "."; include the step, as in "samples-001000".
            array: [height, width] or [height, width, 3], uint8, or floats in [0, 1].

        Raises:
            ReportError: the name or the array's shape is wrong.
        """
        import numpy as np
        from PIL import Image

        if not name or name.startswith(".") or not all(c.isalnum() or c in "-_." for c in name):
            raise ReportError(
                f"run.image: name must be letters, digits, '-', '_', '.', got {name!r}"
            )
        pixels = np.asarray(array)
        if pixels.ndim != 2 and (pixels.ndim != 3 or pixels.shape[2] != 3):
            raise ReportError(
                f"run.image: expected [height, width] or [height, width, 3], got {pixels.shape}"
            )
        if pixels.dtype != np.uint8:
            pixels = (np.clip(np.nan_to_num(pixels), 0, 1) * 255 + 0.5).astype(np.uint8)
        self.folder.artifacts.mkdir(exist_ok=True)
        path = self.folder.artifacts / f"{name}.png"
        self._unsynced.append(path)
        with files.replacing(path, is_synced=False) as file:
            # Level 1 takes a third of the time of the default 6, for 10 % more bytes.
            Image.fromarray(pixels).save(file, format="png", compress_level=1)
        return path

    def sync(self) -> None:
        """Flush earlier reports and images to the disk, so that they survive a power failure."""
        files.sync(self.folder.reports)
        for path in self._unsynced:
            files.sync(path)
        if self._unsynced:
            files.sync_folder(self.folder.artifacts)
        self._unsynced.clear()

    @property
    def stopping(self) -> bool:
        """Whether a user has asked to stop this trial while the others of its group go on."""
        return self.folder.stop.exists()

    def collapse(self, why: str, how: Broken = "collapsed") -> None:
        """Mark the trial as collapsed, or its discriminator as saturated; its value counts."""
        self.collapsed = why
        self.collapsed_as = how

    def rewind(self, step: float) -> None:
        """Remove the reports after `step`, and what is no report, such as a torn last line."""
        reports = [report for report in self.folder.read_reports() if report.step <= step]
        self.last = reports[-1] if reports else None
        path, text = self.folder.reports, "".join(map(_line, reports))
        if path.exists() and path.read_text(errors="replace") != text:
            files.write_text(path, text)


def _line(report: Report) -> str:
    record = {"step": report.step, "metrics": dict(report.metrics), "seconds": report.seconds}
    return json.dumps(record) + "\n"


def _load(path: Path) -> dict[str, Any]:
    from hpsearch.trainer.checkpoint_state import load_state

    return load_state(path)
