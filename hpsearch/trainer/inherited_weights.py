"""A trial's networks before its first step: new ones, or with weights of an earlier trial.

Weights that a search has trained are a start for later trials (Chen et al. 2016, Net2Net; Pham et
al. 2018, ENAS). Unlike Net2Net's, a widened or deepened network does not compute the function of
the old one: parameters without a counterpart keep their initial values.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from hpsearch.trainer.randomness import initial_weights
from hpsearch.trainer.reporting import check_phases
from hpsearch.trainer.run import Run
from hpsearch.trainer.trainer import Trainer


def initial_nets(trainer: Trainer, run: Run) -> dict[str, nn.Module]:
    """The networks of a trial before its first step, on the CPU.

    Raises:
        TrainerError: a phase has no network.
        RunFolderError: the weights from which the trial starts are missing.
    """
    with initial_weights(run.seed):
        nets: dict[str, nn.Module] = dict(trainer.build(run.hp))
    check_phases(trainer, nets)
    if (inherited := run.inherited()) is not None:
        for name, net in nets.items():
            copy_shared_weights(net, inherited["nets"].get(name, {}))
    return nets


@torch.no_grad()
def copy_shared_weights(net: nn.Module, source: Mapping[str, Any]) -> None:
    """Copy what parameters and buffers have in common with `source`, a state_dict.

    That is the leading part of tensors of equal name and rank.
    """
    for name, own in net.state_dict().items():
        value = source.get(name)
        if not isinstance(own, Tensor) or not isinstance(value, Tensor):
            continue
        if own.dim() == value.dim():
            sizes = zip(own.shape, value.shape, strict=True)
            shared = tuple(slice(min(size, other)) for size, other in sizes)
            own[shared].copy_(value[shared])
