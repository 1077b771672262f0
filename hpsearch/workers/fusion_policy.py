"""Decides whether the trials of a study are fused into groups, and how large a group may be.

The decision depends on the study, the kind of its trainer and the device, never on measured times,
so a resumed search decides as before.
"""

from collections.abc import Mapping
from typing import Literal

from hpsearch.errors import Fault
from hpsearch.method import Shape, shape_of
from hpsearch.space import Scalar
from hpsearch.study import Study, TrainerDescription

# A step of more members leaves the core's cache and takes longer per member: a small MLP takes
# 250 µs alone, 60 in a group of 25 and 60 in a group of 100, a wider one 790, 350 and 540.
_LARGEST_ON_CPU = 32
Mode = Literal["off", "eager", "compile"]

# With several threads, the order of summation depends on the size of the tensor.
_THREADS = (
    "with several threads on a CPU, results depend on the group size (resources.threads is {})"
)


def fusion_mode(
    study: Study, description: TrainerDescription, device: str
) -> tuple[Mode, str | None]:
    """How the trials of a study train on a device, "cpu" or "cuda:0".

    Returns:
        The mode, "off" for one process per trial; and why it is off if the study did not say so.
    """
    if description.kind != "trainer":
        return "off", None
    if study.fuse != "auto":
        return study.fuse, None
    if _has_threads(study, device):
        return "off", _THREADS.format(study.resources.threads)
    return "eager", None


def max_group_size(study: Study, device: str) -> int | None:
    """Largest number of trials in a group; None for any number."""
    requested = study.resources.trials_per_group
    if requested != "auto":
        return requested
    return _LARGEST_ON_CPU if device == "cpu" else None


def group_shape(
    study: Study, description: TrainerDescription, params: Mapping[str, Scalar]
) -> Shape:
    return shape_of(params, study.fixed, description.defaults, description.structure, study.space)


def fusion_faults(study: Study, description: TrainerDescription, device: str) -> list[Fault]:
    """Why the study's `fuse` is impossible; empty if it is possible."""
    if study.fuse in ("auto", "off"):
        return []
    if description.kind != "trainer":
        message = (
            f"the trainer is a {description.kind}, whose trials cannot be fused; write off or "
            "auto, or make it a Trainer class"
        )
    elif _has_threads(study, device):
        message = _THREADS.format(study.resources.threads) + "; set that to 1, or write off or auto"
    else:
        return []
    return [Fault(study.source_map.location(("fuse",)), "fuse", f"{message}, got {study.fuse}")]


def _has_threads(study: Study, device: str) -> bool:
    return device == "cpu" and study.resources.threads > 1
