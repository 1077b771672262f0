"""A trial's reports, in either loop."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from hpsearch.errors import TrainerError
from hpsearch.trainer.randomness import evaluation_randomness
from hpsearch.trainer.run import HP, Run
from hpsearch.trainer.trainer import Evaluation, Trainer


def report(
    trainer: Trainer,
    run: Run,
    nets: Mapping[str, nn.Module],
    outputs: Mapping[str, Tensor],
    step: int,
) -> None:
    """Evaluate a trial and report the result; a confirmation's last report has test metrics.

    Raises:
        NonfiniteError: the objective is NaN or infinite.
        TrainerError: a test metric is not named test_*.
    """
    for net in nets.values():
        net.eval()
    with torch.no_grad(), evaluation_randomness(run.seed):
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
    """Raise a TrainerError unless every phase has a network."""
    missing = [phase for phase in trainer.phases if phase not in nets]
    if missing:
        raise TrainerError(
            f"{type(trainer).__name__}.build: no network for phase {', '.join(missing)} "
            f"(has: {', '.join(nets)})"
        )


def next_report(step: int, run: Run) -> int:
    """The next report after `step`: a multiple of `run.report_every`, or the budget."""
    return min((step // run.report_every + 1) * run.report_every, run.budget)
