"""Our own spaces, whose configurations `train_tables.py` really trains.

The first two are those of studies/, with fewer structures, so that many trials train as one.
"""

from zlib import crc32

import numpy as np

from hpsearch.space import Choice, Condition, Int, Logint, Loguniform, Parameter, Space, Uniform


def _when(parent: str, *values: str) -> tuple[Condition, ...]:
    return (Condition(parent, values),)


DIGITS_CLASSIFIER = Space(
    (
        Parameter("optimizer", Choice(("sgd", "adam", "adamw", "rmsprop"))),
        Parameter("lr", Loguniform(1e-5, 1e-1), _when("optimizer", "adam", "adamw", "rmsprop")),
        Parameter("lr_sgd", Loguniform(1e-4, 3), _when("optimizer", "sgd")),
        Parameter("momentum", Uniform(0, 0.99), _when("optimizer", "sgd")),
        Parameter("weight_decay", Loguniform(1e-6, 1e-1)),
        Parameter("depth", Int(1, 3)),
        Parameter("width", Logint(16, 128)),
        Parameter("activation", Choice(("relu", "tanh"))),
        Parameter("dropout", Uniform(0, 0.6)),
        Parameter("label_smoothing", Uniform(0, 0.2)),
        Parameter("batch_size", Choice((32, 64))),
    )
)
DIGITS_GAN = Space(
    (
        Parameter("loss", Choice(("non_saturating", "wgan", "least_squares", "hinge"))),
        Parameter("penalty", Choice(("none", "gradient", "r1"))),
        Parameter("penalty_weight", Loguniform(0.01, 100), _when("penalty", "gradient", "r1")),
        Parameter("lr_g", Loguniform(1e-4, 3e-2)),
        Parameter("lr_d", Loguniform(1e-4, 3e-2)),
        Parameter("beta1", Uniform(0, 0.9)),
        Parameter("beta2", Uniform(0.8, 0.999)),
        Parameter("n_critic", Int(1, 3)),
        Parameter("width", Logint(16, 64)),
        Parameter("z_dim", Logint(4, 32)),
    )
)
BOOSTING = Space(
    (
        Parameter("learning_rate", Loguniform(0.01, 1)),
        Parameter("max_iter", Logint(3, 40)),
        Parameter("max_leaf_nodes", Logint(2, 32)),
        Parameter("max_depth", Int(1, 10)),
        Parameter("min_samples_leaf", Logint(1, 100)),
        Parameter("l2_regularization", Loguniform(1e-4, 1e2)),
        Parameter("max_features", Uniform(0.05, 1)),
        Parameter("max_bins", Logint(4, 255)),
    )
)
PIPELINE = Space(
    (
        Parameter("scaler", Choice(("none", "standard", "minmax", "robust"))),
        Parameter("reduction", Choice(("none", "pca", "kbest"))),
        Parameter("components", Logint(2, 60), _when("reduction", "pca")),
        Parameter("whiten", Choice((False, True)), _when("reduction", "pca")),
        Parameter("kept", Logint(2, 60), _when("reduction", "kbest")),
        Parameter("model", Choice(("svm", "knn", "logistic", "forest"))),
        Parameter("kernel", Choice(("rbf", "poly", "linear")), _when("model", "svm")),
        Parameter("c_svm", Loguniform(1e-3, 1e3), _when("model", "svm")),
        Parameter("gamma", Loguniform(1e-5, 10), _when("kernel", "rbf", "poly")),
        Parameter("degree", Int(2, 5), _when("kernel", "poly")),
        Parameter("neighbors", Logint(1, 50), _when("model", "knn")),
        Parameter("weights", Choice(("uniform", "distance")), _when("model", "knn")),
        Parameter("p", Choice((1, 2)), _when("model", "knn")),
        Parameter("c_logistic", Loguniform(1e-4, 1e3), _when("model", "logistic")),
        Parameter("trees", Logint(2, 30), _when("model", "forest")),
        Parameter("max_features", Uniform(0.02, 1), _when("model", "forest")),
        Parameter("leaf", Logint(1, 30), _when("model", "forest")),
        Parameter("criterion", Choice(("gini", "entropy")), _when("model", "forest")),
    )
)
SPACES = {
    "digits-classifier": DIGITS_CLASSIFIER,
    "digits-gan": DIGITS_GAN,
    "boosting": BOOSTING,
    "pipeline": PIPELINE,
}


def point(name: str, number: int) -> list[float]:
    """Point `number` of a table, uniform in the unit cube, from a generator of its own."""
    return point_in(name, number, len(SPACES[name]))


def point_in(name: str, number: int, parameters: int) -> list[float]:
    """As `point`, for a table that is named in full."""
    seed = np.random.SeedSequence(crc32(name.encode()), spawn_key=(number,))
    return [float(u) for u in np.random.default_rng(seed).random(parameters)]
