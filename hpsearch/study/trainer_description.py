"""What a study's trainer is made of and what it knows, as found out by importing it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hpsearch.method import Structure, structure_from_record


@dataclass(frozen=True)
class TrainerDescription:
    """What a child process found out about a trainer.

    Attributes:
        kind: a class that describes one trial, a function that trains one, or a command.
        known: names of its hyperparameters; None when it takes any.
        files: its sources, paths relative to `folder`, with their sha256.
        folder: where the sources lie.
        preload: modules that it imported, for the process that trials are forked from.
        gpus: CUDA devices that its torch can use.
        versions: of the packages that numbers depend on.
        defaults: a class's own values of its hyperparameters; those that are no JSON are left out.
        structure: of a class, the hyperparameters in which trials that train as one must agree.
    """

    kind: Literal["trainer", "function", "command"]
    known: list[str] | None
    folder: str
    files: Mapping[str, str]
    preload: list[str]
    gpus: int
    versions: Mapping[str, str]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    structure: Structure = ()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(json.dumps(sorted(self.files.items())).encode()).hexdigest()

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "TrainerDescription":
        return cls(**{**record, "structure": structure_from_record(record["structure"])})
