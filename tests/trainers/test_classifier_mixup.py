"""Mixup: the share's distribution, and the loss of a mixed batch."""

import pytest
import torch
from scipy import stats
from torch.nn import functional as F

from classifier import Classifier
from hpsearch_trainers.classifier.mixup import mixed, symmetric_beta


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_the_share_is_beta_distributed(alpha):
    """Kolmogorov and Smirnov say otherwise once in a million."""
    normals = torch.randn(20_000, 2, generator=torch.Generator().manual_seed(0)).double()
    share = symmetric_beta(normals, alpha).numpy()
    assert stats.kstest(share, stats.beta(alpha, alpha).cdf).pvalue > 1e-6
    assert share.min() >= 0 and share.max() <= 1


def test_the_share_of_no_mixing_is_0_or_1_and_of_the_smallest_is_finite():
    normals = torch.randn(1000, 2, generator=torch.Generator().manual_seed(0))
    assert set(symmetric_beta(normals, 0.0).tolist()) == {0.0, 1.0}
    assert bool(symmetric_beta(normals, 1e-30).isfinite().all())


def test_a_picture_is_mixed_with_the_one_before():
    images = torch.arange(6.0).view(3, 2)
    expected = torch.stack([0.7 * images[i] + 0.3 * images[i - 1] for i in range(3)])
    torch.testing.assert_close(mixed(images, torch.tensor(0.7)), expected)


def test_the_loss_of_a_mixed_batch_is_that_of_mixed_labels(hp):
    """Zhang et al. 2018, sec. 2: both the picture and its one-hot label are mixed."""
    torch.manual_seed(0)
    settings = hp(Classifier, mix="mixup", mixup_alpha=0.7, label_smoothing=0.2, batch_size=5)
    nets = Classifier().build(settings)
    batch = {
        "image": torch.randn(5, 64),
        "label": torch.tensor([3, 1, 4, 1, 5]),
        "dropout": torch.randn(1, 5, 64),
        "mix": torch.randn(2),
    }
    share = symmetric_beta(batch["mix"], 0.7)
    assert 0.01 < share < 0.99
    one_hot = F.one_hot(batch["label"], 10) * 0.8 + 0.2 / 10
    logits = nets["net"](mixed(batch["image"], share))
    expected = F.cross_entropy(logits, mixed(one_hot, share))
    torch.testing.assert_close(Classifier().loss("net", nets, batch, settings), expected)
