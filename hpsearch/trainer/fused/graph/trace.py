"""A step, recorded: which ATen operations a function ran, on which tensors, in which order.

The first step of a group runs the trainer's loss under `torch.func.vmap` and autograd, which takes
several times as long as its arithmetic. What reaches the kernels is a plain list of operations on
plain tensors. It is recorded once, and the later steps replay it (`program.py`).
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
_WAYS_OUT = {"numpy", "__array__", "tolist", "__dlpack__"}  # vmap has closed them already


@dataclass(frozen=True)
class Slot:
    """The place of a tensor in a tape."""

    number: int


@dataclass(frozen=True)
class Call:
    """One operation; the slots of its tensors stand in `args` and `kwargs`."""

    function: Any  # an OpOverload, or a function of ours with the same use
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    results: tuple[Slot | None, ...]  # one for each that it returns; None for what is no tensor
    is_single: bool  # returns a tensor rather than several

    @cached_property
    def inputs(self) -> list[Slot]:
        return slots_in((self.args, tuple(self.kwargs.values())))

    @cached_property
    def outputs(self) -> list[Slot]:
        return [slot for slot in self.results if slot is not None]


@dataclass
class Tape:
    """What a function did.

    Attributes:
        calls: in order.
        inputs: the slots of the tensors that it was given.
        outputs: the slots of those that it gave back.
        values: every tensor as it was when recorded, by its slot's number.
        constants: slots of tensors that came from elsewhere, such as a table in a trainer's module.
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
) -> tuple[Tape, list[Tensor]]:
    """Run a function and write down what it does.

    Args:
        function: of no arguments; reads `inputs`, and gives tensors back.
        inputs: the tensors that will hold other numbers when the tape is replayed.

    Raises:
        TrainerError: the function drew random numbers; the operation is named.
        UnfusableError: what it does depends on the tensors' numbers; the operation is named.
    """
    tape = Tape()
    recorder = _Recorder(tape, inputs)
    before = _generators()
    with _Watch(tape), recorder:
        outputs = list(function())
    if before != _generators():
        raise TrainerError(
            "random numbers were drawn from `random` or NumPy, which no resumed trial could "
            "repeat; declare them in noise() and take them from the batch"
        )
    tape.outputs = [recorder.slot(tensor) for tensor in outputs]
    return tape, outputs


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self, tape: Tape, inputs: Sequence[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._tape = tape
        # The tape holds every tensor, so no id is given twice.
        self._slots: dict[int, Slot] = {}
        for tensor in inputs:
            tape.inputs.append(self._put(tensor))

    def slot(self, tensor: Tensor) -> Slot:
        if (slot := self._slots.get(id(tensor))) is None:
            slot = self._put(tensor)
            self._tape.constants.append(slot)
        return slot

    def _put(self, tensor: Tensor) -> Slot:
        slot = self._slots[id(tensor)] = self._tape.new(tensor)
        return slot

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if torch.Tag.nondeterministic_seeded in func.tags and _drops(func, args, kwargs):
            raise TrainerError(
                f"{func.name()} draws random numbers, which no resumed trial could repeat; declare "
                "them in noise() and take them from the batch"
            )
        if _reads_numbers(func, args):
            raise UnfusableError(
                f"{func.name()} lets a tensor's numbers decide what is done (.item(), an `if` or a "
                "mask as an index), which a recording cannot repeat; use torch.where"
            )
        result = func(*args, **kwargs)
        given, named = tree_map_only(Tensor, self.slot, (tuple(args), kwargs))
        is_single = not isinstance(result, tuple | list)
        made = [result] if is_single else result
        slots = tuple(
            (self._slots.get(id(t)) or self._put(t)) if isinstance(t, Tensor) else None
            for t in made
        )
        self._tape.calls.append(Call(func, given, named, slots, is_single))
        return result


class _Watch(TorchFunctionMode):
    """Sees numbers leave the tensors by ways on which no operation lies."""

    def __init__(self, tape: Tape) -> None:
        super().__init__()
        self._tape = tape

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in _WAYS_OUT and not is_functorch_wrapped_tensor(args[0]):
            place = args[0].untyped_storage().data_ptr()
            if any(value.untyped_storage().data_ptr() == place for value in self._tape.values):
                raise UnfusableError(
                    f"Tensor.{name} takes a tensor's numbers out of what is recorded, which would "
                    "stay as they are now; use torch's own functions"
                )
        return func(*args, **(kwargs or {}))


def _drops(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether an operation that may draw does so: attention does not if it drops nothing."""
    for i, argument in enumerate(function._schema.arguments):
        if argument.name == "dropout_p":
            given = args[i] if i < len(args) else kwargs.get(argument.name, argument.default_value)
            return bool(given != 0)
    return True


def _reads_numbers(function: Any, args: Any) -> bool:
    """Whether a tensor's numbers decide what comes back, or of which shape it is.

    vmap refuses such operations by itself, but a lone member's step is recorded without it.
    """
    if function is _aten.index.Tensor:
        return any(i is not None and i.dtype in (torch.bool, torch.uint8) for i in args[1])
    tags = (torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape)
    return any(tag in function.tags for tag in tags)


def _generators() -> tuple[Any, bytes, int]:
    """Where Python's and NumPy's global generators stand."""
    state: Any = np.random.get_state(legacy=False)
    return random.getstate(), state["state"]["key"].tobytes(), state["state"]["pos"]


def slots_in(tree: Any) -> list[Slot]:
    """The slots in nested tuples and lists, in order, with repetitions."""
    if isinstance(tree, Slot):
        return [tree]
    if isinstance(tree, tuple | list):
        return [slot for part in tree for slot in slots_in(part)]
    return []


def renamed(tree: Any, names: dict[Slot, Slot]) -> Any:
    """The same nest with other slots in it."""
    if isinstance(tree, Slot):
        return names.get(tree, tree)
    if isinstance(tree, tuple | list):
        return type(tree)(renamed(part, names) for part in tree)
    return tree


def with_names(call: Call, names: dict[Slot, Slot]) -> Call:
    """The call on other slots."""
    if not names:
        return call
    kwargs = {key: renamed(value, names) for key, value in call.kwargs.items()}
    return replace(call, args=renamed(call.args, names), kwargs=kwargs)
