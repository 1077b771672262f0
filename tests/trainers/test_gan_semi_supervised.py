"""The semi-supervised GAN: its terms against torch's, its labels, its contract."""

import pytest
import torch
from torch.nn import functional as F

from hpsearch.errors import TrainerError
from hpsearch.testing import fused
from hpsearch.testing import trainers as contract
from hpsearch.trainer import loop as lone
from hpsearch_trainers.data.datasets import digits
from semi_supervised import (
    SemiSupervised,
    entropy,
    feature_matching,
    few,
    pull_away,
    real_or_generated,
)

DOUBLE = torch.float64
SMALL = {"width": 8, "z_dim": 3, "batch_size": 12}
UNLIKE = [
    {**SMALL, "entropy_weight": 0.3, "pull_away_weight": 0.5, "average": 0.9, "labels": 20},
    {**SMALL, "architecture": "dcgan", "width": 3, "normalization": "batch", "average": 0.0},
]


def test_a_generated_picture_is_one_more_class_whose_logit_is_zero():
    real, fake = torch.randn(2, 6, 3, dtype=DOUBLE)
    with_generated = [F.log_softmax(F.pad(logits, (0, 1)), -1) for logits in (real, fake)]
    is_real = with_generated[0][:, :3].exp().sum(-1).log()
    theirs = -is_real.mean() - with_generated[1][:, 3].mean()
    torch.testing.assert_close(real_or_generated(real, fake), theirs)


def test_the_entropy_is_torchs():
    logits = torch.randn(6, 3, dtype=DOUBLE)
    theirs = torch.distributions.Categorical(logits=logits).entropy().mean()
    torch.testing.assert_close(entropy(logits), theirs)


def test_rows_are_pulled_apart_by_their_cosines():
    rows = torch.randn(5, 4, dtype=DOUBLE)
    cosines = [
        F.cosine_similarity(rows[i], rows[j], dim=0) ** 2
        for i in range(5)
        for j in range(5)
        if i != j
    ]
    torch.testing.assert_close(pull_away(rows), sum(cosines) / 20)


def test_features_match_in_their_means():
    real, fake = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[0.0, 1.0], [2.0, 1.0]])
    assert float(feature_matching(real, fake)) == 1 + 4


def test_the_few_labelled_pictures_are_of_all_classes_alike_and_true():
    images, labels = few("digits", None, 30)
    assert len(images) == len(digits("train")[0])
    for start in (0, 30, 300):
        assert labels[start : start + 30].bincount().tolist() == [3] * 10
    assert len(images.unique(dim=0)) == 30
    known, theirs = digits("train")
    where = (known[None] == images[:30].flatten(1)[:, None]).all(-1).int().argmax(1)
    assert torch.equal(theirs[where], labels[:30])


@pytest.mark.parametrize("count", [0, 25, 100_000])
def test_a_number_of_labels_that_cannot_be_is_refused(count):
    with pytest.raises(TrainerError, match="labels must be a multiple of 10, at most"):
        few("digits", None, count)


def test_it_learns_from_few_labels(start):
    run = start("val_error", budget=200, report_every=200, role="confirm", width=64, lr_d=2e-3)
    lone.train_trial(SemiSupervised(), run)
    metrics = run.folder.read_reports()[-1].metrics
    assert metrics["val_error"] < 0.35 and metrics["test_error"] < 0.35  # by chance 0.9


@pytest.mark.slow
def test_it_keeps_the_contract(tmp_path):
    checks = (
        contract.every_hyperparameter_is_read,
        contract.its_structure_names_hyperparameters,
        contract.its_metrics_are_finite_and_the_same_for_the_same_networks,
        contract.metrics_on_test_data_are_named_test,
        fused.a_trials_bits_do_not_depend_on_its_group,
        fused.a_fused_trial_has_the_numbers_of_a_lone_one,
    )
    contract.check_trainer(SemiSupervised, UNLIKE, checks)
