"""The same ATen operations by the names that Python reaches fastest, and on numbers that are fast.

A call through `torch.ops` takes half a microsecond longer than one through the binding that torch
generates for it, a view a whole one, and a small step consists of some hundred such calls.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

_aten = torch.ops.aten

# Those whose binding takes the operation's own arguments, in the same order.
_NAMES: dict[Any, Callable[..., Any]] = {
    _aten.abs.default: torch.abs,
    _aten.add.Tensor: torch.add,
    _aten.add.Scalar: torch.add,
    _aten.baddbmm.default: torch.baddbmm,
    _aten.bmm.default: torch.bmm,
    _aten.cat.default: torch.cat,
    _aten.clone.default: torch.clone,
    _aten.div.Scalar: torch.div,
    _aten.div.Tensor: torch.div,
    _aten.eq.Scalar: torch.eq,
    _aten.exp.default: torch.exp,
    _aten.expand.default: Tensor.expand,
    _aten.gather.default: torch.gather,
    _aten.ge.Tensor: torch.ge,
    _aten.leaky_relu.default: torch._C._nn.leaky_relu,
    _aten.log.default: torch.log,
    _aten.mean.dim: torch.mean,
    _aten.mul.Scalar: torch.mul,
    _aten.mul.Tensor: torch.mul,
    _aten.neg.default: torch.neg,
    _aten.permute.default: torch.permute,
    _aten.pow.Tensor_Scalar: torch.pow,
    _aten.relu.default: torch.relu,
    _aten.sigmoid.default: torch.sigmoid,
    _aten.sqrt.default: torch.sqrt,
    _aten.sub.Tensor: torch.sub,
    _aten.sum.dim_IntList: torch.sum,
    _aten.tanh.default: torch.tanh,
    _aten.transpose.int: torch.transpose,
    _aten.unsqueeze.default: torch.unsqueeze,
    _aten.view.default: Tensor.view,
    _aten.where.self: torch.where,
}


@contextlib.contextmanager
def without_denormals() -> Iterator[None]:
    """Numbers below 1.2e-38 are zero inside the block (2.2e-308 in float64).

    A processor takes up to a hundred times as long for one of them, and training makes them: what
    Adam keeps of a unit that died shrinks at every step until it is one, and then stays one.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def binding(function: Any) -> Any:
    """A function that does the same, sooner."""
    return _NAMES.get(function, function)
