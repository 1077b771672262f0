"""Moving averages of parameters, as additional networks for evaluation.

θ̄ ← decay · θ̄ + (1 − decay) · θ after each update of the phase, with θ̄ = θ at the start (Yazıcı et
al. 2019 for GANs; Tarvainen & Valpola 2017, eq. 1). Buffers, such as a batch norm's statistics, are
not averaged: an averaged network shares those of its raw network.
"""

import copy
from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from hpsearch.errors import TrainerError
from hpsearch.trainer.trainer import Optimizer, Trainer


def average_name(phase: str) -> str:
    """The averaged network's name in `outputs`, `evaluate` and `test`."""
    return f"{phase}_average"


def averaged_nets(
    trainer: Trainer, nets: Mapping[str, nn.Module], optimizers: Mapping[str, Optimizer]
) -> dict[str, nn.Module]:
    """The averaged networks of a trial before its first step, by name.

    Raises:
        TrainerError: one of the trainer's own networks has such a name.
    """
    averaged = {
        average_name(phase): averaged_copy(nets[phase])
        for phase, optimizer in optimizers.items()
        if optimizer.average is not None
    }
    if taken := sorted(averaged.keys() & nets.keys()):
        raise TrainerError(
            f"{type(trainer).__name__}.build: the name {', '.join(taken)} belongs to the average "
            "that its optimizer asks for; give the network another"
        )
    return averaged


def averaged_copy(net: nn.Module) -> nn.Module:
    """A copy of a network that shares its buffers, also when these are replaced."""
    shared = {id(module._buffers): module._buffers for module in net.modules()}
    average = copy.deepcopy(net, shared)
    return average.requires_grad_(False)


def averaged_phases(trainer: Trainer, members: Sequence[Mapping[str, Optimizer]]) -> list[str]:
    """The phases of a group that have an average.

    Raises:
        TrainerError: a phase has an average in some members only.
    """
    averaged = []
    for phase in trainer.phases:
        has_average = [optimizers[phase].average is not None for optimizers in members]
        if any(has_average) and not all(has_average):
            raise TrainerError(
                f"{type(trainer).__name__}.optimizer: phase {phase} has an average in some trials "
                "of a group and none in others; give average=0, which is the network itself, for "
                "none, or name the hyperparameter that decides this in structure"
            )
        if all(has_average):
            averaged.append(phase)
    return averaged


def clip_and_average(
    optimizer: Optimizer, parameters: Sequence[Tensor], averages: Sequence[Tensor] = ()
) -> None:
    """Clip a trial's parameters after an update, and then update their averages, in place."""
    if optimizer.clip is not None:
        bound = float(optimizer.clip)
        for parameter in parameters:
            parameter.clamp_(-bound, bound)
    if optimizer.average is not None:
        gain = 1 - float(optimizer.average)
        for average, parameter in zip(averages, parameters, strict=True):
            average.lerp_(parameter, gain)
