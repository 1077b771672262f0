"""Inception-style score: pictures of which each is clear and all are unlike, to a classifier."""

import numpy as np

from hpsearch_trainers.metrics.extractors import Array


def inception_score(logits: Array) -> float:
    """The exponential of the mean Kullback-Leibler divergence of p(y|x) from p(y).

    Salimans et al. 2016, sec. 4. Of a classifier that tells C classes apart it is between 1 and C.
    It does not look at real pictures, and one clear picture of each class has the best score. All
    samples are one split, where the paper's tables have the mean of ten.

    Args:
        logits: of the caller's classifier on generated pictures, [n, classes].
    """
    highest = logits.max(1, keepdims=True)
    log_p = logits - highest
    log_p -= np.log(np.exp(log_p).sum(1, keepdims=True))
    p = np.exp(log_p)
    marginal = p.mean(0)
    # A class of marginal 0 has p = 0 in all rows.
    log_marginal = np.log(np.where(marginal > 0, marginal, 1.0))
    divergence = (p * (np.maximum(log_p, -1e300) - log_marginal)).sum(1)
    return float(np.exp(divergence.mean()))
