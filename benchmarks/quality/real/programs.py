"""Recorded steps that serve every later group of the same form.

A group of trials records its steps when it is made, which takes as long as some hundred steps. A
comparison makes thousands of short groups, most of them of a form that it has had before.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from hpsearch.trainer.fused import engine
from hpsearch.trainer.fused.graph.program import Program
from hpsearch.trainer.fused.graph.recording import Material, Script
from hpsearch.trainer.fused.stack import Field


@dataclass(frozen=True)
class Remembering(Script):
    """A script that records nothing twice; all that a recording depends on is in its key."""

    known: ClassVar[dict[Any, Any]] = {}

    def step(
        self, phase: str, material: Material, fields: Sequence[Field], members: int | None
    ) -> Program:
        key = (phase, repr(fields), self._key(material, members))
        if key not in self.known:
            self.known[key] = super().step(phase, material, fields, members)
        found: Program = self.known[key]
        return found

    def outputs(self, material: Material, members: int | None) -> tuple[Program, list[str]]:
        key = ("", tuple(self.nets), self._key(material, members))
        if key not in self.known:
            self.known[key] = super().outputs(material, members)
        found: tuple[Program, list[str]] = self.known[key]
        return found

    def _key(self, material: Material, members: int | None) -> Any:
        places = tuple((t.shape, t.stride(), t.dtype, str(t.device)) for t in material.tensors)
        told = repr(sorted(self.plain.items())), repr(sorted(self.choices.items()))
        names = tuple(tuple(part) for part in (material.batch, material.numbers))
        return type(self.trainer), members, self.is_exact, told, names, places


@contextlib.contextmanager
def remembered() -> Iterator[None]:
    """Groups that are made inside the block share their recordings."""
    plain, engine.Script = engine.Script, Remembering  # type: ignore[misc]
    try:
        yield
    finally:
        engine.Script = plain  # type: ignore[misc]
