"""The loop that trains one trial of a `Trainer` in this process, and resumes it exactly.

A step is a function of its number, the parameters and the optimizers' states, so a checkpoint holds
only these. A trial that was killed, or that continues its parent's checkpoint, ends with the bits
of an undisturbed one.
"""

import math
import os
import time
from collections.abc import Mapping

import torch
from torch import Tensor

from hpsearch.errors import TrainerError
from hpsearch.trainer.averages import average_name, clip_and_average
from hpsearch.trainer.fused.graph.bindings import flush_denormals
from hpsearch.trainer.fused.optim.optimizers import build_optimizer, set_rate
from hpsearch.trainer.reporting import next_report, report
from hpsearch.trainer.run import NonfiniteError, Run
from hpsearch.trainer.state import TrialState
from hpsearch.trainer.trainer import Trainer

SAVE_INTERVAL_S = 5.0  # minimum between checkpoints; the last step is always saved
CHECK_INTERVAL = 50  # steps between checks of the losses: each check waits for the device


def train_trial(trainer: Trainer, run: Run) -> None:
    """Train until `run.budget` steps, from the trial's checkpoint where it has one.

    A step updates the parameters of one phase: a GAN's budget counts the updates of its
    discriminator and of its generator.

    Raises:
        NonfiniteError: a loss or the objective is NaN or infinite.
        TrainerError: the trainer breaks its contract.
    """
    if run.device != "cpu":
        _request_determinism()
    state = TrialState(trainer, run, run.device)
    training = _Training(trainer, state)
    if state.step >= run.budget:
        # The trial has trained for its budget, but its outcome needs the last report.
        _report(trainer, state)
    saved_at = time.monotonic()
    while state.step < run.budget:
        training.advance(next_report(state.step, run))
        _report(trainer, state)
        if state.step == run.budget or time.monotonic() - saved_at >= SAVE_INTERVAL_S:
            run.save(state.checkpoint(training.optimizer_states()))
            saved_at = time.monotonic()


class _Training:
    """The steps of one trial with torch's own optimizers."""

    def __init__(self, trainer: Trainer, state: TrialState) -> None:
        self._trainer = trainer
        self._state = state
        self._parameters = {p: list(state.trained[p].parameters()) for p in trainer.phases}
        self._averages = {
            phase: list(state.nets[average_name(phase)].parameters())
            for phase, optimizer in state.optimizers.items()
            if optimizer.average is not None
        }
        self._optimizers = {
            phase: build_optimizer(optimizer, self._parameters[phase])
            for phase, optimizer in state.optimizers.items()
        }
        for phase, saved in state.optimizer_states.items():
            self._optimizers[phase].load_state_dict(saved)
        first = self._parameters[trainer.phases[0]]
        self._dtype = next((p.dtype for p in first), torch.float32)
        self._phase = ""  # whose parameters require gradients

    def advance(self, until: int) -> None:
        """Train to step `until`; check the losses regularly and at the end."""
        state = self._state
        for net in state.trained.values():
            net.train()
        losses: dict[str, tuple[int, Tensor]] = {}
        generator = torch.get_rng_state()
        with flush_denormals():
            while state.step < until:
                phase = state.phase
                losses[phase] = state.step, self._update(phase)
                state.step += 1
                if state.step % CHECK_INTERVAL == 0 or state.step == until:
                    _check_losses(losses)
        if not torch.equal(generator, torch.get_rng_state()):
            raise TrainerError(
                f"{type(self._trainer).__name__}.loss drew random numbers of its own, which a "
                "resumed trial cannot repeat; declare them in noise() and take them from the batch"
            )

    def optimizer_states(self) -> dict[str, dict[str, object]]:
        return {phase: optimizer.state_dict() for phase, optimizer in self._optimizers.items()}

    def _update(self, phase: str) -> Tensor:
        state = self._state
        if phase != self._phase:
            if self._phase:
                state.trained[self._phase].requires_grad_(False)
            state.trained[phase].requires_grad_(True)
            self._phase = phase
        batch = state.batches.at(state.step, self._dtype)
        loss = self._trainer.loss(phase, state.trained, batch, state.run.hp)
        parameters = self._parameters[phase]
        gradients = torch.autograd.grad(loss, parameters, materialize_grads=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient.contiguous()  # the fused kernels ignore strides
        optimizer, settings = self._optimizers[phase], state.optimizers[phase]
        if settings.schedule is not None:
            set_rate(optimizer, settings, state.updates(phase))
        optimizer.step()
        if settings.clip is not None or settings.average is not None:
            with torch.no_grad():
                clip_and_average(settings, parameters, self._averages.get(phase, ()))
        return loss.detach()


def _report(trainer: Trainer, state: TrialState) -> None:
    for net in state.nets.values():
        net.eval()
    with torch.no_grad():
        outputs = trainer.outputs(state.nets, state.inputs, state.run.hp)
    report(trainer, state.run, state.nets, outputs, state.step)


def _check_losses(losses: Mapping[str, tuple[int, Tensor]]) -> None:
    """Raise for the earliest loss that is not finite; later ones follow from it."""
    for phase, (step, loss) in sorted(losses.items(), key=lambda item: item[1][0]):
        value = float(loss)
        if not math.isfinite(value):
            raise NonfiniteError(f"the loss of phase {phase} is {value} at step {step}")


def _request_determinism() -> None:
    # cuBLAS reads this when it starts; without it the next line warns at every product.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
