"""A pass over a tape: what is computed from zeros is zero, and is not computed.

The second derivative of a piecewise linear function is zero. Autograd makes it a tensor all the
same (`zeros_like`) and multiplies on with it, in a gradient penalty with several matrices. Where a
number that it would be multiplied with is infinite, autograd says NaN and this says zero: in every
company, for a group's tape is the same whoever is in it.
"""

from dataclasses import replace

import torch

from hpsearch.trainer.fused.graph.effects import name_of, overwrites, written
from hpsearch.trainer.fused.graph.trace import Call, Slot, Tape, with_names

_aten = torch.ops.aten

_ZEROS = {"aten::zeros_like", "aten::new_zeros", "aten::zeros"}
# Zero if their first argument is.
_KEPT = {
    "aten::neg", "aten::sum", "aten::mean", "aten::clone", "aten::transpose", "aten::permute",
    "aten::t", "aten::view", "aten::_unsafe_view", "aten::expand", "aten::unsqueeze",
    "aten::squeeze", "aten::slice", "aten::select", "aten::div", "aten::leaky_relu_backward",
    "aten::threshold_backward", "aten::tanh_backward", "aten::sigmoid_backward",
    "aten::gelu_backward", "aten::elu_backward", "aten::softplus_backward", "aten::silu_backward",
}  # fmt: skip
_PRODUCTS = {"aten::mul", "aten::bmm", "aten::mm"}  # zero if either factor is


def without_zeros(tape: Tape) -> Tape:
    """Without operations on tensors that are zero whatever the inputs are."""
    kept_apart = overwrites(tape)
    zero: set[Slot] = set()
    names: dict[Slot, Slot] = {}
    calls = []
    for old in tape.calls:
        call = with_names(old, names)
        if written(call) or not call.is_single or kept_apart & {*call.inputs, *call.outputs}:
            calls.append(call)
            continue
        if (other := _summand(tape, call, zero)) is not None:
            names[call.outputs[0]] = other
        elif _is_zero(call, zero):
            zero.add(call.outputs[0])
            calls.append(_zeros(tape, call))
        else:
            calls.append(call)
    return replace(tape, calls=calls, outputs=[names.get(s, s) for s in tape.outputs])


def _is_zero(call: Call, zero: set[Slot]) -> bool:
    name = name_of(call)
    if name in _ZEROS or (name in _KEPT and call.args[0] in zero):
        return True
    if name in _PRODUCTS:
        return any(argument in zero for argument in call.args[:2] if isinstance(argument, Slot))
    return name == "aten::add" and all(argument in zero for argument in call.args[:2])


def _summand(tape: Tape, call: Call, zero: set[Slot]) -> Slot | None:
    """The term that a sum of it and zero is."""
    if name_of(call) != "aten::add" or call.kwargs:
        return None
    first, second = call.args[:2]
    if not (isinstance(first, Slot) and isinstance(second, Slot)):
        return None
    sum_ = tape.value(call.outputs[0])
    for term, other in ((first, second), (second, first)):
        like = tape.value(term)
        if other in zero and (like.shape, like.dtype) == (sum_.shape, sum_.dtype):
            return term
    return None


def _zeros(tape: Tape, call: Call) -> Call:
    value = tape.value(call.outputs[0])
    of = {"dtype": value.dtype, "device": value.device}
    return replace(call, function=_aten.zeros.default, args=(list(value.shape),), kwargs=of)
