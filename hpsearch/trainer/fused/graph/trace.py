"""Tracing: the ATen calls that a function makes, as a list.

The first step of a group runs the trainer's loss under `torch.func.vmap` and autograd, which takes
several times as long as the arithmetic. The kernels only see a list of calls on plain tensors: it
is traced once, and later steps replay it (`program.py`).
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch._C._functorch import is_functorch_wrapped_tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from hpsearch.errors import TrainerError, UnfusableError

_aten = torch.ops.aten
_EXPORTS = {"numpy", "__array__", "tolist", "__dlpack__"}  # vmap itself refuses them


@dataclass(frozen=True)
class Slot:
    """A tensor variable of a trace."""

    number: int


@dataclass(frozen=True)
class Call:
    """One operation, with slots in place of tensors in `args` and `kwargs`."""

    function: Any  # an OpOverload, or a replacement that a pass has given a schema
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    results: tuple[Slot | None, ...]  # of its return values; None where one is no tensor
    is_single: bool  # whether it returns one tensor, not a tuple

    @cached_property
    def inputs(self) -> list[Slot]:
        return slots_in((self.args, tuple(self.kwargs.values())))

    @cached_property
    def outputs(self) -> list[Slot]:
        return [slot for slot in self.results if slot is not None]


@dataclass
class Trace:
    """The calls of a function.

    Attributes:
        values: the traced value of every slot, by the slot's number.
        constants: slots of other tensors that the function read, such as a table of its module.
    """

    calls: list[Call] = field(default_factory=list)
    inputs: list[Slot] = field(default_factory=list)
    outputs: list[Slot] = field(default_factory=list)
    values: list[Tensor] = field(default_factory=list)
    constants: list[Slot] = field(default_factory=list)

    def new(self, value: Tensor) -> Slot:
        self.values.append(value)
        return Slot(len(self.values) - 1)

    def value(self, slot: Slot) -> Tensor:
        return self.values[slot.number]


def record(
    function: Callable[[], Sequence[Tensor]], inputs: Sequence[Tensor]
) -> tuple[Trace, list[Tensor]]:
    """Run a function and trace its ATen calls; the values of `inputs` may change between replays.

    Returns:
        The trace, and what the function returned.

    Raises:
        TrainerError: the function drew random numbers; the message names the operation.
        UnfusableError: its control flow depends on values; the message names the operation.
    """
    trace = Trace()
    recorder = _Recorder(trace, inputs)
    before = _generators()
    with _ExportGuard(trace), recorder:
        outputs = list(function())
    if before != _generators():
        raise TrainerError(
            "random numbers were drawn from `random` or NumPy, which a resumed trial cannot "
            "repeat; declare them in noise() and take them from the batch"
        )
    trace.outputs = [recorder.slot(tensor) for tensor in outputs]
    return trace, outputs


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self, trace: Trace, inputs: Sequence[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._trace = trace
        # The trace keeps every tensor alive, so ids are unique.
        self._slots: dict[int, Slot] = {}
        for tensor in inputs:
            trace.inputs.append(self._put(tensor))

    def slot(self, tensor: Tensor) -> Slot:
        if (slot := self._slots.get(id(tensor))) is None:
            slot = self._put(tensor)
            self._trace.constants.append(slot)
        return slot

    def _put(self, tensor: Tensor) -> Slot:
        slot = self._slots[id(tensor)] = self._trace.new(tensor)
        return slot

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if torch.Tag.nondeterministic_seeded in func.tags and _draws(func, args, kwargs):
            raise TrainerError(
                f"{func.name()} draws random numbers, which a resumed trial cannot repeat; declare "
                "them in noise() and take them from the batch"
            )
        if _depends_on_data(func, args):
            raise UnfusableError(
                f"{func.name()} makes control flow depend on a tensor's values (.item(), an `if` "
                "or a mask as an index), which a trace cannot replay; use torch.where"
            )
        result = func(*args, **kwargs)
        given, named = tree_map_only(Tensor, self.slot, (tuple(args), kwargs))
        is_single = not isinstance(result, tuple | list)
        made = [result] if is_single else result
        slots = tuple(
            (self._slots.get(id(t)) or self._put(t)) if isinstance(t, Tensor) else None
            for t in made
        )
        self._trace.calls.append(Call(func, given, named, slots, is_single))
        return result


class _ExportGuard(TorchFunctionMode):
    """Detects data that leaves tensors without an ATen call (`.numpy()`, `.tolist()`)."""

    def __init__(self, trace: Trace) -> None:
        super().__init__()
        self._trace = trace

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in _EXPORTS and not is_functorch_wrapped_tensor(args[0]):
            storage = args[0].untyped_storage().data_ptr()
            if any(value.untyped_storage().data_ptr() == storage for value in self._trace.values):
                raise UnfusableError(
                    f"Tensor.{name} exports a tensor's values from the trace, which would not "
                    "change between steps; use torch's own functions"
                )
        return func(*args, **(kwargs or {}))


def _draws(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether an operation draws random numbers; attention without dropout does not."""
    for i, argument in enumerate(function._schema.arguments):
        if argument.name == "dropout_p":
            given = args[i] if i < len(args) else kwargs.get(argument.name, argument.default_value)
            return bool(given != 0)
    return True


def _depends_on_data(function: Any, args: Any) -> bool:
    """Whether an operation's result type or shape depends on values.

    vmap refuses such operations itself, but the step of a single member is traced without vmap.
    """
    if function is _aten.index.Tensor:
        return any(i is not None and i.dtype in (torch.bool, torch.uint8) for i in args[1])
    tags = (torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape)
    return any(tag in function.tags for tag in tags)


def _generators() -> tuple[Any, bytes, int]:
    """The states of the global generators of Python and NumPy."""
    state: Any = np.random.get_state(legacy=False)
    return random.getstate(), state["state"]["key"].tobytes(), state["state"]["pos"]


def slots_in(tree: Any) -> list[Slot]:
    """All slots in nested tuples and lists, in order, with repetitions."""
    if isinstance(tree, Slot):
        return [tree]
    if isinstance(tree, tuple | list):
        return [slot for part in tree for slot in slots_in(part)]
    return []


def substitute(tree: Any, replacements: dict[Slot, Slot]) -> Any:
    if isinstance(tree, Slot):
        return replacements.get(tree, tree)
    if isinstance(tree, tuple | list):
        return type(tree)(substitute(part, replacements) for part in tree)
    return tree


def with_slots(call: Call, replacements: dict[Slot, Slot]) -> Call:
    if not replacements:
        return call
    kwargs = {key: substitute(value, replacements) for key, value in call.kwargs.items()}
    return replace(call, args=substitute(call.args, replacements), kwargs=kwargs)


def rewrite(trace: Trace, visit: Callable[[Call], Call | Sequence[Slot]]) -> Trace:
    """The trace after `visit` has replaced each call, by another call or by known slots.

    Later calls read those slots in place of the call's outputs.
    """
    replacements: dict[Slot, Slot] = {}
    calls = []
    for call in trace.calls:
        call = with_slots(call, replacements)
        new = visit(call)
        if isinstance(new, Call):
            calls.append(new)
        else:
            replacements.update(zip(call.outputs, new, strict=True))
    return replace(trace, calls=calls, outputs=[replacements.get(s, s) for s in trace.outputs])
