"""Checks of a study before it runs: its trainer, its faults and its device slots."""

import os

from hpsearch.controller import loggers
from hpsearch.errors import Fault, HpsearchError, StudyError
from hpsearch.method import structure_space_faults
from hpsearch.study import Study, TrainerDescription, unknown_parameters
from hpsearch.trainer import describe_in_child
from hpsearch.workers import fusion_faults


def inspect_study(study: Study) -> TrainerDescription:
    """Describe the study's trainer, and check the study against it.

    Raises:
        TrainerError: the trainer cannot be loaded.
        StudyError: the trainer does not take some parameters, trials cannot be fused or inherit
            weights as the study says, or a logger is not installed.
    """
    loggers.require(study)
    description = describe_in_child(study.trainer)
    faults: list[Fault] = []
    if description.known is not None:
        name = getattr(study.trainer, "name", "")
        faults += unknown_parameters(study, description.known, name)
    for name, message in structure_space_faults(description.structure, study.space).items():
        faults.append(Fault(study.source_map.location(("space", name)), f"space.{name}", message))
    if study.search.structures and not description.structure:
        message = "the trainer names no structure that trials could share; drop it"
        key = ("search", "structures")
        faults.append(Fault(study.source_map.location(key), ".".join(key), message))
    if study.search.inherit == "weights" and description.kind != "trainer":
        message = f"only a Trainer class's networks can be, and the trainer is a {description.kind}"
        key = ("search", "inherit")
        faults.append(Fault(study.source_map.location(key), ".".join(key), f"{message}; drop it"))
    faults += fusion_faults(study, description, device_slots(study, description.gpus)[0])
    if faults:
        raise StudyError(faults)
    return description


def device_slots(study: Study, gpus: int) -> tuple[str, ...]:
    """The device of each slot in which a trial, or a fused group, can run."""
    wanted = study.resources
    if wanted.device == "cuda" and gpus == 0:
        raise HpsearchError(
            "resources.device is cuda, but torch finds no GPU here; set it to auto or cpu"
        )
    if wanted.device == "cpu" or gpus == 0:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        automatic = max(1, (cores or 1) // wanted.threads)
        return ("cpu",) * (automatic if wanted.parallel == "auto" else wanted.parallel)
    count = gpus * wanted.trials_per_gpu if wanted.parallel == "auto" else wanted.parallel
    return tuple(f"cuda:{i % gpus}" for i in range(count))
