"""Overrides such as `--set search.rounds=2`, which replace a value of the study file for one run.

An override changes the YAML tree, so it is checked like the file.
"""

from collections.abc import Sequence

import yaml

from hpsearch.study.source_map import Faults, dotted
from hpsearch.study.spaces import KINDS
from hpsearch.study.yaml12 import OVERRIDE, compose

_TAG = "tag:yaml.org,2002"
_FORM = "must be KEY.PATH=YAML, as in search.rounds=2"


def apply(root: yaml.MappingNode, overrides: Sequence[str], faults: Faults) -> None:
    """Change the tree in place, by one override after the other.

    A distribution replaces the parameter's former one, of any kind, and keeps its `when`.
    """
    for override in overrides:
        location = f"{OVERRIDE}{override}"
        origin = compose("x", location)
        assert isinstance(origin, yaml.ScalarNode)
        left, equals, right = override.partition("=")
        keys = left.strip().split(".")
        if not equals or not all(keys):
            faults.add((), _FORM, origin)
            continue
        value = compose(right, location)
        if isinstance(value, yaml.Node):
            _set(root, keys, value, origin, faults)
        else:
            message = value.message if value else f"no value; {_FORM}"
            faults.add(tuple(keys), message, origin)


def _set(
    root: yaml.MappingNode, keys: list[str], value: yaml.Node, origin: yaml.Node, faults: Faults
) -> None:
    """Set the value at `keys`; new nodes on the way to it get the location of `origin`."""
    marks = (origin.start_mark, origin.end_mark)
    node: yaml.Node = root
    for depth, key in enumerate(keys):
        if depth == 2 and keys[0] == "space" and key in KINDS:
            node.value[:] = [pair for pair in node.value if pair[0].value not in KINDS]
        pair = next((pair for pair in node.value if pair[0].value == key), None)
        if depth == len(keys) - 1:
            child = value
        elif pair and not _is_bare_choice(pair[1], keys, depth):
            child = pair[1]
        else:
            child = yaml.MappingNode(f"{_TAG}:map", [], *marks, flow_style=True)
        if child is not value and not isinstance(child, yaml.MappingNode):
            parent = dotted(tuple(keys[: depth + 1]))
            faults.add(tuple(keys), f"{parent} is not a mapping; set {parent} as a whole", origin)
            return
        new_pair = (yaml.ScalarNode(f"{_TAG}:str", key, *marks), child)
        if pair is None:
            node.value.append(new_pair)
        elif pair[1] is not child:
            node.value[node.value.index(pair)] = new_pair  # keeps the order of the parameters
        node = child


def _is_bare_choice(node: yaml.Node, keys: list[str], depth: int) -> bool:
    """Whether the override turns a parameter that is a list into a distribution."""
    is_parameter = keys[0] == "space" and depth == 1
    return is_parameter and keys[2] in KINDS and isinstance(node, yaml.SequenceNode)
