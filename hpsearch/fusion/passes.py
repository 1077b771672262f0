"""What is done to a tape before it is replayed: less work, and the same bits in any company.

None of it changes a number, but for two passes that make a member's numbers independent of how
many others there are. ATen's kernels compute the last few elements of a tensor, which do not fill
a vector register, with other code, whose sigmoid differs in the last bit: `even_tails` gives such
tensors a length that has no rest. And a product of a stack with a matrix that is the same for all
members becomes one large product, whose blocking depends on its length: `unfold_products` makes a
batch of it again. (Both seen with torch 2.13 on AVX-512; docs/adr/0006.)
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from hpsearch.fusion.tape import Call, Slot, Tape, renamed, slots_in

_aten = torch.ops.aten

LANES = 32  # numbers that ATen handles in one go of an unrolled loop, at most (AVX-512)

# Elementwise operations whose vectorised and scalar code agree bit for bit (correctly rounded, or
# with a masked last vector); tests/fusion/test_passes.py tries every one on this machine.
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
# Elementwise ones that ATen does not tag as such, and whose codes do not agree.
_UNTAGGED = {
    "elu_backward", "gelu", "hardsigmoid", "hardsigmoid_backward", "hardswish",
    "hardswish_backward", "huber_loss", "huber_loss_backward", "log_sigmoid_backward", "mish",
    "mish_backward", "smooth_l1_loss", "smooth_l1_loss_backward", "softplus_backward",
}  # fmt: skip
_REDUCTIONS = {
    "sum", "mean", "prod", "var", "std", "var_mean", "norm", "linalg_vector_norm", "logsumexp",
    "nansum", "_softmax", "_log_softmax",
}  # fmt: skip
# Written to where they stand among the arguments, though ATen's schema does not say so.
_RUNNING = {
    "aten::native_batch_norm": (3, 4),
    "aten::cudnn_batch_norm": (3, 4),
    "aten::miopen_batch_norm": (3, 4),
}
_SAME = {"aten::detach", "aten::alias", "aten::lift_fresh"}
_SAME_IF_SHAPE = {"aten::view", "aten::_unsafe_view", "aten::expand", "aten::reshape"}


def prepared(tape: Tape, members: int | None) -> Tape:
    """The tape with all passes done.

    Args:
        tape: as recorded.
        members: how many a stack has in its first dimension; None for a lone member's tape.
    """
    tape = with_biases(without_copies(tape))
    if members is not None:
        tape = even_tails(laid_out(unfold_products(tape, members)), members)
    return without_dead(without_repeats(tape))


def overwrites(tape: Tape) -> set[Slot]:
    """Slots whose numbers an operation changes in place, with every view of them."""
    changed = {slot for call in tape.calls for slot in written(call)}
    places = {tape.value(slot).untyped_storage().data_ptr() for slot in changed}
    return (
        {
            Slot(i)
            for i, value in enumerate(tape.values)
            if value.untyped_storage().data_ptr() in places
        }
        if changed
        else set()
    )


def written(call: Call) -> list[Slot]:
    """The slots that a call changes in place."""
    if (running := _RUNNING.get(name_of(call))) is not None:
        is_training = call.args[5]
        return slots_in([call.args[i] for i in running]) if is_training else []
    schema = getattr(call.function, "_schema", None)
    if schema is None or not schema.is_mutable:
        return []
    found: list[Slot] = []
    for i, argument in enumerate(schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            given = call.args[i] if i < len(call.args) else call.kwargs.get(argument.name)
            found += slots_in(given)
    return found


def without_copies(tape: Tape) -> Tape:
    """Without operations that give back what they were given."""
    kept_apart = overwrites(tape)
    names: dict[Slot, Slot] = {}
    calls = []
    for old in tape.calls:
        call = _renamed(old, names)
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
    if name == "aten::mul" and len(call.args) > 1 and alike:
        factor = call.args[1]
        if isinstance(factor, int | float) and factor == 1:
            return call.args[0]
    return None


def without_repeats(tape: Tape) -> Tape:
    """Every operation on the same operands once (common subexpressions)."""
    kept_apart = overwrites(tape)
    names: dict[Slot, Slot] = {}
    seen: dict[str, list[Slot]] = {}
    calls = []
    for old in tape.calls:
        call = _renamed(old, names)
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


def with_biases(tape: Tape) -> Tape:
    """A batch of products and the bias that is added to it as one operation."""
    kept_apart = overwrites(tape)
    readers = Counter(slot for call in tape.calls for slot in call.inputs)
    readers.update(tape.outputs)
    made = {call.results[0]: call for call in tape.calls if name_of(call) == "aten::bmm"}
    calls = []
    for call in tape.calls:
        product = _bias_and_product(tape, call, made, readers)
        if product is not None and not kept_apart & {*call.inputs, *call.outputs}:
            bias, bmm = product
            call = replace(call, function=_aten.baddbmm.default, args=(bias, *bmm.args), kwargs={})
        calls.append(call)
    return replace(tape, calls=calls)


def _bias_and_product(
    tape: Tape, call: Call, made: Mapping[Slot | None, Call], readers: Mapping[Slot, int]
) -> tuple[Slot, Call] | None:
    """The bias and the product that a call adds up, if it does just that."""
    if call.function is not _aten.add.Tensor or call.kwargs:
        return None
    first, second = call.args
    for bias, product in ((first, second), (second, first)):
        if not isinstance(bias, Slot) or not isinstance(product, Slot) or product not in made:
            continue
        shapes = tape.value(bias).shape, tape.value(product).shape
        is_bias = len(shapes[0]) == 3 and shapes[0][1] == 1 and shapes[0][::2] == shapes[1][::2]
        if is_bias and readers[product] == 1:
            return bias, made[product]
    return None


def unfold_products(tape: Tape, members: int) -> Tape:
    """Products of a stack, rolled into rows or columns, with one matrix for all: as a batch."""
    stacked = set(tape.inputs)
    calls = []
    for call in tape.calls:
        if stacked & set(call.inputs):
            stacked |= set(call.outputs)
        name = name_of(call)
        if name in ("aten::mm", "aten::addmm"):
            bias, (a, b) = (
                (call.args[0], call.args[1:3]) if name == "aten::addmm" else (None, call.args)
            )
            which = (a in stacked, b in stacked)
            size = tape.value(a).shape[0] if which[0] else tape.value(b).shape[1]
            if which[0] != which[1] and size % members == 0 and not call.kwargs:
                product = _rows if which[0] else _columns
                call = replace(call, function=product, args=(members, a, b, bias), kwargs={})
        calls.append(call)
    return replace(tape, calls=calls)


def _rows(members: int, a: Tensor, b: Tensor, bias: Tensor | None) -> Tensor:
    rows, inner = a.shape
    stack = a.reshape(members, rows // members, inner)
    product = torch.bmm(stack, b.expand(members, *b.shape)).reshape(rows, b.shape[1])
    return product if bias is None else bias + product


def _columns(members: int, a: Tensor, b: Tensor, bias: Tensor | None) -> Tensor:
    product = _rows(members, b.T, a.T, None).T
    return product if bias is None else bias + product


def laid_out(tape: Tape) -> Tape:
    """Reductions over tensors that lie in memory in the order of their dimensions.

    Where the members do not come first, as behind a batch norm, the columns of all members are
    added up as one row, in blocks that depend on its length.
    """
    calls = []
    for call in tape.calls:
        is_reduction = name_of(call).removeprefix("aten::") in _REDUCTIONS
        if is_reduction and not tape.value(call.args[0]).is_contiguous():
            call = replace(call, function=_on_contiguous(call.function))
        calls.append(call)
    return replace(tape, calls=calls)


def _on_contiguous(function: Any) -> Callable[..., Any]:
    def on_contiguous(tensor: Tensor, *args: Any, **kwargs: Any) -> Any:
        return function(tensor.contiguous(), *args, **kwargs)

    return on_contiguous


def even_tails(tape: Tape, members: int) -> Tape:
    """Elementwise operations that depend on the position, on lengths without a rest."""
    return replace(tape, calls=[_evened(tape, call, members) for call in tape.calls])


def _evened(tape: Tape, call: Call, members: int) -> Call:
    if not call.is_single or call.results[0] is None:
        return call
    value = tape.value(call.results[0])
    of_one, is_odd = divmod(value.numel(), members)
    is_even = not is_odd and of_one % LANES == 0
    is_complex = any(tape.value(slot).is_complex() for slot in [*call.inputs, *call.outputs])
    is_number = value.is_floating_point() or is_complex
    if is_even or not is_number or not _depends_on_position(call, is_complex):
        return call
    shape, length = value.shape, value.numel()
    rest = -length % LANES
    function, in_place = call.function, bool(written(call))

    def on_whole_vectors(*args: Any, **kwargs: Any) -> Tensor:
        flat = [_flat(a, shape, rest) if isinstance(a, Tensor) else a for a in args]
        result: Tensor = function(*flat, **kwargs)[:length].view(shape)
        return args[0].copy_(result) if in_place else result

    return replace(call, function=named_as(function, on_whole_vectors))


def named_as(function: Any, other: Callable[..., Any]) -> Callable[..., Any]:
    """The other function, which by its name and by what it overwrites is still the operation."""
    vars(other)["_schema"] = function._schema
    return other


def _depends_on_position(call: Call, is_complex: bool) -> bool:
    name = name_of(call).removeprefix("aten::").removesuffix("_")  # in place or not
    if name in ("huber_loss", "smooth_l1_loss"):
        return 0 in call.args[2:3]  # without a reduction
    if name == "pow" and isinstance(call.args[1], int | float):
        return call.args[1] not in (-1, 0, 0.5, 1, 2, 3)  # these are products and roots
    is_pointwise = torch.Tag.pointwise in getattr(call.function, "tags", ())
    return name in _UNTAGGED or (is_pointwise and (is_complex or name not in _POSITION_FREE))


def _flat(tensor: Tensor, shape: torch.Size, rest: int) -> Tensor:
    flat = tensor.expand(shape).reshape(-1)
    return torch.constant_pad_nd(flat, (0, rest), 1.0) if rest else flat


def _renamed(call: Call, names: dict[Slot, Slot]) -> Call:
    if not names:
        return call
    kwargs = {key: renamed(value, names) for key, value in call.kwargs.items()}
    return replace(call, args=renamed(call.args, names), kwargs=kwargs)


def name_of(call: Call) -> str:
    """Such as "aten::mul", without the overload."""
    schema = getattr(call.function, "_schema", None)
    return schema.name if schema is not None else ""
