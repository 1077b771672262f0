"""Keys of study files that were renamed.

A study file with an old key is refused with the new one; a run folder that an earlier version wrote
still opens.
"""

import yaml

RENAMED = {("search", "judge"): "surrogate"}

# Hyperparameters of the shipped trainers: a study with the old name is told the new one.
RENAMED_HYPERPARAMETERS = {
    "judges": "metrics",
    "judged": "evaluated",
    "judge_rows": "robustness_rows",
    "judge_epsilon": "robustness_epsilon",
    "judge_steps": "robustness_steps",
}


def rename_old_keys(root: yaml.MappingNode) -> None:
    """Replace the old keys of a frozen study in place."""
    for (section, old), new in RENAMED.items():
        for key, value in root.value:
            if key.value == section and isinstance(value, yaml.MappingNode):
                for name, _ in value.value:
                    if name.value == old:
                        name.value = new


def rename_old_override(override: str) -> str:
    """A recorded override such as "search.judge=none" under the present name of its key."""
    path, equals, value = override.partition("=")
    keys = tuple(path.strip().split("."))
    return (
        f"{'.'.join((*keys[:-1], RENAMED[keys]))}{equals}{value}" if keys in RENAMED else override
    )
