"""Inception-style score: each picture of a clear class, all classes present."""

import numpy as np

from hpsearch_trainers.metrics.extractors import Array


def inception_score(logits: Array) -> float:
    """The exponential of the mean Kullback-Leibler divergence of p(y|x) from p(y).

    Salimans et al. 2016, sec. 4. Between 1 and the number of classes. Real pictures do not enter,
    and one clear picture per class has the best score. All samples are one split, where the paper
    takes the mean of ten.

    Args:
        logits: of generated pictures, [n, classes].
    """
    highest = logits.max(1, keepdims=True)
    log_p = logits - highest
    log_p -= np.log(np.exp(log_p).sum(1, keepdims=True))
    p = np.exp(log_p)
    marginal = p.mean(0)
    # If a class has marginal 0, its p is 0 in all rows.
    log_marginal = np.log(np.where(marginal > 0, marginal, 1.0))
    divergence = (p * (np.maximum(log_p, -1e300) - log_marginal)).sum(1)
    return float(np.exp(divergence.mean()))
