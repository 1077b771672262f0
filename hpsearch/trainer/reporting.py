"""What a trial says at a report, whichever loop trains it."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from hpsearch.errors import TrainerError
from hpsearch.trainer import randomness as chance
from hpsearch.trainer.run import HP, Run
from hpsearch.trainer.trainer import Evaluation, Trainer


def report(
    trainer: Trainer,
    run: Run,
    nets: Mapping[str, nn.Module],
    outputs: Mapping[str, Tensor],
    step: int,
) -> None:
    """Evaluate, and say what came of it; a confirmation's last report has the test metrics too.

    Args:
        trainer: the trainer.
        run: the trial's.
        nets: its networks.
        outputs: what the trainer's `outputs` gave for them.
        step: of the report.
    """
    for net in nets.values():
        net.eval()
    with torch.no_grad(), chance.evaluation_randomness(run.seed):
        evaluation: Evaluation = trainer.evaluate(nets, outputs, run.hp)
        metrics = dict(evaluation.metrics)
        if run.role == "confirm" and step >= run.budget:
            metrics |= _test_metrics(trainer, nets, run.hp)
    run.collapsed = None
    if evaluation.saturated is not None:
        run.collapse(evaluation.saturated, "discriminator_saturated")
    elif evaluation.collapsed is not None:
        run.collapse(evaluation.collapsed)
    run.provenance.clear()
    run.provenance.update(evaluation.provenance)
    for name, pixels in evaluation.images.items():
        run.image(f"{name}-{step:06d}", pixels)
    run.report(step, **metrics)


def _test_metrics(trainer: Trainer, nets: Mapping[str, nn.Module], hp: HP) -> dict[str, float]:
    metrics = dict(trainer.test(nets, hp))
    wrong = [name for name in metrics if not name.startswith("test_")]
    if wrong:
        raise TrainerError(
            f"{type(trainer).__name__}.test: metrics must be named test_*, got {', '.join(wrong)}"
        )
    return metrics


def check_phases(trainer: Trainer, nets: Mapping[str, nn.Module]) -> None:
    """Every phase has a network.

    Raises:
        TrainerError: one has none.
    """
    missing = [phase for phase in trainer.phases if phase not in nets]
    if missing:
        raise TrainerError(
            f"{type(trainer).__name__}.build: no network for phase {', '.join(missing)} "
            f"(has: {', '.join(nets)})"
        )


def next_report(step: int, run: Run) -> int:
    """The step of the next report after `step`: a multiple of the study's wish, or the end."""
    return min((step // run.report_every + 1) * run.report_every, run.budget)
