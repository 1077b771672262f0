"""Asks of a trainer which groups it can train, in a child process, as `source` asks what it is."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hpsearch import files
from hpsearch.errors import TrainerError
from hpsearch.method import Shape
from hpsearch.space import Scalar
from hpsearch.study import Study
from hpsearch.trainer import die_with_parent, load_trainer, reference_from_record


def fusion_obstacles(
    study: Study, groups: Sequence[tuple[Shape, Sequence[Mapping[str, Scalar]]]]
) -> list[str | None]:
    """For each group, given as its shape and its members' parameters, why it cannot be fused.

    Raises:
        TrainerError: the child ended without an answer; with the end of what it said.
    """
    question = {
        "trainer": {"kind": type(study.trainer).__name__, **asdict(study.trainer)},
        "fixed": dict(study.fixed),
        "groups": [[shape.to_record(), [dict(p) for p in params]] for shape, params in groups],
    }
    with tempfile.TemporaryDirectory(prefix="hpsearch-") as folder:
        asked, answer = Path(folder) / "question.json", Path(folder) / "answer.json"
        asked.write_text(json.dumps(question, default=str))
        child = subprocess.run(
            [sys.executable, "-m", "hpsearch.workers.fusion_check", str(asked), str(answer)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if not answer.exists():
            tail = "\n".join((child.stderr or child.stdout).splitlines()[-12:])
            raise TrainerError(f"the groups cannot be tried (exit {child.returncode}):\n{tail}")
        found: list[str | None] = files.read_json(answer)
        return found


def _answer(question: Mapping[str, Any]) -> list[str | None]:
    from hpsearch.trainer import fusion_obstacle  # brings torch

    trainer: Any = load_trainer(reference_from_record(question["trainer"]))  # type: ignore[arg-type]
    return [
        fusion_obstacle(trainer(), params, question["fixed"], Shape.from_record(shape))
        for shape, params in question["groups"]
    ]


if __name__ == "__main__":
    die_with_parent()
    asked, answer = map(Path, sys.argv[1:])
    files.write_json(answer, _answer(files.read_json(asked)))
