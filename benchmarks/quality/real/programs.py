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
from hpsearch.trainer.fused.graph.tracer import StepInputs, Tracer
from hpsearch.trainer.fused.stack import Field


@dataclass(frozen=True)
class Remembering(Tracer):
    """A tracer that traces nothing twice; its keys hold all that a trace depends on."""

    known: ClassVar[dict[Any, Any]] = {}

    def trace_step(
        self, phase: str, inputs: StepInputs, fields: Sequence[Field], members: int | None
    ) -> Program:
        key = (phase, repr(fields), self._key(inputs, members))
        if key not in self.known:
            self.known[key] = super().trace_step(phase, inputs, fields, members)
        found: Program = self.known[key]
        return found

    def trace_outputs(self, inputs: StepInputs, members: int | None) -> tuple[Program, list[str]]:
        key = ("", tuple(self.nets), self._key(inputs, members))
        if key not in self.known:
            self.known[key] = super().trace_outputs(inputs, members)
        found: tuple[Program, list[str]] = self.known[key]
        return found

    def _key(self, inputs: StepInputs, members: int | None) -> Any:
        places = tuple((t.shape, t.stride(), t.dtype, str(t.device)) for t in inputs.tensors)
        told = repr(sorted(self.plain.items())), repr(sorted(self.choices.items()))
        names = tuple(tuple(part) for part in (inputs.batch, inputs.numbers))
        return type(self.trainer), members, self.is_exact, told, names, places


@contextlib.contextmanager
def remembered() -> Iterator[None]:
    """Groups that are made inside the block share their recordings."""
    plain, engine.Tracer = engine.Tracer, Remembering  # type: ignore[misc]
    try:
        yield
    finally:
        engine.Tracer = plain  # type: ignore[misc]
