"""A trainer's sources and hyperparameters, found by importing it in a child process."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hpsearch.method import Structure, structure_from_record


@dataclass(frozen=True)
class TrainerDescription:
    """A trainer's sources, hyperparameters and environment.

    Attributes:
        kind: a class that describes one trial, a function that trains one, or a command.
        known: names of its hyperparameters; None if it takes any.
        folder: absolute path that `files` are relative to.
        files: sha256 of each source file.
        preload: modules that the fork server of its trials imports.
        versions: of the packages that results depend on.
        defaults: default values of a class's hyperparameters that JSON can hold.
        structure: hyperparameters that must be equal within a fused group; empty for a function
            and a command.
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
        """Of all source files and their names."""
        return hashlib.sha256(json.dumps(sorted(self.files.items())).encode()).hexdigest()

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "TrainerDescription":
        return cls(**{**record, "structure": structure_from_record(record["structure"])})
