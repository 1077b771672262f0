"""What the draws of a round have of the parameters that blocks of them share.

A structural parameter of a round with blocks has no distribution of its own any more: its draws
have what their leaders drew. So this is what they have got, where `densities` says what they could.
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
    """The marginals of a round, the structural ones as its draws have them.

    A parameter that depends on a structural one keeps its density, which is all but exact, but is
    there as often as the draws have it.

    Args:
        space: of the study.
        shared: what the trials of a block have in common.
        points: of the round's draws; at least one.
        marginals: by name, from `densities`.
    """
    active = np.array([space.active(point) for point in points])
    entries = {entry_name(entry): entry for entry in shared}
    found = {}
    for name, marginal in marginals.items():
        j = space.names.index(name)
        parameter, share = space.parameters[j], float(active[:, j].mean())
        if name in entries and share > 0:
            having = [point[j] for point, on in zip(points, active[:, j], strict=True) if on]
            found[name] = _taken(entries[name], parameter, having, share)
        elif parameter.when:
            found[name] = replace(marginal, active=share)
        else:
            found[name] = marginal
    return found


def _taken(entry: object, parameter: Parameter, having: Sequence[float], share: float) -> Marginal:
    edges = bin_edges(parameter.domain)
    spread = np.zeros(len(edges) - 1)
    if not isinstance(entry, Padded) or isinstance(parameter.domain, Choice):
        kept = tuple((u, n / len(having)) for u, n in sorted(Counter(having).items()))
        return Marginal(share, edges, tuple(spread.tolist()), kept)
    # Within its class every follower keeps its own place.
    bins = tuple(pairwise(edges))
    for u in having:
        spread += overlaps(class_interval(entry, parameter, u), bins) / len(having)
    return Marginal(share, edges, tuple(spread.tolist()), ())
