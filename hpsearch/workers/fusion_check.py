"""Check in a child process, which imports the trainer, whether groups of trials can be fused."""

from collections.abc import Mapping, Sequence
from typing import Any

from hpsearch.method import Shape
from hpsearch.space import Scalar
from hpsearch.study import Study
from hpsearch.trainer import (
    answer_parent,
    ask_child,
    load_trainer,
    reference_from_record,
    reference_to_record,
)


def fusion_obstacles(
    study: Study, groups: Sequence[tuple[Shape, Sequence[Mapping[str, Scalar]]]]
) -> list[str | None]:
    """For each group, given as its shape and its members' parameters, why it cannot be fused.

    Raises:
        TrainerError: the child ended without an answer; with the end of its output.
    """
    question = {
        "trainer": reference_to_record(study.trainer),
        "fixed": dict(study.fixed),
        "groups": [[shape.to_record(), [dict(p) for p in params]] for shape, params in groups],
    }
    obstacles: list[str | None] = ask_child(
        "hpsearch.workers.fusion_check", question, failure="the groups cannot be tried"
    )
    return obstacles


def _answer(question: Mapping[str, Any]) -> list[str | None]:
    from hpsearch.trainer import fusion_obstacle  # brings torch

    trainer = load_trainer(reference_from_record(question["trainer"]))
    return [
        fusion_obstacle(trainer(), params, question["fixed"], Shape.from_record(shape))
        for shape, params in question["groups"]
    ]


if __name__ == "__main__":
    answer_parent(_answer)
