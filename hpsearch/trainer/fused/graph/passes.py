"""Optimization passes over a trace: less work for the same results."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from hpsearch.trainer.fused.graph.batch_invariance import (
    batch_products,
    make_reductions_contiguous,
    pad_to_vectors,
)
from hpsearch.trainer.fused.graph.dead_gradients import remove_zeros
from hpsearch.trainer.fused.graph.effects import mutated_slots, op_name, written_slots
from hpsearch.trainer.fused.graph.softmax import vectorize_softmax
from hpsearch.trainer.fused.graph.trace import Call, Slot, Trace, rewrite
from hpsearch.trainer.fused.graph.transposes import remove_transposes

_aten = torch.ops.aten

_IDENTITIES = {"aten::detach", "aten::alias", "aten::lift_fresh"}
_IDENTITIES_IF_SAME_LAYOUT = {"aten::view", "aten::_unsafe_view", "aten::expand", "aten::reshape"}


def optimize(trace: Trace, members: int | None) -> Trace:
    """Run all passes over a trace; those for batch invariance only if `members` is given.

    It is the size of the stack's first dimension.
    """
    trace = remove_zeros(remove_copies(trace))
    trace = fuse_additions(eliminate_dead_code(remove_transposes(trace)))
    if members is not None:
        trace = pad_to_vectors(
            make_reductions_contiguous(batch_products(vectorize_softmax(trace), members)), members
        )
    return eliminate_dead_code(eliminate_common_subexpressions(trace))


def remove_copies(trace: Trace) -> Trace:
    """Remove operations that return their input unchanged."""
    mutated = mutated_slots(trace)

    def visit(call: Call) -> Call | Sequence[Slot]:
        source = _unchanged_input(trace, call)
        if source is None or mutated & {source, *call.outputs}:
            return call
        return [source] if _has_same_views(trace, source, call.outputs[0]) else call

    return rewrite(trace, visit)


def _has_same_views(trace: Trace, source: Slot, copy: Slot) -> bool:
    """Whether every view of the copy can be taken of its source."""
    if trace.value(source).stride() == trace.value(copy).stride():
        return True
    readers = [call for call in trace.calls if copy in call.inputs]
    for call in readers:
        if op_name(call) in ("aten::view", "aten::_unsafe_view"):
            try:
                trace.value(source).view(trace.value(call.outputs[0]).shape)
            except RuntimeError:
                return False
    return True


def _unchanged_input(trace: Trace, call: Call) -> Slot | None:
    """The input that equals the call's result; None if there is none."""
    name = op_name(call)
    if not call.args or not isinstance(call.args[0], Slot) or len(call.outputs) != 1:
        return None
    source, result = trace.value(call.args[0]), trace.value(call.outputs[0])
    is_same_type = source.shape == result.shape and source.dtype == result.dtype
    if name in _IDENTITIES or (
        name in _IDENTITIES_IF_SAME_LAYOUT and is_same_type and source.stride() == result.stride()
    ):
        return call.args[0]
    if name in ("aten::mul", "aten::pow") and len(call.args) > 1 and is_same_type:
        number = call.args[1]
        if isinstance(number, int | float) and number == 1:
            return call.args[0]
    return None


def eliminate_common_subexpressions(trace: Trace) -> Trace:
    """Compute each operation on the same operands once."""
    mutated = mutated_slots(trace)
    seen: dict[str, list[Slot]] = {}

    def visit(call: Call) -> Call | Sequence[Slot]:
        if mutated & {*call.inputs, *call.outputs}:
            return call
        key = repr((str(call.function), id(call.function), call.args, sorted(call.kwargs.items())))
        if key in seen:
            return seen[key]
        seen[key] = call.outputs
        return call

    return rewrite(trace, visit)


def eliminate_dead_code(trace: Trace) -> Trace:
    needed = set(trace.outputs)
    calls = []
    for call in reversed(trace.calls):
        if written_slots(call) or needed & set(call.outputs):
            needed |= set(call.inputs)
            calls.append(call)
    return replace(trace, calls=calls[::-1])


def fuse_additions(trace: Trace) -> Trace:
    """Fuse a batch of matrix products with the addition of a bias or of other products."""
    mutated = mutated_slots(trace)
    readers = Counter(slot for call in trace.calls for slot in call.inputs)
    readers.update(trace.outputs)
    made = {call.results[0]: call for call in trace.calls if op_name(call) == "aten::bmm"}
    calls = []
    for call in trace.calls:
        product = _term_and_product(trace, call, made, readers)
        if product is not None and not mutated & {*call.inputs, *call.outputs}:
            term, bmm = product
            call = replace(call, function=_aten.baddbmm.default, args=(term, *bmm.args), kwargs={})
        calls.append(call)
    return replace(trace, calls=calls)


def _term_and_product(
    trace: Trace, call: Call, made: Mapping[Slot | None, Call], readers: Mapping[Slot, int]
) -> tuple[Slot, Call] | None:
    """The added term and the product of a call that can be fused; None if it cannot."""
    if call.function is not _aten.add.Tensor or call.kwargs:
        return None
    first, second = call.args
    for term, product in ((first, second), (second, first)):
        if not isinstance(term, Slot) or not isinstance(product, Slot) or product not in made:
            continue
        shapes = trace.value(term).shape, trace.value(product).shape
        is_bias = len(shapes[0]) == 3 and shapes[0][1] == 1 and shapes[0][::2] == shapes[1][::2]
        if (is_bias or shapes[0] == shapes[1]) and readers[product] == 1:
            return term, made[product]
    return None
