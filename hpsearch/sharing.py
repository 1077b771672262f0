"""Whether the trials of a study train in groups, and what those of a group share.

That rests on the study, the kind of its trainer and the device alone and never on a stopwatch, so a
search that goes on does what it did before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hpsearch.errors import Fault
from hpsearch.groups import Shape, Structure, shape_of
from hpsearch.source import Description
from hpsearch.space import Scalar
from hpsearch.study import Study

Mode = Literal["off", "eager", "compile"]

# With several threads the sums of a large tensor are cut up otherwise than those of a small one.
_THREADS = (
    "what several threads compute on a CPU depends on who shares the loop (resources.threads is {})"
)


@dataclass(frozen=True)
class Sharing:
    """How the trials of a study train.

    Attributes:
        study: what is searched.
        mode: "off" for one process a trial.
        why_off: why it is off, where nobody has said that it shall be.
        structure: of the trainer.
        defaults: of the trainer.
    """

    study: Study
    mode: Mode
    why_off: str | None
    structure: Structure
    defaults: Mapping[str, Any]

    @classmethod
    def of(cls, study: Study, description: Description, device: str) -> "Sharing":
        """How trials train on a device, "cpu" or "cuda:0"."""
        mode: Mode = "eager" if study.fuse == "auto" else study.fuse
        why = None
        if description.kind != "trainer":
            mode = "off"
        elif study.fuse == "auto" and _has_threads(study, device):
            mode, why = "off", _THREADS.format(study.resources.threads)
        return cls(study, mode, why, description.structure, description.defaults)

    def shape_of(self, params: Mapping[str, Scalar]) -> Shape | None:
        """What a trial shares with others of its group; None if it trains unfused."""
        if self.mode == "off":
            return None
        study = self.study
        return shape_of(params, study.fixed, self.defaults, self.structure, study.space)


def faults(study: Study, description: Description, device: str) -> list[Fault]:
    """Why a study cannot have its trials fused as it says."""
    if study.fuse in ("auto", "off"):
        return []
    if description.kind != "trainer":
        message = (
            f"the trainer is a {description.kind}, of which only whole processes can be run; write "
            "off or auto, or make it a Trainer class"
        )
    elif _has_threads(study, device):
        message = _THREADS.format(study.resources.threads) + "; set that to 1, or write off or auto"
    else:
        return []
    return [Fault(study.marks.place(("fuse",)), "fuse", f"{message}, got {study.fuse}")]


def _has_threads(study: Study, device: str) -> bool:
    return device == "cpu" and study.resources.threads > 1
