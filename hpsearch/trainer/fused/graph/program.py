"""A tape as a function: the same operations on the same places, without anybody deciding anything.

Tensors that stay where they are (parameters, the places of a batch) are views once and for all;
what depends only on numbers that never change is computed once.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from operator import getitem
from typing import Any

import torch
from torch import Tensor, fx, nn

from hpsearch.trainer.fused.graph.bindings import binding
from hpsearch.trainer.fused.graph.effects import name_of, overwrites, written
from hpsearch.trainer.fused.graph.trace import Call, Slot, Tape

Replay = Callable[[], list[Tensor]]


class Program:
    """A prepared tape.

    Args:
        tape: what is done; the tensors of its recording are let go.
        fixed: positions among the tape's inputs whose numbers stay as they are at binding.

    Attributes:
        live_bytes: memory that the results of its operations take at their peak, in bytes.
        operations: names of what it does, such as "aten::convolution".
    """

    def __init__(self, tape: Tape, fixed: frozenset[int]) -> None:
        self._fixed = fixed
        self._changed = overwrites(tape)
        self._constants = {slot: tape.value(slot) for slot in tape.constants}
        self.live_bytes = _live_bytes(tape)
        self.operations = {name_of(call) for call in tape.calls}
        self._joined = {
            slot: tape.value(slot)
            for call in tape.calls
            for slot in call.outputs
            if call.function is torch.ops.aten.cat.default and slot in tape.outputs
        }
        self._tape = replace(tape, values=[])

    def bind(self, inputs: Sequence[Tensor]) -> Replay:
        """The function that replays the tape on these tensors, which must stay where they are.

        The rows of gradients that it gives lie where those of the replay before lay.
        """
        places = _Places(self._tape, inputs, self._fixed, self._changed, self._constants)
        calls = [call for call in self._tape.calls if not places.settle(call)]
        joined = {slot: torch.empty_like(like) for slot, like in self._joined.items()}
        return _compiled(self._tape, calls, places.values, joined)

    def graph(self) -> fx.GraphModule:
        """The tape as a graph of its inputs, for compilers; gives a tuple."""
        graph, root = fx.Graph(), nn.Module()
        nodes = {slot: graph.placeholder(f"input_{slot.number}") for slot in self._tape.inputs}
        for slot, value in self._constants.items():
            name = f"constant_{slot.number}"
            root.register_buffer(name, value)
            nodes[slot] = graph.get_attr(name)
        for call in self._tape.calls:
            kwargs = _filled_dict(call, nodes)
            result = graph.call_function(call.function, _filled(call.args, nodes), kwargs)
            for i, each in enumerate(call.results):
                if each is not None:
                    whole = call.is_single
                    nodes[each] = result if whole else graph.call_function(getitem, (result, i))
        graph.output(tuple(nodes[slot] for slot in self._tape.outputs))
        return fx.GraphModule(root, graph)


def _live_bytes(tape: Tape) -> int:
    """Memory lives as long as any view of it, so it is told apart by where it lies."""

    def places(slots: Sequence[Slot]) -> set[int]:
        return {tape.value(slot).untyped_storage().data_ptr() for slot in slots}

    sizes = {s.data_ptr(): s.nbytes() for s in (v.untyped_storage() for v in tape.values)}
    given = places([*tape.inputs, *tape.constants])
    touched = [places([*call.inputs, *call.outputs]) - given for call in tape.calls]
    last = {place: i for i, here in enumerate(touched) for place in here}
    last.update(dict.fromkeys(places(tape.outputs), len(tape.calls)))
    live: set[int] = set()
    peak = 0
    for i, here in enumerate(touched):
        live |= here
        peak = max(peak, sum(sizes[place] for place in live))
        live -= {place for place in here if last[place] == i}
    return peak


class _Places:
    """What is known before the first replay: tensors by slot."""

    def __init__(
        self,
        tape: Tape,
        inputs: Sequence[Tensor],
        fixed: Collection[int],
        changed: set[Slot],
        constants: Mapping[Slot, Tensor],
    ) -> None:
        self.values = {**dict(zip(tape.inputs, inputs, strict=True)), **constants}
        self._changed = changed
        self._content = {s for i, s in enumerate(tape.inputs) if i in fixed} | set(tape.constants)
        self._content -= changed

    def settle(self, call: Call) -> bool:
        """Whether the call is done now, once and for all."""
        if written(call) or self._changed & set(call.outputs):
            return False
        inputs = call.inputs
        if all(slot in self._content for slot in inputs):
            self._content |= set(call.outputs)
        elif not (_is_view(call) and all(slot in self.values for slot in inputs)):
            return False
        result = call.function(*_filled(call.args, self.values), **_filled_dict(call, self.values))
        for slot, value in zip(call.results, [result] if call.is_single else result, strict=True):
            if slot is not None:
                self.values[slot] = value
        return True


def _is_view(call: Call) -> bool:
    return bool(getattr(call.function, "is_view", False))


def _filled(tree: Any, values: Mapping[Slot, Any]) -> Any:
    if isinstance(tree, Slot):
        return values[tree]
    if isinstance(tree, tuple | list):
        return type(tree)(_filled(part, values) for part in tree)
    return tree


def _filled_dict(call: Call, values: Mapping[Slot, Any]) -> dict[str, Any]:
    return {key: _filled(value, values) for key, value in call.kwargs.items()}


def _compiled(
    tape: Tape, calls: Sequence[Call], known: dict[Slot, Tensor], joined: Mapping[Slot, Tensor]
) -> Replay:
    """Python source with a line an operation, each result dropped after its last use.

    Args:
        tape: whose outputs the function gives.
        calls: to do at every replay.
        known: tensors that are there already.
        joined: places for the largest results, which fresh memory, cleared by the kernel at every
            replay, would make slow.
    """
    names: dict[str, Any] = {}
    writer = _Writer(names, known)
    last: dict[Slot, int] = {}
    for i, call in enumerate(calls):
        last.update(dict.fromkeys([*call.inputs, *call.outputs], i))
    keep = set(tape.outputs)
    lines = []
    for i, call in enumerate(calls):
        place = joined.get(call.outputs[0]) if call.outputs else None
        lines.append(writer.line(call, place))
        over = [s for s in {*call.inputs, *call.outputs} if last[s] == i and s not in keep]
        drop = [f"v{s.number}" for s in over if s not in known]
        if drop:
            lines.append(f"del {', '.join(sorted(drop))}")
    outputs = ", ".join(writer.text(slot) for slot in tape.outputs)
    parameters = ", ".join(f"{name}={name}" for name in names)
    body = "\n    ".join([*lines, f"return [{outputs}]"])
    namespace = dict(names)
    exec(compile(f"def run({parameters}):\n    {body}\n", "<a recorded step>", "exec"), namespace)
    run: Replay = namespace["run"]
    return run


class _Writer:
    def __init__(self, names: dict[str, Any], known: dict[Slot, Tensor]) -> None:
        self._names = names
        self._known = known

    def line(self, call: Call, place: Tensor | None) -> str:
        """The call; its result goes to `place`, if it has one."""
        function = self._name(binding(call.function), "f")
        parts = [self.text(argument) for argument in call.args]
        parts += [f"{key}={self.text(value)}" for key, value in call.kwargs.items()]
        if place is not None:
            parts.append(f"out={self._name(place, 'p')}")
        return f"{self._target(call)}{function}({', '.join(parts)})"

    def _target(self, call: Call) -> str:
        """The left side; results that are no tensors are passed over."""
        names = ["_" if slot is None else f"v{slot.number}" for slot in call.results]
        return (
            "".join(f"{name}, " for name in names[:-1])
            + names[-1]
            + (" = " if call.is_single else ", = ")
        )

    def text(self, argument: Any) -> str:
        if isinstance(argument, Slot):
            if argument in self._known:
                return self._name(self._known[argument], f"c{argument.number}_")
            return f"v{argument.number}"
        if isinstance(argument, list):
            return f"[{', '.join(self.text(part) for part in argument)}]"
        if isinstance(argument, tuple):
            return f"({''.join(self.text(part) + ', ' for part in argument)})"
        if argument is None or isinstance(argument, bool | int):
            return repr(argument)
        return self._name(argument, "k")

    def _name(self, value: Any, prefix: str) -> str:
        name = f"{prefix}{id(value)}" if not isinstance(value, float) else f"k{len(self._names)}"
        self._names[name] = value
        return name
