"""The update formulas of optimizers, for trials of one kind whose parameters are rows of a tensor.

Each has two forms. `step` updates one row through torch's fused kernels, the fastest way on the
CPU; a row's bits do not depend on other rows. `change` is a pure tensor function of all rows, for
GPUs and compilers.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from hpsearch.trainer.trainer import Optimizer

State = dict[str, Tensor]


def _adam_options(beta1: float, beta2: float, eps: float, weight_decay: float) -> dict[str, Any]:
    options = {"beta1": beta1, "beta2": beta2, "eps": eps, "weight_decay": weight_decay}
    return {name: float(value) for name, value in options.items()} | {
        "amsgrad": False,
        "maximize": False,
    }


def column(
    optimizers: Sequence[Optimizer], value: Callable[[Optimizer], float], device: torch.device
) -> Tensor:
    """A value of every optimizer as a column [n, 1], float64."""
    values = [[float(value(optimizer))] for optimizer in optimizers]
    return torch.tensor(values, dtype=torch.float64, device=device)


class Formula(ABC):
    """The rows of one kind of optimizer.

    Args:
        parameters: the rows, each [P] and contiguous: the kernels ignore strides.

    Attributes:
        states: torch.optim's state of every parameter by its name there, each [n, P].
    """

    def __init__(self, optimizers: Sequence[Optimizer], parameters: Sequence[Tensor]) -> None:
        self.optimizers = tuple(optimizers)
        self.states: State = {}
        self._like = parameters[0]
        # The kernels take lists; making a list takes as long as a small kernel.
        self._rows = [[row] for row in parameters]
        decays = any(o.weight_decay != 0 for o in optimizers)
        self._decay = self._column(lambda o: o.weight_decay) if decays else None
        self._momentum: Tensor | None = None

    @abstractmethod
    def step(self, i: int, gradient: Tensor, lr: float, updates: int) -> None:
        """Update row i in place, after `updates` others; may overwrite the gradient [P]."""

    @abstractmethod
    def change(self, p: Tensor, g: Tensor, lr: Tensor, counts: Tensor) -> tuple[Tensor, State]:
        """The parameters and the states after an update of every row.

        Parameters p and gradients g are [n, P]; `lr` and the update's number from 1 on, `counts`,
        are [n, 1], float64.
        """

    def names(self, i: int) -> tuple[str, ...]:
        """The states that torch.optim keeps for row i."""
        unused = () if self.optimizers[i].momentum != 0 else ("momentum_buffer",)
        return tuple(name for name in self.states if name not in unused)

    def _column(self, value: Callable[[Optimizer], float]) -> Tensor:
        """A hyperparameter of every row as a column [n, 1] of the parameters' dtype."""
        return column(self.optimizers, value, self._like.device).to(self._like.dtype)

    def _add_state(self, name: str) -> list[list[Tensor]]:
        """Add a state of zeros; returns its rows."""
        shape = len(self.optimizers), len(self._like)
        self.states[name] = torch.zeros(shape, dtype=self._like.dtype, device=self._like.device)
        return [[row] for row in self.states[name].unbind(0)]

    def _add_momentum(self) -> list[list[Tensor]]:
        """Add momentum buffers; returns their rows, empty lists if no row has momentum."""
        if all(o.momentum == 0 for o in self.optimizers):
            return [[] for _ in self.optimizers]
        self._momentum = self._column(lambda o: o.momentum)
        return self._add_state("momentum_buffer")

    def _decayed(self, p: Tensor, g: Tensor) -> Tensor:
        return g if self._decay is None else g + self._decay * p


class Sgd(Formula):
    """Gradient descent with classical or Nesterov's momentum (Sutskever et al. 2013, sec. 2).

    As in torch, the learning rate multiplies the buffer and is not part of it.
    """

    def __init__(self, optimizers: Sequence[Optimizer], parameters: Sequence[Tensor]) -> None:
        super().__init__(optimizers, parameters)
        self._buffers = self._add_momentum()
        forward = [o.nesterov and o.momentum != 0 for o in optimizers]
        self._nesterov: Tensor | None = None
        if any(forward):
            self._nesterov = torch.tensor(forward, device=self._like.device)[:, None]
        self._options: list[dict[str, Any]] = [
            {
                "momentum": float(o.momentum),
                "weight_decay": float(o.weight_decay),
                "nesterov": ahead,
                "dampening": 0.0,
                "maximize": False,
            }
            for o, ahead in zip(optimizers, forward, strict=True)
        ]

    def step(self, i: int, gradient: Tensor, lr: float, updates: int) -> None:
        torch._fused_sgd_(
            self._rows[i],
            [gradient],
            self._buffers[i] if self._options[i]["momentum"] else [],
            lr=lr,
            is_first_step=updates == 0,
            **self._options[i],
        )

    def change(self, p: Tensor, g: Tensor, lr: Tensor, counts: Tensor) -> tuple[Tensor, State]:
        direction, states = self._decayed(p, g), {}
        if self._momentum is not None:
            buffer = self._momentum * self.states["momentum_buffer"] + direction
            states["momentum_buffer"] = buffer
            if self._nesterov is None:
                direction = buffer
            else:
                ahead = direction + self._momentum * buffer
                direction = torch.where(self._nesterov, ahead, buffer)
        return p - lr.to(p.dtype) * direction, states


class Adam(Formula):
    """Kingma & Ba 2015, alg. 1; AdamW with decoupled decay (Loshchilov & Hutter 2019)."""

    def __init__(self, optimizers: Sequence[Optimizer], parameters: Sequence[Tensor]) -> None:
        super().__init__(optimizers, parameters)
        self._m = self._add_state("exp_avg")
        self._v = self._add_state("exp_avg_sq")
        self._apart = optimizers[0].kind == "adamw"
        self._kernel = torch._fused_adamw_ if self._apart else torch._fused_adam_
        self._options = [_adam_options(*o.betas, o.eps, o.weight_decay) for o in optimizers]
        # The kernel reads the update's number from a tensor; a buffer writes it without an op.
        count = torch.zeros(1)
        self._count, self._number = [count[0]], count.numpy().data
        self._beta1 = column(optimizers, lambda o: o.betas[0], self._like.device)
        self._beta2 = column(optimizers, lambda o: o.betas[1], self._like.device)
        self._gain1 = (1 - self._beta1).to(self._like.dtype)
        self._gain2 = (1 - self._beta2).to(self._like.dtype)
        self._eps = self._column(lambda o: o.eps)

    def step(self, i: int, gradient: Tensor, lr: float, updates: int) -> None:
        self._number[0] = updates + 1
        self._kernel(
            self._rows[i],
            [gradient],
            self._m[i],
            self._v[i],
            [],
            self._count,
            lr=lr,
            **self._options[i],
        )

    def change(self, p: Tensor, g: Tensor, lr: Tensor, counts: Tensor) -> tuple[Tensor, State]:
        size = (lr / (1 - self._beta1**counts)).to(p.dtype)
        root = (1 - self._beta2**counts).sqrt().to(p.dtype)
        if self._apart and self._decay is not None:
            p = p * (1 - lr.to(p.dtype) * self._decay)
        elif not self._apart:
            g = self._decayed(p, g)
        m = torch.lerp(self.states["exp_avg"], g, self._gain1)
        v = torch.lerp(self.states["exp_avg_sq"], g * g, self._gain2)
        return p - size * m / (v.sqrt() / root + self._eps), {"exp_avg": m, "exp_avg_sq": v}


class Rmsprop(Formula):
    """Tieleman & Hinton 2012, lecture 6.5, as in torch.

    torch has no fused kernel for it, but it equals Adam without the first moment (beta1 = 0) and
    without bias correction, which vanishes for large t: one kernel in place of five.
    """

    def __init__(self, optimizers: Sequence[Optimizer], parameters: Sequence[Tensor]) -> None:
        super().__init__(optimizers, parameters)
        self._v = self._add_state("square_avg")
        self._buffers = self._add_momentum()
        self._scratch = torch.empty_like(self._like)
        self._late = [torch.tensor(1e30, device=self._like.device)]
        self._options = [_adam_options(0.0, o.alpha, o.eps, 0.0) for o in optimizers]
        alphas = column(optimizers, lambda o: o.alpha, self._like.device)
        self._gain = (1 - alphas).to(self._like.dtype)
        self._eps = self._column(lambda o: o.eps)

    def step(self, i: int, gradient: Tensor, lr: float, updates: int) -> None:
        optimizer, (p,) = self.optimizers[i], self._rows[i]
        if optimizer.weight_decay != 0:
            gradient = torch.add(
                gradient, p, alpha=float(optimizer.weight_decay), out=self._scratch
            )
        # With beta1 = 0 the first moment equals the gradient, so they share memory.
        g = [gradient]
        if optimizer.momentum == 0:
            self._divide(i, self._rows[i], g, lr)
            return
        (buffer,) = self._buffers[i]
        buffer.mul_(float(optimizer.momentum))
        self._divide(i, self._buffers[i], g, -1.0)
        p.add_(buffer, alpha=-lr)

    def _divide(self, i: int, target: list[Tensor], g: list[Tensor], lr: float) -> None:
        """Subtract lr times the gradient over its root mean square from the target."""
        torch._fused_adam_(target, g, g, self._v[i], [], self._late, lr=lr, **self._options[i])

    def change(self, p: Tensor, g: Tensor, lr: Tensor, counts: Tensor) -> tuple[Tensor, State]:
        g = self._decayed(p, g)
        v = torch.lerp(self.states["square_avg"], g * g, self._gain)
        direction, states = g / (v.sqrt() + self._eps), {"square_avg": v}
        if self._momentum is not None:
            direction = self._momentum * self.states["momentum_buffer"] + direction
            states["momentum_buffer"] = direction
        return p - lr.to(p.dtype) * direction, states
