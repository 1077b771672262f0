"""How a step of a stack is taken once it has been recorded.

On the CPU the recorded operations are replayed, and just the rows that move are updated, each by a
kernel of its own: that is the fastest, and no row knows of another. For compilers and GPUs a step
is one sequence of operations over all rows, in which `commit` says whose update is kept.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from hpsearch.trainer.fused.graph.program import Program, Replay
from hpsearch.trainer.fused.optim.optimizers import Stacked

_WARM_UPS = 3  # before a capture: libraries make their workspaces in the first calls


class Move(Protocol):
    """A step of one phase."""

    def __call__(self, members: Sequence[int]) -> Tensor:
        """Update these members; gives losses [members of the stack], 0 where none was computed."""
        ...


class Replayed:
    """All rows are computed in one go, and these members' are updated.

    Args:
        run: gives the losses and the gradients.
        optimizer: of the phase.
        mask: the bits that a gradient may have; None if the stack is not padded.
        buffers: of all networks, which a row that does not move keeps.
        count: of rows.
    """

    def __init__(
        self,
        run: Replay,
        optimizer: Stacked,
        mask: Tensor | None,
        buffers: Sequence[Tensor],
        count: int,
    ) -> None:
        self._run, self._optimizer, self._mask = run, optimizer, mask
        self._buffers, self._count = buffers, count

    def __call__(self, members: Sequence[int]) -> Tensor:
        others = None
        if self._buffers and len(members) < self._count:
            others = torch.ones(self._count, dtype=torch.bool)
            others[list(members)] = False
            before = [buffer[others] for buffer in self._buffers]
        losses, gradients = self._run()
        if others is not None:
            for buffer, old in zip(self._buffers, before, strict=True):
                buffer[others] = old
        if self._mask is not None:
            gradients.view(self._mask.dtype).bitwise_and_(self._mask)
        self._optimizer.step(gradients, members)
        return losses


class Looped:
    """One member after another.

    Args:
        runs: of each member; gives its loss and its gradients' row.
        optimizer: of the phase.
        gradients: a place for all rows.
        mask: the bits that a gradient may have; None if the stack is not padded.
    """

    def __init__(
        self, runs: Sequence[Replay], optimizer: Stacked, gradients: Tensor, mask: Tensor | None
    ) -> None:
        self._runs, self._optimizer = runs, optimizer
        self._gradients, self._mask = gradients, mask

    def __call__(self, members: Sequence[int]) -> Tensor:
        losses = self._gradients.new_zeros(len(self._runs))
        for k in members:
            losses[k], self._gradients[k] = self._runs[k]()
        if self._mask is not None:
            self._gradients.view(self._mask.dtype).bitwise_and_(self._mask)
        self._optimizer.step(self._gradients, members)
        return losses


class Whole:
    """A step of all rows, of which the committed ones move.

    Args:
        program: gives the losses and the gradients.
        inputs: of the program.
        optimizer: of the phase.
        rows: its parameters.
        mask: the bits that a gradient may have; None if the stack is not padded.
        buffers: of all networks, which a row that is not committed keeps.
    """

    def __init__(
        self,
        program: Program,
        inputs: Sequence[Tensor],
        optimizer: Stacked,
        rows: Tensor,
        mask: Tensor | None,
        buffers: Sequence[Tensor],
    ) -> None:
        graph: Callable[..., tuple[Tensor, Tensor]] = program.graph()
        tensors = list(inputs)

        def move(commit: Tensor) -> Tensor:
            before = [buffer.clone() for buffer in buffers]
            losses, gradients = graph(*tensors)
            if mask is not None:
                gradients = (gradients.view(mask.dtype) & mask).view(gradients.dtype)
            optimizer.update(rows, gradients, commit)
            for buffer, old in zip(buffers, before, strict=True):
                kept = commit.view(-1, *[1] * (buffer.dim() - 1))
                buffer.copy_(torch.where(kept, buffer, old))
            return losses

        self.move: Callable[[Tensor], Tensor] = move
        self.count = len(rows)
        self.device = rows.device
        self.state = [rows, optimizer.counts, *optimizer.states, *buffers]

    def commit(self, members: Sequence[int]) -> Tensor:
        """Whose update is kept, [rows]."""
        commit = torch.zeros(self.count, dtype=torch.bool)
        commit[list(members)] = True
        return commit


def compiled(program: Program, inputs: Sequence[Tensor]) -> Replay:
    """The program through torch.compile, whose results are kept on disk between runs."""
    _keep_compiled()
    graph, tensors = program.graph(), list(inputs)
    run = torch.compile(lambda: list(graph(*tensors)), fullgraph=True, dynamic=False)
    replay: Replay = torch.no_grad()(run)
    return replay


class Captured:
    """As a CUDA graph; what the warm-up and the capture do to the state is undone.

    Args:
        whole: the step.
        is_compiled: whether torch.compile makes its kernels.
    """

    def __init__(self, whole: Whole, *, is_compiled: bool) -> None:
        self._whole = whole
        move = whole.move
        if is_compiled:
            _keep_compiled()
            move = torch.compile(move, fullgraph=True, dynamic=False)
        device = whole.device
        self._commit = torch.zeros(whole.count, dtype=torch.bool, device=device)
        before = [tensor.clone() for tensor in whole.state]
        side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(side), torch.no_grad():
            for _ in range(_WARM_UPS):
                move(self._commit)
        torch.cuda.current_stream(device).wait_stream(side)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph), torch.no_grad():
            self._losses = move(self._commit)
        for tensor, old in zip(whole.state, before, strict=True):
            tensor.copy_(old)

    def __call__(self, members: Sequence[int]) -> Tensor:
        self._commit.copy_(self._whole.commit(members))
        self._graph.replay()
        return self._losses


def _keep_compiled() -> None:
    """Say where torch.compile keeps what it has made, unless somebody has."""
    folder = os.environ.get("HPSEARCH_CACHE")
    cache = Path(folder) if folder else Path.home() / ".cache" / "hpsearch"
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache / "inductor"))
