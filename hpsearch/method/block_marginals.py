"""Marginals of the parameters that the blocks of a round share.

In a round with blocks a draw takes its structural parameters from its leader, so `round_marginals`
does not describe them. Their marginals are the shares of the values among the round's draws.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from hpsearch.method.bins import bin_edges, overlaps
from hpsearch.method.marginals import Marginal
from hpsearch.method.structure import Padded, Structure, entry_name
from hpsearch.method.structure_blocks import class_interval
from hpsearch.space import Choice, Parameter, Space


def share_block_marginals(
    space: Space,
    shared: Structure,
    points: Sequence[Sequence[float]],
    marginals: dict[str, Marginal],
) -> dict[str, Marginal]:
    """The marginals of a round, with those of structural parameters counted among its draws.

    Others keep those of `round_marginals`; a conditional one, whose density is nearly exact, is
    active as often as in the draws (`points`, at least one).
    """
    active = np.array([space.active(point) for point in points])
    entries = {entry_name(entry): entry for entry in shared}
    result = {}
    for name, marginal in marginals.items():
        j = space.names.index(name)
        parameter, share = space.parameters[j], float(active[:, j].mean())
        if name in entries and share > 0:
            units = [point[j] for point, on in zip(points, active[:, j], strict=True) if on]
            result[name] = _counted(entries[name], parameter, units, share)
        elif parameter.when:
            result[name] = replace(marginal, active=share)
        else:
            result[name] = marginal
    return result


def _counted(entry: object, parameter: Parameter, units: Sequence[float], share: float) -> Marginal:
    """The marginal of a structural parameter from its active coordinates among the draws."""
    edges = bin_edges(parameter.domain)
    spread = np.zeros(len(edges) - 1)
    if not isinstance(entry, Padded) or isinstance(parameter.domain, Choice):
        unmoved = tuple((u, n / len(units)) for u, n in sorted(Counter(units).items()))
        return Marginal(share, edges, tuple(spread.tolist()), unmoved)
    # Each follower keeps its own position within the class.
    bins = tuple(pairwise(edges))
    for u in units:
        spread += overlaps(class_interval(entry, parameter, u), bins) / len(units)
    return Marginal(share, edges, tuple(spread.tolist()), ())
