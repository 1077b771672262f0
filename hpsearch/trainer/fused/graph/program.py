"""A trace compiled to straight-line Python, bound to tensors at fixed addresses.

Views of bound tensors are taken once, and calls that depend only on constants run once.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from operator import getitem
from typing import Any

import torch
from torch import Tensor, fx, nn

from hpsearch.trainer.fused.graph.bindings import fast_binding
from hpsearch.trainer.fused.graph.effects import mutated_slots, op_name, written_slots
from hpsearch.trainer.fused.graph.trace import Call, Slot, Trace

Replay = Callable[[], list[Tensor]]


class Program:
    """An optimized trace that can be bound to tensors.

    Args:
        fixed: positions of the inputs whose values do not change after binding.
    """

    def __init__(self, trace: Trace, fixed: frozenset[int]) -> None:
        self._fixed = fixed
        self._changed = mutated_slots(trace)
        self._constants = {slot: trace.value(slot) for slot in trace.constants}
        self.peak_bytes = _peak_bytes(trace)
        self.operations = {op_name(call) for call in trace.calls}
        self._joined = {
            slot: trace.value(slot)
            for call in trace.calls
            for slot in call.outputs
            if call.function is torch.ops.aten.cat.default and slot in trace.outputs
        }
        self._trace = replace(trace, values=[])

    def bind(self, inputs: Sequence[Tensor]) -> Replay:
        """A function that replays the trace on these tensors, which must keep their addresses.

        Every replay writes the concatenated gradients to the same memory.
        """
        bindings = _Bindings(self._trace, inputs, self._fixed, self._changed, self._constants)
        calls = [call for call in self._trace.calls if not bindings.run_once(call)]
        joined = {slot: torch.empty_like(like) for slot, like in self._joined.items()}
        return _generate_source(self._trace, calls, bindings.values, joined)

    def graph(self) -> fx.GraphModule:
        """The trace as an FX graph of its inputs that returns a tuple, for compilers."""
        graph, root = fx.Graph(), nn.Module()
        nodes = {slot: graph.placeholder(f"input_{slot.number}") for slot in self._trace.inputs}
        for slot, value in self._constants.items():
            name = f"constant_{slot.number}"
            root.register_buffer(name, value)
            nodes[slot] = graph.get_attr(name)
        for call in self._trace.calls:
            kwargs = _resolve_kwargs(call, nodes)
            result = graph.call_function(call.function, _resolve(call.args, nodes), kwargs)
            for i, returned in enumerate(call.results):
                if returned is not None:
                    is_single = call.is_single
                    nodes[returned] = (
                        result if is_single else graph.call_function(getitem, (result, i))
                    )
        graph.output(tuple(nodes[slot] for slot in self._trace.outputs))
        return fx.GraphModule(root, graph)


def _peak_bytes(trace: Trace) -> int:
    """Peak memory of intermediate results; a storage lives as long as any view of it."""

    def storages(slots: Sequence[Slot]) -> set[int]:
        return {trace.value(slot).untyped_storage().data_ptr() for slot in slots}

    sizes = {s.data_ptr(): s.nbytes() for s in (v.untyped_storage() for v in trace.values)}
    given = storages([*trace.inputs, *trace.constants])
    touched = [storages([*call.inputs, *call.outputs]) - given for call in trace.calls]
    last_use = {storage: i for i, used in enumerate(touched) for storage in used}
    last_use.update(dict.fromkeys(storages(trace.outputs), len(trace.calls)))
    live: set[int] = set()
    peak = 0
    for i, used in enumerate(touched):
        live |= used
        peak = max(peak, sum(sizes[storage] for storage in live))
        live -= {storage for storage in used if last_use[storage] == i}
    return peak


class _Bindings:
    """Tensors that are known before the first replay, by slot."""

    def __init__(
        self,
        trace: Trace,
        inputs: Sequence[Tensor],
        fixed: Collection[int],
        changed: set[Slot],
        constants: Mapping[Slot, Tensor],
    ) -> None:
        self.values = {**dict(zip(trace.inputs, inputs, strict=True)), **constants}
        self._changed = changed
        self._constant_slots = {s for i, s in enumerate(trace.inputs) if i in fixed} | set(
            trace.constants
        )
        self._constant_slots -= changed

    def run_once(self, call: Call) -> bool:
        """Run a call now if no replay needs to repeat it; whether it ran."""
        if written_slots(call) or self._changed & set(call.outputs):
            return False
        inputs = call.inputs
        if all(slot in self._constant_slots for slot in inputs):
            self._constant_slots |= set(call.outputs)
        elif not (_is_view(call) and all(slot in self.values for slot in inputs)):
            return False
        result = call.function(
            *_resolve(call.args, self.values), **_resolve_kwargs(call, self.values)
        )
        for slot, value in zip(call.results, [result] if call.is_single else result, strict=True):
            if slot is not None:
                self.values[slot] = value
        return True


def _is_view(call: Call) -> bool:
    return bool(getattr(call.function, "is_view", False))


def _resolve(tree: Any, values: Mapping[Slot, Any]) -> Any:
    if isinstance(tree, Slot):
        return values[tree]
    if isinstance(tree, tuple | list):
        return type(tree)(_resolve(part, values) for part in tree)
    return tree


def _resolve_kwargs(call: Call, values: Mapping[Slot, Any]) -> dict[str, Any]:
    return {key: _resolve(value, values) for key, value in call.kwargs.items()}


def _generate_source(
    trace: Trace, calls: Sequence[Call], known: dict[Slot, Tensor], joined: Mapping[Slot, Tensor]
) -> Replay:
    """Compile calls to a Python function that drops each result after its last use.

    The largest results have output buffers, `joined`: the operating system would clear newly
    allocated memory at every replay.
    """
    names: dict[str, Any] = {}
    writer = _Writer(names, known)
    last: dict[Slot, int] = {}
    for i, call in enumerate(calls):
        last.update(dict.fromkeys([*call.inputs, *call.outputs], i))
    keep = set(trace.outputs)
    lines = []
    for i, call in enumerate(calls):
        out = joined.get(call.outputs[0]) if call.outputs else None
        lines.append(writer.line(call, out))
        unused = [s for s in {*call.inputs, *call.outputs} if last[s] == i and s not in keep]
        drop = [f"v{s.number}" for s in unused if s not in known]
        if drop:
            lines.append(f"del {', '.join(sorted(drop))}")
    outputs = ", ".join(writer.text(slot) for slot in trace.outputs)
    parameters = ", ".join(f"{name}={name}" for name in names)
    body = "\n    ".join([*lines, f"return [{outputs}]"])
    namespace = dict(names)
    exec(compile(f"def run({parameters}):\n    {body}\n", "<a traced step>", "exec"), namespace)
    run: Replay = namespace["run"]
    return run


class _Writer:
    def __init__(self, names: dict[str, Any], known: dict[Slot, Tensor]) -> None:
        self._names = names
        self._known = known

    def line(self, call: Call, out: Tensor | None) -> str:
        """The call as source, with `out` as its output buffer if given."""
        function = self._name(fast_binding(call.function), "f")
        parts = [self.text(argument) for argument in call.args]
        parts += [f"{key}={self.text(value)}" for key, value in call.kwargs.items()]
        if out is not None:
            parts.append(f"out={self._name(out, 'p')}")
        return f"{self._target(call)}{function}({', '.join(parts)})"

    def _target(self, call: Call) -> str:
        """The left side of the assignment; results that are no tensors are ignored."""
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
