"""Passes that make a member's results independent of the number of members (batch invariance).

ATen's kernels compute the last elements of a tensor, which do not fill a vector register, with
scalar code, whose sigmoid differs in the last bit: `pad_to_vectors` pads such tensors. A sum over
the columns of all members is blocked by their number: `make_reductions_contiguous` puts the members
first. A product of a stack with a shared matrix is folded into one large product, whose blocking
depends on its length: `batch_products` makes it a batch again. (Observed with torch 2.13 on
AVX-512; docs/adr/0006.)
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from hpsearch.trainer.fused.graph.effects import as_op, op_name, written_slots
from hpsearch.trainer.fused.graph.trace import Call, Trace

LANES = 32  # the most elements that one iteration of an unrolled ATen loop handles (AVX-512)

# Elementwise operations whose vectorised and scalar code agree bit for bit (correctly rounded, or
# with a masked last vector); tests/trainer/fused/graph/test_passes.py tests each of them.
_POSITION_FREE = {
    "abs", "add", "addcdiv", "addcmul", "atan", "bitwise_and", "bitwise_not", "bitwise_or",
    "ceil", "clamp", "clamp_max", "clamp_min", "clone", "copy", "cos", "detach", "div", "eq",
    "erf", "exp", "expm1", "fill", "floor", "ge", "gt", "hardtanh", "hardtanh_backward", "isfinite",
    "isinf", "isnan", "le", "leaky_relu", "leaky_relu_backward", "lerp", "log", "log1p",
    "logical_and", "logical_not", "logical_or", "lt", "masked_fill", "maximum", "minimum", "mul",
    "ne", "neg", "reciprocal", "relu", "round", "rsqrt", "rsub", "sgn", "sign", "sin",
    "special_ndtr", "sqrt", "square", "sub", "tanh", "tanh_backward", "threshold",
    "threshold_backward", "where", "zero", "_to_copy", "ones_like", "zeros_like", "full_like",
}  # fmt: skip
# Elementwise operations without ATen's tag, whose vectorised and scalar code differ.
_UNTAGGED = {
    "elu_backward", "gelu", "hardsigmoid", "hardsigmoid_backward", "hardswish",
    "hardswish_backward", "huber_loss", "huber_loss_backward", "log_sigmoid_backward", "mish",
    "mish_backward", "smooth_l1_loss", "smooth_l1_loss_backward", "softplus_backward",
}  # fmt: skip
_REDUCTIONS = {
    "sum", "mean", "prod", "var", "std", "var_mean", "norm", "linalg_vector_norm", "logsumexp",
    "nansum", "_softmax", "_log_softmax",
}  # fmt: skip


def batch_products(trace: Trace, members: int) -> Trace:
    """Compute products of a stack with one shared matrix as a batch of products."""
    stacked = set(trace.inputs)
    calls = []
    for call in trace.calls:
        if stacked & set(call.inputs):
            stacked |= set(call.outputs)
        name = op_name(call)
        if name in ("aten::mm", "aten::addmm"):
            bias, (a, b) = (
                (call.args[0], call.args[1:3]) if name == "aten::addmm" else (None, call.args)
            )
            is_stacked = (a in stacked, b in stacked)
            size = trace.value(a).shape[0] if is_stacked[0] else trace.value(b).shape[1]
            if is_stacked[0] != is_stacked[1] and size % members == 0 and not call.kwargs:
                product = _rows if is_stacked[0] else _columns
                call = replace(call, function=product, args=(members, a, b, bias), kwargs={})
        calls.append(call)
    return replace(trace, calls=calls)


def _rows(members: int, a: Tensor, b: Tensor, bias: Tensor | None) -> Tensor:
    rows, inner = a.shape
    stack = a.reshape(members, rows // members, inner)
    product = torch.bmm(stack, b.expand(members, *b.shape)).reshape(rows, b.shape[1])
    return product if bias is None else bias + product


def _columns(members: int, a: Tensor, b: Tensor, bias: Tensor | None) -> Tensor:
    product = _rows(members, b.T, a.T, None).T
    return product if bias is None else bias + product


def make_reductions_contiguous(trace: Trace) -> Trace:
    """Make inputs of reductions contiguous, so that blocking does not depend on group size.

    Where the members are not the first dimension in memory, as after a batch norm, the columns of
    all members are summed as one row, in blocks that depend on its length.
    """
    calls = []
    for call in trace.calls:
        is_reduction = op_name(call).removeprefix("aten::") in _REDUCTIONS
        if is_reduction and not trace.value(call.args[0]).is_contiguous():
            call = replace(call, function=_on_contiguous(call.function))
        calls.append(call)
    return replace(trace, calls=calls)


def _on_contiguous(function: Any) -> Callable[..., Any]:
    def on_contiguous(tensor: Tensor, *args: Any, **kwargs: Any) -> Any:
        return function(tensor.contiguous(), *args, **kwargs)

    return on_contiguous


def pad_to_vectors(trace: Trace, members: int) -> Trace:
    """Pad inputs of position-dependent elementwise operations to whole vectors."""
    return replace(trace, calls=[_padded_call(trace, call, members) for call in trace.calls])


def _padded_call(trace: Trace, call: Call, members: int) -> Call:
    if not call.is_single or call.results[0] is None:
        return call
    value = trace.value(call.results[0])
    per_member, remainder = divmod(value.numel(), members)
    is_even = not remainder and per_member % LANES == 0
    is_complex = any(trace.value(slot).is_complex() for slot in [*call.inputs, *call.outputs])
    is_number = value.is_floating_point() or is_complex
    if is_even or not is_number or not _depends_on_position(call, is_complex):
        return call
    shape, length = value.shape, value.numel()
    rest = -length % LANES
    function, in_place = call.function, bool(written_slots(call))

    def padded(*args: Any, **kwargs: Any) -> Tensor:
        flat = [_flattened(a, shape, rest) if isinstance(a, Tensor) else a for a in args]
        result: Tensor = function(*flat, **kwargs)[:length].view(shape)
        return args[0].copy_(result) if in_place else result

    return replace(call, function=as_op(function, padded))


def _depends_on_position(call: Call, is_complex: bool) -> bool:
    name = op_name(call).removeprefix("aten::").removesuffix("_")  # in place or not
    if name in ("huber_loss", "smooth_l1_loss"):
        return 0 in call.args[2:3]  # without a reduction
    if name == "pow" and isinstance(call.args[1], int | float):
        return call.args[1] not in (-1, 0, 0.5, 1, 2, 3)  # these are products and roots
    is_pointwise = torch.Tag.pointwise in getattr(call.function, "tags", ())
    return name in _UNTAGGED or (is_pointwise and (is_complex or name not in _POSITION_FREE))


def _flattened(tensor: Tensor, shape: torch.Size, rest: int) -> Tensor:
    flat = tensor.expand(shape).reshape(-1)
    return torch.constant_pad_nd(flat, (0, rest), 1.0) if rest else flat
