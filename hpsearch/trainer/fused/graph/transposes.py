"""A pass that computes matrix gradients in the memory layout in which they are read.

Some of autograd's formulas give the gradient of a matrix transposed. Where transposed and
untransposed gradients are added, as for a gradient penalty, the sum is strided and must be copied
to the layout of the parameters. The pass uses (A B)ᵀ = Bᵀ Aᵀ; a transposed factor of a matrix
product is free.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import torch

from hpsearch.trainer.fused.graph.effects import mutated_slots, op_name
from hpsearch.trainer.fused.graph.trace import Call, Slot, Trace, rewrite

_aten = torch.ops.aten


def remove_transposes(trace: Trace) -> Trace:
    """Replace copies of transposed batches of matrices by a computation of the transpose."""
    plan = _Plan(trace)
    replacements: dict[Slot, Slot] = {}
    for call in trace.calls:
        if (slot := plan.replacement(call)) is not None:
            replacements[call.outputs[0]] = slot
    calls = []
    for i, call in enumerate(trace.calls):
        calls += [call, *plan.inserted.get(i, [])]

    def visit(call: Call) -> Call | Sequence[Slot]:
        slot = replacements.get(call.outputs[0]) if call.outputs else None
        return call if slot is None else [slot]

    return rewrite(replace(trace, calls=calls), visit)


class _Plan:
    """Calls to insert, which compute transposes; dead code elimination removes the originals.

    Attributes:
        inserted: new calls, by the index of the call that they follow.
    """

    def __init__(self, trace: Trace) -> None:
        self.inserted: dict[int, list[Call]] = {}
        self._trace = trace
        self._mutated = mutated_slots(trace)
        self._producers = {
            call.outputs[0]: i
            for i, call in enumerate(trace.calls)
            if call.is_single and call.outputs
        }
        self._readers = Counter(slot for call in trace.calls for slot in call.inputs)
        self._readers.update(trace.outputs)

    def replacement(self, call: Call) -> Slot | None:
        """A slot with the call's value that is computed without a copy; None if there is none.

        The call is a copy of a transposed sum or product, or transposes a sum of products.
        """
        if not call.outputs or not self._trace.value(call.outputs[0]).is_contiguous():
            return None
        if op_name(call) == "aten::clone":
            source = call.args[0]
            if self._trace.value(source).is_contiguous() or not self._can_compute(source, False):
                return None
            return self._compute(source, False)
        if not _is_transposition(self._trace, call) or not self._is_of_sum(call.args[0]):
            return None
        return self._compute(call.args[0], True) if self._can_compute(call.args[0], True) else None

    def _is_of_sum(self, slot: Slot) -> bool:
        call = self._call(slot)
        return call is not None and _is_sum(self._trace, call)

    def _call(self, slot: Slot) -> Call | None:
        index = self._producers.get(slot)
        return None if index is None or slot in self._mutated else self._trace.calls[index]

    def _can_compute(self, slot: Slot, is_transposed: bool) -> bool:
        call = self._call(slot)
        if call is None or self._readers[slot] != 1:
            return False
        if _is_transposition(self._trace, call):
            return self._can_compute(call.args[0], not is_transposed)
        if op_name(call) == "aten::bmm":
            return True
        return _is_sum(self._trace, call) and all(
            self._can_compute(a, is_transposed) for a in call.args
        )

    def _compute(self, slot: Slot, is_transposed: bool) -> Slot:
        call = self._call(slot)
        assert call is not None, slot
        if _is_transposition(self._trace, call):
            return self._compute(call.args[0], not is_transposed)
        index = self._producers[slot]
        if op_name(call) == "aten::bmm":
            if not is_transposed:
                return slot
            a, b = call.args
            parts: tuple[Slot, ...] = self._transposed(b, index), self._transposed(a, index)
        else:
            parts = tuple(self._compute(argument, is_transposed) for argument in call.args)
        value = self._trace.value(slot)
        value = value.transpose(1, 2) if is_transposed else value
        return self._insert(index, replace(call, args=parts), value)

    def _transposed(self, slot: Slot, index: int) -> Slot:
        """The transpose of a slot as a view; the source if the slot is itself a transpose."""
        call = self._call(slot)
        if call is not None and _is_transposition(self._trace, call):
            source: Slot = call.args[0]
            return source
        new = self._trace.new(self._trace.value(slot).transpose(1, 2))
        view = Call(_aten.transpose.int, (slot, 1, 2), {}, (new,), is_single=True)
        self.inserted.setdefault(index, []).append(view)
        return new

    def _insert(self, index: int, call: Call, value: torch.Tensor) -> Slot:
        slot = self._trace.new(value.contiguous())
        self.inserted.setdefault(index, []).append(replace(call, results=(slot,)))
        return slot


def _is_transposition(trace: Trace, call: Call) -> bool:
    """Whether a call transposes the matrices of a batch."""
    if trace.value(call.outputs[0]).dim() != 3:
        return False
    if op_name(call) == "aten::transpose":
        return {d % 3 for d in call.args[1:]} == {1, 2}
    return op_name(call) == "aten::permute" and [d % 3 for d in call.args[1]] == [0, 2, 1]


def _is_sum(trace: Trace, call: Call) -> bool:
    if call.function is not _aten.add.Tensor or call.kwargs:
        return False
    shape = trace.value(call.outputs[0]).shape
    return len(shape) == 3 and all(
        isinstance(term, Slot) and trace.value(term).shape == shape for term in call.args
    )
