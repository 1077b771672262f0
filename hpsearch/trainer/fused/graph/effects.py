"""The names of traced operations, and which tensors they mutate."""

from collections.abc import Callable
from typing import Any

from hpsearch.trainer.fused.graph.trace import Call, Slot, Trace, slots_in

# Positions of arguments that are mutated although ATen's schema does not say so.
_RUNNING = {
    "aten::native_batch_norm": (3, 4),
    "aten::cudnn_batch_norm": (3, 4),
    "aten::miopen_batch_norm": (3, 4),
}


def op_name(call: Call) -> str:
    """Such as "aten::mul", without the overload."""
    schema = getattr(call.function, "_schema", None)
    return schema.name if schema is not None else ""


def as_op(function: Any, other: Callable[..., Any]) -> Callable[..., Any]:
    """Give `other` the schema of `function`, so that passes see the same operation."""
    vars(other)["_schema"] = function._schema
    return other


def mutated_slots(trace: Trace) -> set[Slot]:
    """Slots that an operation mutates, and all views of them."""
    changed = {slot for call in trace.calls for slot in written_slots(call)}
    storages = {trace.value(slot).untyped_storage().data_ptr() for slot in changed}
    return {
        Slot(i)
        for i, value in enumerate(trace.values)
        if value.untyped_storage().data_ptr() in storages
    }


def written_slots(call: Call) -> list[Slot]:
    if (running := _RUNNING.get(op_name(call))) is not None:
        is_training = call.args[5]
        return slots_in([call.args[i] for i in running]) if is_training else []
    schema = getattr(call.function, "_schema", None)
    if schema is None or not schema.is_mutable:
        return []
    slots: list[Slot] = []
    for i, argument in enumerate(schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            given = call.args[i] if i < len(call.args) else call.kwargs.get(argument.name)
            slots += slots_in(given)
    return slots
