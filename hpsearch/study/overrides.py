"""`--set search.rounds=2`: a value of the study file, replaced for one run.

An override changes the YAML tree, so all that holds for the file holds for it.
"""

from collections.abc import Sequence

import yaml

from hpsearch.study.source_map import Faults, dotted
from hpsearch.study.spaces import KINDS
from hpsearch.study.yaml12 import OVERRIDE, compose

_TAG = "tag:yaml.org,2002"
_FORM = "must be KEY.PATH=YAML, as in search.rounds=2"


def apply(root: yaml.MappingNode, overrides: Sequence[str], faults: Faults) -> None:
    """Change the tree in place, one override after the other.

    A distribution replaces the parameter's former one, of whatever kind; its `when` stays.
    """
    for override in overrides:
        place = f"{OVERRIDE}{override}"
        word = compose("x", place)
        assert isinstance(word, yaml.ScalarNode)
        left, equals, right = override.partition("=")
        keys = left.strip().split(".")
        if not equals or not all(keys):
            faults.add((), _FORM, word)
            continue
        value = compose(right, place)
        if isinstance(value, yaml.Node):
            _set(root, keys, value, word, faults)
        else:
            faults.add(tuple(keys), value.message if value else f"no value; {_FORM}", word)


def _set(
    root: yaml.MappingNode, keys: list[str], value: yaml.Node, word: yaml.Node, faults: Faults
) -> None:
    """`word` lends its place to the nodes that the override brings along."""
    at: yaml.Node = root
    for depth, key in enumerate(keys):
        if depth == 2 and keys[0] == "space" and key in KINDS:
            at.value[:] = [pair for pair in at.value if pair[0].value not in KINDS]
        pair = next((pair for pair in at.value if pair[0].value == key), None)
        if depth == len(keys) - 1:
            child = value
        elif pair and not _is_bare_choice(pair[1], keys, depth):
            child = pair[1]
        else:
            child = yaml.MappingNode(
                f"{_TAG}:map", [], word.start_mark, word.end_mark, flow_style=True
            )
        if child is value or isinstance(child, yaml.MappingNode):
            _put(
                at, pair, yaml.ScalarNode(f"{_TAG}:str", key, word.start_mark, word.end_mark), child
            )
            at = child
        else:
            held = dotted(tuple(keys[: depth + 1]))
            faults.add(tuple(keys), f"{held} is no mapping; set {held} as a whole", word)
            return


def _is_bare_choice(node: yaml.Node, keys: list[str], depth: int) -> bool:
    """A parameter that is a list and about to become a distribution."""
    return (
        keys[0] == "space"
        and depth == 1
        and keys[2] in KINDS
        and isinstance(node, yaml.SequenceNode)
    )


def _put(
    at: yaml.Node, pair: tuple[yaml.Node, yaml.Node] | None, key: yaml.Node, child: yaml.Node
) -> None:
    """In the old one's place, so that the order of the parameters stays."""
    if pair is None:
        at.value.append((key, child))
    elif pair[1] is not child:
        at.value[at.value.index(pair)] = (key, child)
