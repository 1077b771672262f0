"""Whether the trials of a study train in groups, and what those of a group share.

That rests on the study, the kind of its trainer and the device alone and never on a stopwatch, so a
search that goes on does what it did before.
"""

from collections.abc import Mapping
from typing import Literal

from hpsearch.errors import Fault
from hpsearch.method import Shape, shape_of
from hpsearch.space import Scalar
from hpsearch.study import Study, TrainerDescription

# A step of more than about so many no longer stays in a core's cache and takes longer for each: a
# small MLP takes 250 µs alone, 60 among 25 and 60 among 100, a wider one 790, 350 and 540.
_LARGEST_ON_CPU = 32
Mode = Literal["off", "eager", "compile"]

# With several threads the sums of a large tensor are cut up otherwise than those of a small one.
_THREADS = (
    "what several threads compute on a CPU depends on who shares the loop (resources.threads is {})"
)


def fusion_mode(
    study: Study, description: TrainerDescription, device: str
) -> tuple[Mode, str | None]:
    """How the trials of a study train on a device, "cpu" or "cuda:0".

    Returns:
        "off" for one process a trial; and why that is so, where nobody has asked for it.
    """
    if description.kind != "trainer":
        return "off", None
    if study.fuse != "auto":
        return study.fuse, None
    if _has_threads(study, device):
        return "off", _THREADS.format(study.resources.threads)
    return "eager", None


def max_group_size(study: Study, device: str) -> int | None:
    """How many trials may share a loop; None for any number."""
    wish = study.resources.trials_per_group
    if wish != "auto":
        return wish
    return _LARGEST_ON_CPU if device == "cpu" else None


def group_shape(
    study: Study, description: TrainerDescription, params: Mapping[str, Scalar]
) -> Shape:
    """What a trial shares with others of its group."""
    return shape_of(params, study.fixed, description.defaults, description.structure, study.space)


def fusion_faults(study: Study, description: TrainerDescription, device: str) -> list[Fault]:
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
    return [Fault(study.source_map.location(("fuse",)), "fuse", f"{message}, got {study.fuse}")]


def _has_threads(study: Study, device: str) -> bool:
    return device == "cpu" and study.resources.threads > 1
