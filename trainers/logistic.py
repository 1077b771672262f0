"""Softmax regression on the digits as a plain function: the loop is yours, `run` all you need."""

import torch
from torch.nn import functional as F

from hpsearch import Run
from hpsearch_trainers.data.datasets import CLASSES, PIXELS, Part, digits


def train(run: Run) -> None:
    """Stochastic gradient descent with momentum, of `run.budget` steps.

    Hyperparameters: lr; momentum, in [0, 1); l2, the weight of half the squared norm; batch_size.
    """
    images, labels = digits("train")
    weights = torch.zeros(PIXELS + 1, CLASSES)
    velocity = torch.zeros_like(weights)
    step = 0
    if state := run.load():
        weights, velocity, step = state["weights"], state["velocity"], state["step"]
    # The rows of a step come from the seed and the step, so a resumed trial draws the same ones.
    generator = torch.Generator()
    while step < run.budget:
        generator.manual_seed(run.seed * 1_000_003 + step)
        rows = torch.randint(len(images), (run.hp.batch_size,), generator=generator)
        gradient = gradient_of(weights, images[rows], labels[rows]) + run.hp.l2 * weights
        velocity = run.hp.momentum * velocity + gradient
        weights = weights - run.hp.lr * velocity
        step += 1
        if step % run.report_every == 0 or step == run.budget:
            metrics = evaluate(weights, "valid", "val")
            if step == run.budget and run.role == "confirm":
                metrics |= evaluate(weights, "test", "test")  # seen by no search
            run.report(step, **metrics)
            run.save({"weights": weights, "velocity": velocity, "step": step})


def evaluate(weights: torch.Tensor, part: Part, name: str) -> dict[str, float]:
    """Cross-entropy in nats and accuracy on a part of the digits, as name_loss, name_accuracy."""
    images, labels = digits(part)
    logits = scores(weights, images)
    loss = F.cross_entropy(logits, labels)
    accuracy = (logits.argmax(1) == labels).double().mean()
    return {f"{name}_loss": loss.item(), f"{name}_accuracy": accuracy.item()}


def scores(weights: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Logits [n, 10] from weights [65, 10], whose last row is the bias, and images [n, 64]."""
    return images @ weights[:-1] + weights[-1]


def gradient_of(weights: torch.Tensor, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Gradient [65, 10] of the mean cross-entropy in nats."""
    error = scores(weights, images).softmax(1) - F.one_hot(labels, CLASSES)
    return torch.cat([images.T @ error, error.sum(0, keepdim=True)]) / len(images)
