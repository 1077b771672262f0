"""The moving averages of parameters, as networks beside those that are trained.

θ̄ becomes decay · θ̄ + (1 − decay) · θ after each update of its phase, and is θ at the start
(Yazıcı et al. 2019 for GANs; Tarvainen & Valpola 2017, eq. 1). Nobody trains on it: only what
evaluates a trial sees it. Buffers, such as the statistics of a batch norm, are not averaged: an
averaged network shares those of its raw one.
"""

import copy
from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from hpsearch.errors import TrainerError
from hpsearch.trainer.trainer import Optimizer, Trainer


def name_of(phase: str) -> str:
    """The averaged network's, among those that `outputs`, `evaluate` and `test` are given."""
    return f"{phase}_average"


def averaged_nets(
    trainer: Trainer, nets: Mapping[str, nn.Module], optimizers: Mapping[str, Optimizer]
) -> dict[str, nn.Module]:
    """The averaged networks of a trial that has made no step yet, by name.

    Args:
        trainer: the trainer.
        nets: the trial's own.
        optimizers: of each phase.

    Raises:
        TrainerError: the trainer gives one of its own networks such a name.
    """
    averaged = {
        name_of(phase): beside(nets[phase])
        for phase, optimizer in optimizers.items()
        if optimizer.average is not None
    }
    if taken := sorted(averaged.keys() & nets.keys()):
        raise TrainerError(
            f"{type(trainer).__name__}.build: the name {', '.join(taken)} belongs to the average "
            "that its optimizer asks for; give the network another"
        )
    return averaged


def beside(net: nn.Module) -> nn.Module:
    """A copy of a network, whose buffers are the network's own also when these are replaced."""
    shared = {id(module._buffers): module._buffers for module in net.modules()}
    average = copy.deepcopy(net, shared)
    return average.requires_grad_(False)


def averaged_phases(trainer: Trainer, members: Sequence[Mapping[str, Optimizer]]) -> list[str]:
    """The phases of a group that have an average.

    Args:
        trainer: of all members.
        members: the optimizers of each, by phase.

    Raises:
        TrainerError: a phase has one in some members only.
    """
    found = []
    for phase in trainer.phases:
        have = [optimizers[phase].average is not None for optimizers in members]
        if any(have) and not all(have):
            raise TrainerError(
                f"{type(trainer).__name__}.optimizer: phase {phase} has an average in some trials "
                "of a group and none in others; give average=0, which is the network itself, for "
                "none, or name the hyperparameter that decides this in structure"
            )
        if all(have):
            found.append(phase)
    return found


def finish(
    optimizer: Optimizer, parameters: Sequence[Tensor], averages: Sequence[Tensor] = ()
) -> None:
    """What follows an update: the parameters are clipped, and then averaged.

    Args:
        optimizer: of the phase.
        parameters: of one trial; changed in place.
        averages: of these parameters, likewise; none where the optimizer asks for none.
    """
    if optimizer.clip is not None:
        bound = float(optimizer.clip)
        for parameter in parameters:
            parameter.clamp_(-bound, bound)
    if optimizer.average is not None:
        gain = 1 - float(optimizer.average)
        for average, parameter in zip(averages, parameters, strict=True):
            average.lerp_(parameter, gain)
