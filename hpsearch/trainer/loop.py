"""The loop that trains one trial of a `Trainer` in this process, and resumes it exactly.

A step is a function of its number, the parameters and the optimizers' state, so a checkpoint holds
just these; a trial that is killed, or a survivor that trains on from its parent's checkpoint, ends
with the bits that it would have had undisturbed.
"""

import math
import os
import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from hpsearch.errors import TrainerError
from hpsearch.trainer import averages
from hpsearch.trainer.fused.graph.bindings import without_denormals
from hpsearch.trainer.fused.inherited_weights import first_nets
from hpsearch.trainer.fused.optim.optimizers import build_optimizer, set_rate
from hpsearch.trainer.reporting import next_report, report
from hpsearch.trainer.run import NonfiniteError, Run
from hpsearch.trainer.steps import Batches, cycle, updates_before
from hpsearch.trainer.trainer import Trainer

SAVE_INTERVAL_S = 5.0  # at least, between checkpoints; the last step's is kept in any case
CHECK_INTERVAL = 50  # steps between looks at the losses: each waits for the device


def train_trial(trainer: Trainer, run: Run) -> None:
    """Train until `run.budget` steps, from the trial's checkpoint where it has one.

    A step updates the parameters of one phase: a GAN's budget counts the updates of its
    discriminator and of its generator.

    Raises:
        NonfiniteError: a loss or the objective is NaN or infinite.
        TrainerError: the trainer breaks its contract.
    """
    run.add_defaults(trainer.defaults)
    if run.device != "cpu":
        _ask_for_determinism()
    training = _Training(trainer, run)
    state = run.load()
    if state is not None:
        training.restore(state)
    run.rewind(training.step)
    if training.step >= run.budget:
        # Trained to the end before; what this process must know of it is still missing.
        _report(trainer, run, training)
    saved = time.monotonic()
    while training.step < run.budget:
        training.advance(next_report(training.step, run))
        _report(trainer, run, training)
        if training.step == run.budget or time.monotonic() - saved >= SAVE_INTERVAL_S:
            run.save(training.state())
            saved = time.monotonic()


class _Training:
    """Networks, optimizers and the number of the next step.

    Attributes:
        nets: those that train.
        averaged: the averages of these, by name.
    """

    def __init__(self, trainer: Trainer, run: Run) -> None:
        hp = run.hp
        self.nets = {name: net.to(run.device) for name, net in first_nets(trainer, run).items()}
        self.step = 0
        self._trainer, self._hp = trainer, hp
        self._cycle = cycle(trainer, hp)
        self._batches = Batches(trainer, hp, run.seed, run.device)
        self.inputs = {name: t.to(run.device) for name, t in trainer.inputs(hp).items()}
        for net in self.nets.values():
            net.requires_grad_(False)
        self._parameters = {p: list(self.nets[p].parameters()) for p in trainer.phases}
        self._specs = {p: trainer.optimizer(p, hp) for p in trainer.phases}
        self.averaged = averages.averaged_nets(trainer, self.nets, self._specs)
        self._averages = {
            p: list(self.averaged[averages.name_of(p)].parameters())
            for p, spec in self._specs.items()
            if spec.average is not None
        }
        self._optimizers = {
            p: build_optimizer(spec, self._parameters[p]) for p, spec in self._specs.items()
        }
        first = next(p for p in trainer.phases)
        self._dtype = next((p.dtype for p in self._parameters[first]), torch.float32)
        self._learning = ""  # the phase whose parameters require gradients

    def advance(self, until: int) -> None:
        """Train to step `until`, looking at the losses now and then and at the end."""
        for net in self.nets.values():
            net.train()
        losses: dict[str, tuple[int, Tensor]] = {}
        generator = torch.get_rng_state()
        with without_denormals():
            while self.step < until:
                phase = self._cycle[self.step % len(self._cycle)]
                losses[phase] = self.step, self._update(phase)
                self.step += 1
                if self.step % CHECK_INTERVAL == 0 or self.step == until:
                    _check_losses(losses)
        if not torch.equal(generator, torch.get_rng_state()):
            raise TrainerError(
                f"{type(self._trainer).__name__}.loss drew random numbers of its own, which no "
                "resumed trial could repeat; declare them in noise() and take them from the batch"
            )

    def _update(self, phase: str) -> Tensor:
        if phase != self._learning:
            if self._learning:
                self.nets[self._learning].requires_grad_(False)
            self.nets[phase].requires_grad_(True)
            self._learning = phase
        batch = self._batches.at(self.step, self._dtype)
        loss = self._trainer.loss(phase, self.nets, batch, self._hp)
        parameters = self._parameters[phase]
        gradients = torch.autograd.grad(loss, parameters, materialize_grads=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient.contiguous()  # the fused kernels ignore strides
        optimizer, spec = self._optimizers[phase], self._specs[phase]
        if spec.schedule is not None:
            set_rate(optimizer, spec, updates_before(self.step, phase, self._cycle))
        optimizer.step()
        if spec.clip is not None or spec.average is not None:
            with torch.no_grad():
                averages.finish(spec, parameters, self._averages.get(phase, ()))
        return loss.detach()

    @property
    def all_nets(self) -> dict[str, nn.Module]:
        """The networks and their averages."""
        return {**self.nets, **self.averaged}

    def state(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "nets": {name: net.state_dict() for name, net in self.all_nets.items()},
            "optimizers": {name: o.state_dict() for name, o in self._optimizers.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        for name, net in self.all_nets.items():
            net.load_state_dict(state["nets"][name])
        for name, optimizer in self._optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        self.step = state["step"]


def _report(trainer: Trainer, run: Run, training: _Training) -> None:
    nets = training.all_nets
    for net in nets.values():
        net.eval()
    with torch.no_grad():
        outputs = trainer.outputs(nets, training.inputs, run.hp)
    report(trainer, run, nets, outputs, training.step)


def _check_losses(losses: Mapping[str, tuple[int, Tensor]]) -> None:
    """Of several losses that are not finite the earliest is named, which the others follow from."""
    for phase, (step, loss) in sorted(losses.items(), key=lambda item: item[1][0]):
        value = float(loss)
        if not math.isfinite(value):
            raise NonfiniteError(f"the loss of phase {phase} is {value} at step {step}")


def _ask_for_determinism() -> None:
    # cuBLAS reads this when it starts; without it the next line warns at every product.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
