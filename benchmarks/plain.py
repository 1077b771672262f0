"""A training loop as people write it who know nothing of this program, and as CUDA graphs.

Random numbers come from torch's global generator, Adam has its defaults but for the numbers that
are searched, and a step is zero_grad, backward, step. Ray Tune's trials run it too.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from workloads import WganGp, hyperparameters

from hpsearch.trainer.run import HP
from hpsearch.trainer.steps import cycle
from hpsearch.trainer.trainer import Trainer

WARM_UP = 3  # updates of a phase, before its graph is captured


class Plain:
    """One trial. `options` are further ones of Adam."""

    def __init__(
        self,
        trainer: type[Trainer],
        batch: int,
        device: str,
        trial: int,
        **options: Any,
    ) -> None:
        torch.manual_seed(trial)
        self.trainer = _by_autograd(trainer)()
        self.hp = HP({**trainer.defaults, "batch_size": batch, **hyperparameters(trainer, trial)})
        self.nets = {name: net.to(device) for name, net in self.trainer.build(self.hp).items()}
        self.optimizers = {
            phase: torch.optim.Adam(
                self.nets[phase].parameters(),
                lr=self.hp.lr,
                betas=(self.hp.beta1, 0.999),
                weight_decay=self.hp.weight_decay,
                **options,
            )
            for phase in self.trainer.phases
        }
        self.turns = cycle(self.trainer, self.hp)
        self.batches = self._shuffled(device)
        self._step = 0

    def advance(self, steps: int) -> None:
        for _ in range(steps):
            self.update(self.turns[self._step % len(self.turns)], next(self.batches))
            self._step += 1

    def update(self, phase: str, batch: Mapping[str, Tensor]) -> None:
        for name, net in self.nets.items():
            net.requires_grad_(name == phase)
        self.optimizers[phase].zero_grad()
        self.trainer.loss(phase, self.nets, batch, self.hp).backward()
        self.optimizers[phase].step()

    @torch.no_grad()
    def judged(self) -> float:
        """The metric that the workload reports."""
        for net in self.nets.values():
            net.eval()
        inputs = self.trainer.inputs(self.hp)
        outputs = self.trainer.outputs(self.nets, inputs, self.hp)
        return self.trainer.evaluate(self.nets, outputs, self.hp).metrics["loss"]

    def _shuffled(self, device: str) -> Iterator[dict[str, Tensor]]:
        data = self.trainer.data(self.hp)
        train = {name: tensor.to(device) for name, tensor in data.train.items()}
        shapes = self.trainer.noise(self.hp)
        rows = len(next(iter(train.values())))
        while True:
            order = torch.randperm(rows, device=device)
            for chosen in order.split(data.batch_size):
                batch = {name: tensor[chosen] for name, tensor in train.items()}
                for name, shape in shapes.items():
                    batch[name] = torch.randn(shape, device=device)
                yield batch


class Graphed:
    """One trial whose steps are CUDA graphs, one a phase, captured as a whole."""

    def __init__(self, trainer: type[Trainer], batch: int, device: str, trial: int) -> None:
        self._training = Plain(trainer, batch, device, trial, capturable=True)
        first = next(self._training.batches)
        self._batch = {name: tensor.clone() for name, tensor in first.items()}
        self._graphs = {
            phase: _captured(self._training, phase, self._batch)
            for phase in self._training.optimizers
        }
        self._step = 0

    def advance(self, steps: int) -> None:
        turns = self._training.turns
        for _ in range(steps):
            for name, tensor in next(self._training.batches).items():
                self._batch[name].copy_(tensor)
            self._graphs[turns[self._step % len(turns)]].replay()
            self._step += 1


def _captured(training: Plain, phase: str, batch: Mapping[str, Tensor]) -> "torch.cuda.CUDAGraph":
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(WARM_UP):
            training.update(phase, batch)
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    # The gradients must be made inside the graph, in its own memory.
    training.optimizers[phase].zero_grad(set_to_none=True)
    with torch.cuda.graph(graph):
        training.update(phase, batch)
    return graph


def _by_autograd(trainer: type[Trainer]) -> type[Trainer]:
    """A penalty's gradient as people take it, which vmap rejects and which may be faster."""
    if not issubclass(trainer, WganGp):
        return trainer

    class Usual(trainer):  # type: ignore[misc, valid-type]
        def input_gradient(self, critic: nn.Module, x: Tensor) -> Tensor:
            x = x.requires_grad_()
            return torch.autograd.grad(critic(x).sum(), x, create_graph=True)[0]

    return Usual
