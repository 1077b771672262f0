"""What a recorded operation is called, and what it changes in place."""

from collections.abc import Callable
from typing import Any

from hpsearch.trainer.fused.graph.trace import Call, Slot, Tape, slots_in

# Written to where they stand among the arguments, though ATen's schema does not say so.
_RUNNING = {
    "aten::native_batch_norm": (3, 4),
    "aten::cudnn_batch_norm": (3, 4),
    "aten::miopen_batch_norm": (3, 4),
}


def name_of(call: Call) -> str:
    """Such as "aten::mul", without the overload."""
    schema = getattr(call.function, "_schema", None)
    return schema.name if schema is not None else ""


def named_as(function: Any, other: Callable[..., Any]) -> Callable[..., Any]:
    """The other function, which by its name and by what it overwrites is still the operation."""
    vars(other)["_schema"] = function._schema
    return other


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
