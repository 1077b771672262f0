"""A pass over a tape: gradients of matrices are computed the way in which they are wanted.

Autograd gives the gradient of a matrix transposed from one rule and straight from another. Where
both come together, as behind a gradient penalty, their sum runs across one of the two and is then
copied into the order of the rows. (A B)ᵀ = Bᵀ Aᵀ, and a transposed factor costs a product nothing.
"""

from collections import Counter
from dataclasses import replace

import torch

from hpsearch.trainer.fused.graph.effects import name_of, overwrites
from hpsearch.trainer.fused.graph.trace import Call, Slot, Tape, with_names

_aten = torch.ops.aten


def lying_as_wanted(tape: Tape) -> Tape:
    """Without copies of transposed batches of matrices that can be computed transposed."""
    plan = _Plan(tape)
    names: dict[Slot, Slot] = {}
    for call in tape.calls:
        if (slot := plan.found(call)) is not None:
            names[call.outputs[0]] = slot
    calls = []
    for i, call in enumerate(tape.calls):
        calls.append(call)
        calls += plan.behind.get(i, [])
    calls = [
        with_names(call, names) for call in calls if not (call.outputs and call.outputs[0] in names)
    ]
    return replace(tape, calls=calls, outputs=[names.get(s, s) for s in tape.outputs])


class _Plan:
    """What is computed beside the tape's own calls, which are dropped where nobody reads them.

    Attributes:
        behind: new calls by the position of the call behind which they stand.
    """

    def __init__(self, tape: Tape) -> None:
        self.behind: dict[int, list[Call]] = {}
        self._tape = tape
        self._apart = overwrites(tape)
        self._made = {
            call.outputs[0]: i
            for i, call in enumerate(tape.calls)
            if call.is_single and call.outputs
        }
        self._readers = Counter(slot for call in tape.calls for slot in call.inputs)
        self._readers.update(tape.outputs)

    def found(self, call: Call) -> Slot | None:
        """What a copy of a transposed sum or product, or a transposed sum of transposed products,
        is without transposing anything; None if it is something else.
        """
        if not call.outputs or not self._tape.value(call.outputs[0]).is_contiguous():
            return None
        if name_of(call) == "aten::clone":
            source = call.args[0]
            if self._tape.value(source).is_contiguous() or not self._can(source, False):
                return None
            return self._want(source, False)
        if not _is_transposition(self._tape, call) or not self._is_of_sum(call.args[0]):
            return None
        return self._want(call.args[0], True) if self._can(call.args[0], True) else None

    def _is_of_sum(self, slot: Slot) -> bool:
        call = self._call(slot)
        return call is not None and _is_sum(self._tape, call)

    def _call(self, slot: Slot) -> Call | None:
        at = self._made.get(slot)
        return None if at is None or slot in self._apart else self._tape.calls[at]

    def _can(self, slot: Slot, is_flipped: bool) -> bool:
        call = self._call(slot)
        if call is None or self._readers[slot] != 1:
            return False
        if _is_transposition(self._tape, call):
            return self._can(call.args[0], not is_flipped)
        if name_of(call) == "aten::bmm":
            return True
        return _is_sum(self._tape, call) and all(self._can(a, is_flipped) for a in call.args)

    def _want(self, slot: Slot, is_flipped: bool) -> Slot:
        call = self._call(slot)
        assert call is not None, slot
        if _is_transposition(self._tape, call):
            return self._want(call.args[0], not is_flipped)
        at = self._made[slot]
        if name_of(call) == "aten::bmm":
            if not is_flipped:
                return slot
            a, b = call.args
            parts: tuple[Slot, ...] = self._transposed(b, at), self._transposed(a, at)
        else:
            parts = tuple(self._want(argument, is_flipped) for argument in call.args)
        value = self._tape.value(slot)
        value = value.transpose(1, 2) if is_flipped else value
        return self._new(at, replace(call, args=parts), value)

    def _transposed(self, slot: Slot, at: int) -> Slot:
        """A view; where the slot is one itself, what it is a view of."""
        call = self._call(slot)
        if call is not None and _is_transposition(self._tape, call):
            source: Slot = call.args[0]
            return source
        new = self._tape.new(self._tape.value(slot).transpose(1, 2))
        view = Call(_aten.transpose.int, (slot, 1, 2), {}, (new,), is_single=True)
        self.behind.setdefault(at, []).append(view)
        return new

    def _new(self, at: int, call: Call, value: torch.Tensor) -> Slot:
        slot = self._tape.new(value.contiguous())
        self.behind.setdefault(at, []).append(replace(call, results=(slot,)))
        return slot


def _is_transposition(tape: Tape, call: Call) -> bool:
    """Of the matrices of a batch."""
    if tape.value(call.outputs[0]).dim() != 3:
        return False
    if name_of(call) == "aten::transpose":
        return {d % 3 for d in call.args[1:]} == {1, 2}
    return name_of(call) == "aten::permute" and [d % 3 for d in call.args[1]] == [0, 2, 1]


def _is_sum(tape: Tape, call: Call) -> bool:
    """Of two batches of matrices."""
    if call.function is not _aten.add.Tensor or call.kwargs:
        return False
    shape = tape.value(call.outputs[0]).shape
    return len(shape) == 3 and all(
        isinstance(term, Slot) and tape.value(term).shape == shape for term in call.args
    )
