"""Passes over operations for which vmap merges the members' channels or embedding tables.

`torch.func.vmap` concatenates the channels of a batch norm, and the tables of an embedding, and
calls the unbatched kernel. The kernel's treatment of the last channels, and of the padding index,
then differs from that of a single member. (Observed with torch 2.13.)
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from hpsearch.trainer.fused.graph.batch_invariance import LANES
from hpsearch.trainer.fused.graph.effects import as_op, op_name
from hpsearch.trainer.fused.graph.trace import Call, Trace

_TRANSFORMS = {"aten::_fft_r2c", "aten::_fft_c2c", "aten::_fft_c2r"}


def mask_padding_gradients(trace: Trace, members: int) -> Trace:
    """Zero the gradient of the embedding's padding index for every member.

    vmap's batching rule passes the padding index of the first member's table only.
    """
    return replace(trace, calls=[_masked(call, members) for call in trace.calls])


def _masked(call: Call, members: int) -> Call:
    if op_name(call) != "aten::embedding_dense_backward":
        return call
    words, padding = call.args[2:4]
    if padding < 0 or words % members:
        return call
    function = call.function

    def without_padding(gradient: Tensor, indices: Tensor, *rest: Any) -> Tensor:
        result: Tensor = function(gradient, indices, words, -1, *rest[2:])
        result.view(members, words // members, -1)[:, padding] = 0
        return result

    return replace(call, function=as_op(function, without_padding))


def pad_channels(trace: Trace, members: int) -> Trace:
    """Pad the channels of batch norms to whole vectors.

    For inputs [batch, channels] the kernel computes the last channels with scalar code.
    """
    calls = []
    for call in trace.calls:
        name = op_name(call)
        if name in ("aten::native_batch_norm", "aten::native_batch_norm_backward"):
            make = _batch_norm_backward if name.endswith("_backward") else _batch_norm
            value = trace.value(call.args[0])
            is_plane = value.numel() != value.shape[0] * value.shape[1]
            if not is_plane and value.shape[1] // members % LANES:
                call = replace(call, function=as_op(call.function, make(call.function)))
        calls.append(call)
    return replace(trace, calls=calls)


def split_transforms(trace: Trace, members: int) -> Trace:
    """Compute Fourier transforms for each member separately.

    The kernel vectorizes over transforms, and computes the last few with scalar code.
    """
    calls = []
    for call in trace.calls:
        if op_name(call) in _TRANSFORMS and len(trace.value(call.args[0])) == members:
            call = replace(call, function=as_op(call.function, _per_member(call.function)))
        calls.append(call)
    return replace(trace, calls=calls)


def _per_member(function: Any) -> Callable[..., Tensor]:
    def of_each(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return torch.cat([function(one, *args, **kwargs) for one in torch.split(x, 1)])

    return of_each


def _batch_norm(function: Any) -> Callable[..., Any]:
    def padded(
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        mean: Tensor | None,
        var: Tensor | None,
        is_training: bool,
        *rest: Any,
    ) -> tuple[Tensor, ...]:
        wide = _with_padding([x, weight, bias, mean, var])
        results = function(*wide, is_training, *rest)
        for own, updated in zip((mean, var), wide[3:], strict=True):
            if is_training and own is not None and updated is not None:
                own.copy_(updated[: len(own)])
        return tuple(_without_padding(tensor, x.shape[1]) for tensor in results)

    return padded


def _batch_norm_backward(function: Any) -> Callable[..., Any]:
    def padded(gradient: Tensor, x: Tensor, *rest: Any) -> tuple[Tensor | None, ...]:
        wide = _with_padding([gradient, x, *rest[:5]])
        results = function(*wide, *rest[5:])
        return tuple(None if t is None else _without_padding(t, x.shape[1]) for t in results)

    return padded


def _with_padding(tensors: Sequence[Tensor | None]) -> list[Tensor | None]:
    """Pad the channels (dimension 1, or 0 of a vector) with ones to whole vectors."""
    wide: list[Tensor | None] = []
    for tensor in tensors:
        if tensor is None or not tensor.numel():  # in eval mode no statistics are saved
            wide.append(tensor)
            continue
        within = max(tensor.dim() - 2, 0)
        rest = -tensor.shape[-1 - within] % LANES
        wide.append(torch.constant_pad_nd(tensor, (*[0, 0] * within, 0, rest), 1.0))
    return wide


def _without_padding(tensor: Tensor, channels: int) -> Tensor:
    if tensor.dim() == 1:
        return tensor[:channels]
    return tensor[:, :channels].contiguous()
