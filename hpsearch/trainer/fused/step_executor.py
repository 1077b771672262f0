"""Executors of a traced step.

On the CPU the trace is replayed, and the updated rows go through optimizer kernels one by one: the
fastest way, which makes rows independent. For compilers and GPUs a step is one sequence of
operations over all rows, whose updates a mask commits.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from hpsearch.trainer.fused.graph.program import Program, Replay
from hpsearch.trainer.fused.optim.optimizers import StackedOptimizer

_WARM_UPS = 3  # before a capture: libraries allocate workspaces in the first calls


class StepExecutor(Protocol):
    """A step of one phase."""

    def __call__(self, members: Sequence[int]) -> Tensor:
        """Update these members; returns losses [rows], 0 where none was computed."""
        ...


@dataclass(eq=False, frozen=True)
class ReplayStep:
    """Replays a trace, and updates rows one by one.

    Attributes:
        gradients: gives the losses and the gradients of all rows, correct for the given members.
        mask: the bits of a gradient that are no padding; None if the stack is not padded.
    """

    gradients: Callable[[Sequence[int]], Sequence[Tensor]]
    optimizer: StackedOptimizer
    mask: Tensor | None

    def __call__(self, members: Sequence[int]) -> Tensor:
        losses, gradients = self.gradients(members)
        if self.mask is not None:
            gradients.view(self.mask.dtype).bitwise_and_(self.mask)
        self.optimizer.step(gradients, members)
        return losses


class BatchedGradients:
    """Computes all rows together, and restores the buffers [rows, ...] of the other members."""

    def __init__(self, run: Replay, buffers: Sequence[Tensor], count: int) -> None:
        self._run, self._buffers, self._count = run, buffers, count

    def __call__(self, members: Sequence[int]) -> Sequence[Tensor]:
        if not self._buffers or len(members) == self._count:
            return self._run()
        others = torch.ones(self._count, dtype=torch.bool)
        others[list(members)] = False
        before = [buffer[others] for buffer in self._buffers]
        results = self._run()
        for buffer, old in zip(self._buffers, before, strict=True):
            buffer[others] = old
        return results


class LoopedGradients:
    """Computes one member after another; `rows` is a buffer for the gradients of all."""

    def __init__(self, runs: Sequence[Replay], rows: Tensor) -> None:
        self._runs, self._rows = runs, rows

    def __call__(self, members: Sequence[int]) -> Sequence[Tensor]:
        losses = self._rows.new_zeros(len(self._runs))
        for k in members:
            losses[k], self._rows[k] = self._runs[k]()
        return losses, self._rows


class StackStep:
    """A step of all rows, whose updates are committed for some.

    Args:
        mask: the bits of a gradient that are no padding; None if the stack is not padded.

    Attributes:
        step: the step as a function of the commit mask; returns losses.
        state: all tensors that a step changes.
    """

    def __init__(
        self,
        program: Program,
        inputs: Sequence[Tensor],
        optimizer: StackedOptimizer,
        rows: Tensor,
        mask: Tensor | None,
        buffers: Sequence[Tensor],
    ) -> None:
        graph: Callable[..., tuple[Tensor, Tensor]] = program.graph()
        tensors = list(inputs)

        def step(commit: Tensor) -> Tensor:
            before = [buffer.clone() for buffer in buffers]
            losses, gradients = graph(*tensors)
            if mask is not None:
                gradients = (gradients.view(mask.dtype) & mask).view(gradients.dtype)
            optimizer.update(rows, gradients, commit)
            for buffer, old in zip(buffers, before, strict=True):
                is_committed = commit.view(-1, *[1] * (buffer.dim() - 1))
                buffer.copy_(torch.where(is_committed, buffer, old))
            return losses

        self.step: Callable[[Tensor], Tensor] = step
        self.count = len(rows)
        self.device = rows.device
        self.state = [rows, optimizer.counts, *optimizer.states, *buffers]

    def commit(self, members: Sequence[int]) -> Tensor:
        """The commit mask of these members, [rows], bool."""
        commit = torch.zeros(self.count, dtype=torch.bool)
        commit[list(members)] = True
        return commit


def compile_program(program: Program, inputs: Sequence[Tensor]) -> Replay:
    """Compile a program with torch.compile, which caches its results on disk."""
    _set_compile_cache()
    graph, tensors = program.graph(), list(inputs)
    run = torch.compile(lambda: list(graph(*tensors)), fullgraph=True, dynamic=False)
    replay: Replay = torch.no_grad()(run)
    return replay


class CudaGraphStep:
    """Replays a step as a CUDA graph; warm-up and capture leave the state unchanged."""

    def __init__(self, step: StackStep, *, is_compiled: bool) -> None:
        self._step = step
        run = step.step
        if is_compiled:
            _set_compile_cache()
            run = torch.compile(run, fullgraph=True, dynamic=False)
        device = step.device
        self._commit = torch.zeros(step.count, dtype=torch.bool, device=device)
        before = [tensor.clone() for tensor in step.state]
        side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(side), torch.no_grad():
            for _ in range(_WARM_UPS):
                run(self._commit)
        torch.cuda.current_stream(device).wait_stream(side)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph), torch.no_grad():
            self._losses = run(self._commit)
        for tensor, old in zip(step.state, before, strict=True):
            tensor.copy_(old)

    def __call__(self, members: Sequence[int]) -> Tensor:
        self._commit.copy_(self._step.commit(members))
        self._graph.replay()
        return self._losses


def _set_compile_cache() -> None:
    """Set the folder of torch.compile's cache, unless it is set."""
    folder = os.environ.get("HPSEARCH_CACHE")
    cache = Path(folder) if folder else Path.home() / ".cache" / "hpsearch"
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache / "inductor"))
