"""What is done to a tape before it is replayed: less work for the same numbers."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import torch

from hpsearch.trainer.fused.graph.batch_invariance import even_tails, laid_out, unfold_products
from hpsearch.trainer.fused.graph.dead_gradients import without_zeros
from hpsearch.trainer.fused.graph.effects import name_of, overwrites, written
from hpsearch.trainer.fused.graph.softmax import wide_softmax
from hpsearch.trainer.fused.graph.trace import Call, Slot, Tape, with_names
from hpsearch.trainer.fused.graph.transposes import lying_as_wanted

_aten = torch.ops.aten

_SAME = {"aten::detach", "aten::alias", "aten::lift_fresh"}
_SAME_IF_SHAPE = {"aten::view", "aten::_unsafe_view", "aten::expand", "aten::reshape"}


def prepared(tape: Tape, members: int | None) -> Tape:
    """The tape with all passes done.

    Args:
        tape: as recorded.
        members: how many a stack has in its first dimension; None for a lone member's tape.
    """
    tape = without_zeros(without_copies(tape))
    tape = with_sums(without_dead(lying_as_wanted(tape)))
    if members is not None:
        tape = even_tails(laid_out(unfold_products(wide_softmax(tape), members)), members)
    return without_dead(without_repeats(tape))


def without_copies(tape: Tape) -> Tape:
    """Without operations that give back what they were given."""
    kept_apart = overwrites(tape)
    names: dict[Slot, Slot] = {}
    calls = []
    for old in tape.calls:
        call = with_names(old, names)
        source = _same_as(tape, call)
        if (
            source is not None
            and not kept_apart & {source, *call.outputs}
            and _lies_as_read(tape, source, old.outputs[0])
        ):
            names[call.outputs[0]] = source
        else:
            calls.append(call)
    return replace(tape, calls=calls, outputs=[names.get(s, s) for s in tape.outputs])


def _lies_as_read(tape: Tape, source: Slot, copy: Slot) -> bool:
    """Whether what is a view of the copy can be one of its source."""
    if tape.value(source).stride() == tape.value(copy).stride():
        return True
    readers = [call for call in tape.calls if copy in call.inputs]
    for call in readers:
        if name_of(call) in ("aten::view", "aten::_unsafe_view"):
            try:
                tape.value(source).view(tape.value(call.outputs[0]).shape)
            except RuntimeError:
                return False
    return True


def _same_as(tape: Tape, call: Call) -> Slot | None:
    """The slot that holds the call's result already."""
    name = name_of(call)
    if not call.args or not isinstance(call.args[0], Slot) or len(call.outputs) != 1:
        return None
    source, result = tape.value(call.args[0]), tape.value(call.outputs[0])
    alike = source.shape == result.shape and source.dtype == result.dtype
    if name in _SAME or (name in _SAME_IF_SHAPE and alike and source.stride() == result.stride()):
        return call.args[0]
    if name in ("aten::mul", "aten::pow") and len(call.args) > 1 and alike:
        number = call.args[1]
        if isinstance(number, int | float) and number == 1:
            return call.args[0]
    return None


def without_repeats(tape: Tape) -> Tape:
    """Every operation on the same operands once (common subexpressions)."""
    kept_apart = overwrites(tape)
    names: dict[Slot, Slot] = {}
    seen: dict[str, list[Slot]] = {}
    calls = []
    for old in tape.calls:
        call = with_names(old, names)
        if written(call) or kept_apart & {*call.inputs, *call.outputs}:
            calls.append(call)
            continue
        key = repr((str(call.function), id(call.function), call.args, sorted(call.kwargs.items())))
        if key in seen:
            names.update(zip(call.outputs, seen[key], strict=True))
        else:
            seen[key] = call.outputs
            calls.append(call)
    return replace(tape, calls=calls, outputs=[names.get(s, s) for s in tape.outputs])


def without_dead(tape: Tape) -> Tape:
    """Without operations whose results nobody reads."""
    needed = set(tape.outputs)
    calls = []
    for call in reversed(tape.calls):
        if written(call) or needed & set(call.outputs):
            needed |= set(call.inputs)
            calls.append(call)
    return replace(tape, calls=calls[::-1])


def with_sums(tape: Tape) -> Tape:
    """A batch of products and what is added to it, a bias or other products, as one operation."""
    kept_apart = overwrites(tape)
    readers = Counter(slot for call in tape.calls for slot in call.inputs)
    readers.update(tape.outputs)
    made = {call.results[0]: call for call in tape.calls if name_of(call) == "aten::bmm"}
    calls = []
    for call in tape.calls:
        product = _term_and_product(tape, call, made, readers)
        if product is not None and not kept_apart & {*call.inputs, *call.outputs}:
            term, bmm = product
            call = replace(call, function=_aten.baddbmm.default, args=(term, *bmm.args), kwargs={})
        calls.append(call)
    return replace(tape, calls=calls)


def _term_and_product(
    tape: Tape, call: Call, made: Mapping[Slot | None, Call], readers: Mapping[Slot, int]
) -> tuple[Slot, Call] | None:
    """What is added to a product, and the product, if a call does just that."""
    if call.function is not _aten.add.Tensor or call.kwargs:
        return None
    first, second = call.args
    for term, product in ((first, second), (second, first)):
        if not isinstance(term, Slot) or not isinstance(product, Slot) or product not in made:
            continue
        shapes = tape.value(term).shape, tape.value(product).shape
        is_bias = len(shapes[0]) == 3 and shapes[0][1] == 1 and shapes[0][::2] == shapes[1][::2]
        if (is_bias or shapes[0] == shapes[1]) and readers[product] == 1:
            return term, made[product]
    return None
