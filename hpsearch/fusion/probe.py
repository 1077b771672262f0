"""Whether a group of some shape can be trained as one."""

from collections.abc import Mapping
from typing import Any

from hpsearch.fusion.trainer import Trainer
from hpsearch.groups import Shape


def why_not(
    trainer: Trainer, params: list[Mapping[str, Any]], fixed: Mapping[str, Any], shape: Shape
) -> str | None:
    return None
