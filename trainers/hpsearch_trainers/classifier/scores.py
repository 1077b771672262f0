"""How right a classifier is, and which classes it takes for which."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


def score(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy in nats and accuracy (float64), of logits [n, K] and labels [n]."""
    accuracy = (logits.argmax(-1) == labels).double().mean()
    return F.cross_entropy(logits, labels), accuracy


def confusion(logits: Tensor, labels: Tensor) -> Tensor:
    """How often a picture of class i was taken for class j, [K, K], of logits [n, K]."""
    classes = torch.arange(logits.shape[-1], device=logits.device)
    true = (labels[:, None] == classes).to(logits.dtype)
    taken = (logits.argmax(-1)[:, None] == classes).to(logits.dtype)
    return true.T @ taken


def confusion_picture(counts: Tensor) -> np.ndarray:
    """Shares of each true class (a row), from white for none to black for all; in [0, 1]."""
    shares = (counts / counts.sum(1, keepdim=True).clamp_min(1)).double().cpu().numpy()
    cell = max(1, 80 // len(shares))
    return np.kron(1 - shares, np.ones((cell, cell)))
