"""A trial's networks before its first step: fresh ones, or with a survivor's weights in them.

The weights that a search has trained already are a start for the next ones (Chen et al. 2016,
Net2Net; Pham et al. 2018, ENAS). Unlike Net2Net's, the widened or deepened network does not compute
the old one's function: what has no counterpart there is as fresh as in any other trial.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from hpsearch.trainer import randomness as chance
from hpsearch.trainer.fused.stack import corner
from hpsearch.trainer.reporting import check_phases
from hpsearch.trainer.run import Run
from hpsearch.trainer.trainer import Trainer


def first_nets(trainer: Trainer, run: Run) -> dict[str, nn.Module]:
    """The networks of a trial that has made no step yet, on the CPU.

    Raises:
        TrainerError: a phase has none.
        RunFolderError: the weights that it starts from are gone.
    """
    with chance.initial_weights(run.seed):
        nets: dict[str, nn.Module] = dict(trainer.build(run.hp))
    check_phases(trainer, nets)
    if (old := run.inherited()) is not None:
        for name, net in nets.items():
            inherit(net, old["nets"].get(name, {}))
    return nets


@torch.no_grad()
def inherit(net: nn.Module, old: Mapping[str, Any]) -> None:
    """Copy the leading part that parameters and buffers share with those of the same name and rank.

    Args:
        net: changed in place; what has no counterpart stays.
        old: the state_dict of a network that may be narrower, wider, shallower or deeper.
    """
    for name, own in net.state_dict().items():
        value = old.get(name)
        if not isinstance(own, Tensor) or not isinstance(value, Tensor):
            continue
        if own.dim() == value.dim():
            shared = [min(a, b) for a, b in zip(own.shape, value.shape, strict=True)]
            corner(own, shared).copy_(corner(value, shared))
