"""The plain function: it learns, its gradient is right, and it resumes exactly."""

import torch
from torch.nn import functional as F

import logistic
from hpsearch_trainers.data.datasets import digits

HP = {"lr": 0.1, "momentum": 0.9, "l2": 1e-4, "batch_size": 32}


def test_its_gradient_is_that_of_the_cross_entropy():
    images, labels = digits("valid")
    weights = torch.randn(65, 10, requires_grad=True)
    loss = F.cross_entropy(logistic.scores(weights, images), labels)
    torch.testing.assert_close(
        logistic.gradient_of(weights.detach(), images, labels),
        torch.autograd.grad(loss, weights)[0],
    )


def test_it_learns_the_digits(start):
    run = start("val_loss", budget=500, **HP)
    logistic.train(run)
    assert run.last.metrics["val_accuracy"] > 0.93


def test_a_continued_run_has_the_bits_of_an_undisturbed_one(start):
    logistic.train(start("val_loss", name="straight", budget=200, **HP))
    for budget in (100, 200):
        run = start("val_loss", name="parts", budget=budget, **HP)
        logistic.train(run)
    straight = start("val_loss", name="straight", budget=200, **HP)
    assert torch.equal(run.load()["weights"], straight.load()["weights"])
    assert [r.metrics for r in run.folder.read_reports()] == [
        r.metrics for r in straight.folder.read_reports()
    ]


def test_only_a_confirmation_looks_at_test_data_and_only_at_its_end(start):
    run = start("val_loss", role="confirm", budget=100, **HP)
    logistic.train(run)
    half, end = [set(report.metrics) for report in run.folder.read_reports()]
    assert half == {"val_loss", "val_accuracy"}
    assert end - half == {"test_loss", "test_accuracy"}
    searched = start("val_loss", name="draw", budget=100, **HP)
    logistic.train(searched)
    assert set(searched.last.metrics) == half
