"""A pass that removes operations whose result is always zero.

The second derivative of a piecewise linear function is zero, but autograd materializes it
(`zeros_like`) and multiplies with it: several matrix products in a gradient penalty. Where the
other factor is infinite, autograd gives NaN and this pass zero; it does so for every group, because
the trace does not depend on the group's members.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch

from hpsearch.trainer.fused.graph.effects import mutated_slots, op_name
from hpsearch.trainer.fused.graph.trace import Call, Slot, Trace, rewrite

_aten = torch.ops.aten

_ZEROS = {"aten::zeros_like", "aten::new_zeros", "aten::zeros"}
# Zero if the first argument is.
_ZERO_PRESERVING = {
    "aten::neg", "aten::sum", "aten::mean", "aten::clone", "aten::transpose", "aten::permute",
    "aten::t", "aten::view", "aten::_unsafe_view", "aten::expand", "aten::unsqueeze",
    "aten::squeeze", "aten::slice", "aten::select", "aten::div", "aten::leaky_relu_backward",
    "aten::threshold_backward", "aten::tanh_backward", "aten::sigmoid_backward",
    "aten::gelu_backward", "aten::elu_backward", "aten::softplus_backward", "aten::silu_backward",
}  # fmt: skip
_PRODUCTS = {"aten::mul", "aten::bmm", "aten::mm"}  # zero if either factor is


def remove_zeros(trace: Trace) -> Trace:
    """Replace results that are zero for all inputs by constant zeros."""
    mutated = mutated_slots(trace)
    zero: set[Slot] = set()

    def visit(call: Call) -> Call | Sequence[Slot]:
        if not call.is_single or mutated & {*call.inputs, *call.outputs}:
            return call
        if (term := _nonzero_term(trace, call, zero)) is not None:
            return [term]
        if not _is_zero(call, zero):
            return call
        zero.add(call.outputs[0])
        return _zeros(trace, call)

    return rewrite(trace, visit)


def _is_zero(call: Call, zero: set[Slot]) -> bool:
    name = op_name(call)
    if name in _ZEROS or (name in _ZERO_PRESERVING and call.args[0] in zero):
        return True
    if name in _PRODUCTS:
        return any(argument in zero for argument in call.args[:2] if isinstance(argument, Slot))
    return name == "aten::add" and all(argument in zero for argument in call.args[:2])


def _nonzero_term(trace: Trace, call: Call, zero: set[Slot]) -> Slot | None:
    """The other term of a sum with zero; None if the call is no such sum."""
    if op_name(call) != "aten::add" or call.kwargs:
        return None
    first, second = call.args[:2]
    if not (isinstance(first, Slot) and isinstance(second, Slot)):
        return None
    sum_ = trace.value(call.outputs[0])
    for term, other in ((first, second), (second, first)):
        like = trace.value(term)
        if other in zero and (like.shape, like.dtype) == (sum_.shape, sum_.dtype):
            return term
    return None


def _zeros(trace: Trace, call: Call) -> Call:
    value = trace.value(call.outputs[0])
    kwargs = {"dtype": value.dtype, "device": value.device}
    return replace(call, function=_aten.zeros.default, args=(list(value.shape),), kwargs=kwargs)
