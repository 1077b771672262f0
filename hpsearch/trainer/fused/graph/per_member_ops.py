"""Operations to which vmap gives all members' channels, or words, as one: made right for each.

`torch.func.vmap` lays the channels of a batch norm side by side, and the tables of an embedding
one below the other, and calls the one kernel. What that kernel does at the end of a row of
channels, and to the one row of a table that is named to it, is then not what it does to a member
alone. (Seen with torch 2.13.)
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from hpsearch.trainer.fused.graph.batch_invariance import LANES
from hpsearch.trainer.fused.graph.effects import name_of, named_as
from hpsearch.trainer.fused.graph.trace import Call, Tape

_TRANSFORMS = {"aten::_fft_r2c", "aten::_fft_c2c", "aten::_fft_c2r"}


def own_words(tape: Tape, members: int) -> Tape:
    """Embeddings whose padding word has no gradient in any member.

    Torch's rule names the padding word of the first member's table only.
    """
    return replace(tape, calls=[_with_own_padding(call, members) for call in tape.calls])


def _with_own_padding(call: Call, members: int) -> Call:
    if name_of(call) != "aten::embedding_dense_backward":
        return call
    words, padding = call.args[2:4]
    if padding < 0 or words % members:
        return call
    function = call.function

    def without_padding(gradient: Tensor, indices: Tensor, *rest: Any) -> Tensor:
        result: Tensor = function(gradient, indices, words, -1, *rest[2:])
        result.view(members, words // members, -1)[:, padding] = 0
        return result

    return replace(call, function=named_as(function, without_padding))


def whole_channels(tape: Tape, members: int) -> Tape:
    """Batch norms over rows of channels that fill the vector registers.

    Where a channel has one number a row of the batch, the last channels are computed by other code.
    """
    calls = []
    for call in tape.calls:
        name = name_of(call)
        if name in ("aten::native_batch_norm", "aten::native_batch_norm_backward"):
            make = _batch_norm_backward if name.endswith("_backward") else _batch_norm
            value = tape.value(call.args[0])
            is_plane = value.numel() != value.shape[0] * value.shape[1]
            if not is_plane and value.shape[1] // members % LANES:
                call = replace(call, function=named_as(call.function, make(call.function)))
        calls.append(call)
    return replace(tape, calls=calls)


def one_by_one(tape: Tape, members: int) -> Tape:
    """Fourier transforms of one member after another.

    Several transforms are done in the lanes of one register, the last few by other code.
    """
    calls = []
    for call in tape.calls:
        if name_of(call) in _TRANSFORMS and len(tape.value(call.args[0])) == members:
            call = replace(call, function=named_as(call.function, _of_each(call.function)))
        calls.append(call)
    return replace(tape, calls=calls)


def _of_each(function: Any) -> Callable[..., Tensor]:
    def of_each(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return torch.cat([function(one, *args, **kwargs) for one in torch.split(x, 1)])

    return of_each


def _batch_norm(function: Any) -> Callable[..., Any]:
    def on_whole_vectors(
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        mean: Tensor | None,
        var: Tensor | None,
        is_training: bool,
        *rest: Any,
    ) -> tuple[Tensor, ...]:
        wide = _wider([x, weight, bias, mean, var])
        found = function(*wide, is_training, *rest)
        for own, updated in zip((mean, var), wide[3:], strict=True):
            if is_training and own is not None and updated is not None:
                own.copy_(updated[: len(own)])
        return tuple(_narrower(tensor, x.shape[1]) for tensor in found)

    return on_whole_vectors


def _batch_norm_backward(function: Any) -> Callable[..., Any]:
    def on_whole_vectors(gradient: Tensor, x: Tensor, *rest: Any) -> tuple[Tensor | None, ...]:
        wide = _wider([gradient, x, *rest[:5]])
        found = function(*wide, *rest[5:])
        return tuple(None if t is None else _narrower(t, x.shape[1]) for t in found)

    return on_whole_vectors


def _wider(tensors: Sequence[Tensor | None]) -> list[Tensor | None]:
    """With further channels of ones behind; those of a tensor are its last dimension, or second."""
    wide: list[Tensor | None] = []
    for tensor in tensors:
        if tensor is None or not tensor.numel():  # of an evaluation nothing is saved
            wide.append(tensor)
            continue
        within = max(tensor.dim() - 2, 0)
        rest = -tensor.shape[-1 - within] % LANES
        wide.append(torch.constant_pad_nd(tensor, (*[0, 0] * within, 0, rest), 1.0))
    return wide


def _narrower(tensor: Tensor, channels: int) -> Tensor:
    if tensor.dim() == 1:
        return tensor[:channels]
    return tensor[:, :channels].contiguous()
