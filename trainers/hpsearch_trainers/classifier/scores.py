"""Loss, accuracy and confusion matrix of a classifier."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


def score(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy in nats and accuracy (float64), of logits [n, K] and labels [n]."""
    accuracy = (logits.argmax(-1) == labels).double().mean()
    return F.cross_entropy(logits, labels), accuracy


def confusion(logits: Tensor, labels: Tensor) -> Tensor:
    """Counts [K, K] of pictures of class i that were classified as j, from logits [n, K]."""
    classes = torch.arange(logits.shape[-1], device=logits.device)
    true = (labels[:, None] == classes).to(logits.dtype)
    predicted = (logits.argmax(-1)[:, None] == classes).to(logits.dtype)
    return true.T @ predicted


def confusion_picture(counts: Tensor) -> np.ndarray:
    """Shares of each true class, one row each, from white (0) to black (1); in [0, 1]."""
    shares = (counts / counts.sum(1, keepdim=True).clamp_min(1)).double().cpu().numpy()
    cell = max(1, 80 // len(shares))
    return np.kron(1 - shares, np.ones((cell, cell)))
