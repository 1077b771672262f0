"""Test whether a trainer can train several trials in one loop, by tracing their first step."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hpsearch.errors import HpsearchError
from hpsearch.method import Shape
from hpsearch.trainer.fused.engine import Engine
from hpsearch.trainer.fused.member import Member
from hpsearch.trainer.run import Run
from hpsearch.trainer.trainer import Trainer
from hpsearch.trial import Folder, Spec


def fusion_obstacle(
    trainer: Trainer, params: Sequence[Mapping[str, Any]], fixed: Mapping[str, Any], shape: Shape
) -> str | None:
    """The reason why trials of a shape cannot be fused; None if they can.

    The parameters of one trial of the shape are enough.
    """
    with tempfile.TemporaryDirectory(prefix="hpsearch-") as path:
        folder = Folder(Path(path))
        spec = Spec(0, 0, 0, "draw", {}, (), 0, 1)
        try:
            members = [
                Member(
                    trainer,
                    Run(spec, folder, hp={**fixed, **own}, objective="", report_every=1),
                )
                for own in params
            ]
            engine = Engine(trainer, members, shape)
            for phase in trainer.phases:
                engine.step(phase, range(len(members)))
            engine.outputs()
        except HpsearchError as error:
            return str(error)
    return None
