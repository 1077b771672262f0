"""A function, recorded, optimize and replayed as a step of a group is."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from hpsearch.trainer.fused.graph.passes import optimize
from hpsearch.trainer.fused.graph.program import Program
from hpsearch.trainer.fused.graph.trace import Trace, record

torch.set_num_threads(1)


def traced(function: Callable[..., Any], *inputs: Tensor) -> Trace:
    """What a function of these tensors does; it gives one tensor, or several."""
    before = [tensor.clone() for tensor in inputs]

    def run() -> list[Tensor]:
        found = function(*inputs)
        return [found] if isinstance(found, Tensor) else list(found)

    trace, _ = record(run, inputs)
    for tensor, old in zip(inputs, before, strict=True):
        tensor.copy_(old)
    return trace


def program_of(
    function: Callable[..., Any],
    *inputs: Tensor,
    members: int | None = None,
    fixed: Sequence[int] = (),
) -> Program:
    return Program(optimize(traced(function, *inputs), members), frozenset(fixed))


def replayed(
    function: Callable[..., Any], *inputs: Tensor, members: int | None = None
) -> list[Tensor]:
    """What the program of a function gives for the tensors that it was recorded with."""
    return program_of(function, *inputs, members=members).bind(inputs)()


class Dispatched(TorchDispatchMode):
    """The names of the operations that are run inside the block."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.append(func.name())
        return func(*args, **(kwargs or {}))


def numbers(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Standard normal numbers times others' exponentials: of all sizes."""
    generator = torch.Generator().manual_seed(seed)
    x, size = torch.randn((2, *shape), generator=generator, dtype=torch.float64)
    return (x * size.exp()).to(dtype)
