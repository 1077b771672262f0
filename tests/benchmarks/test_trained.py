"""Our own spaces: how they are trained, and what is learned of them."""

import json
import math

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from benchmarks.quality import fit_surrogates, train_tables
from benchmarks.quality.fit_surrogates import FIGURES, fit_forest, fit_process, likeliest
from benchmarks.quality.spaces import SPACES, point
from benchmarks.quality.surrogate import features, load, noise_of, save
from benchmarks.quality.train_tables import SIZES, complete, path_of, read, wanted
from benchmarks.quality.trained import path_of as model_path
from benchmarks.quality.training import train


@pytest.fixture(scope="module")
def learned():
    """A function of four numbers with little noise, and points where it was not seen."""
    random = np.random.default_rng(0)
    x, q = random.random((150, 4)), random.random((40, 4))
    y = np.sin(3 * x[:, 0]) + x[:, 1] ** 2 + 0.05 * random.standard_normal(150)
    return x, y, q


def test_the_arrays_of_a_forest_predict_as_scikit_learns(learned):
    x, y, q = learned
    own = fit_forest(x, y).flat()
    theirs = ExtraTreesRegressor(
        fit_surrogates.TREES,
        min_samples_leaf=fit_surrogates.LEAF,
        max_depth=fit_surrogates.DEPTH,
        random_state=0,
    ).fit(x, y)
    assert [own(row) for row in q] == pytest.approx(theirs.predict(q), abs=1e-6)


def test_the_process_predicts_as_scikit_learns(learned):
    x, y, q = learned
    scales, signal, noise = np.array([0.5, 0.8, 3.0, 4.0]), 0.3, 0.01
    own = fit_process(x, y, (scales, signal, noise))
    kernel = ConstantKernel(signal) * Matern(scales, nu=2.5) + WhiteKernel(noise)
    theirs = GaussianProcessRegressor(kernel, optimizer=None).fit(x, y - y.mean())
    assert [own(row) for row in q] == pytest.approx(theirs.predict(q) + y.mean(), abs=1e-4)


def test_the_likeliest_scales_know_which_features_matter(learned, monkeypatch):
    monkeypatch.setattr(fit_surrogates, "STEPS", 60)
    x, y, _ = learned
    (first, second, third, fourth), _, noise = likeliest(x, y)
    assert max(first, second) < min(third, fourth)
    assert 0.02 < math.sqrt(noise) < 0.1  # 0.05 was put in


def test_deviations_have_the_variance_of_one_seed():
    """1,000 configurations of three seeds: a relative standard error of 1.6 %, six of them."""
    random = np.random.default_rng(0)
    values = random.random((1000, 1)) + 0.2 * random.standard_normal((1000, 3))
    noise = noise_of(values)
    assert np.sqrt((noise.deviations**2).mean()) == pytest.approx(0.2, rel=0.1)
    assert list(noise.levels) == sorted(values.mean(1))
    assert noise(-9, 0, 0) == noise.deviations[0, 0]
    assert noise(9, 0.999, 0.999) == noise.deviations[-1, -1]


def test_a_kept_surrogate_is_the_one_that_was_fitted(learned, tmp_path):
    x, y, q = learned
    forest, process = fit_forest(x, y), fit_process(x, y, (np.ones(4), 1.0, 0.01))
    parts = [("forest", forest), ("process", process), ("noise", noise_of(y.reshape(50, 3)))]
    save(tmp_path / "kept.npz", parts)
    kept, mean, noise = load(tmp_path / "kept.npz")
    assert [kept(row) for row in q] == [forest.flat()(row) for row in q]
    assert [mean(row) for row in q] == [process(row) for row in q]
    assert noise(0.5, 0.3, 0.7) == noise_of(y.reshape(50, 3))(0.5, 0.3, 0.7)


def test_features_are_the_cube_with_choices_apart():
    space = SPACES["digits-gan"]
    params = space.decode([0.3, 0.1, 0.7, 0.25, *([0.5] * 6)])
    assert params["loss"] == "wgan" and "penalty_weight" not in params
    found = features(space, params)
    assert list(found[:8]) == [0, 1, 0, 0, 1, 0, 0, 0.5]
    assert found[8] == pytest.approx(0.25)


def test_a_table_that_was_torn_is_completed_to_the_same_rows(tmp_path):
    keys = [(0, 0), (1, 0), (0, 1)]
    complete("pipeline", keys, tmp_path)
    whole = path_of("pipeline", tmp_path).read_text()
    path_of("pipeline", tmp_path).write_text(whole[:-4])
    complete("pipeline", keys, tmp_path)
    assert path_of("pipeline", tmp_path).read_text() == whole
    assert list(read(path_of("pipeline", tmp_path))) == sorted(keys)


@pytest.mark.parametrize("name", SPACES)
def test_every_shipped_table_is_whole(name):
    rows = read(path_of(name))
    assert sorted(rows) == sorted(wanted(*SIZES[name]))
    assert len({index for index, _ in rows}) >= 2000
    assert all(map(math.isfinite, rows.values()))
    assert path_of(name).stat().st_size < 1e5


@pytest.mark.parametrize(("name", "off"), [("pipeline", 0.01), ("boosting", 0.05)])
def test_a_row_of_a_shipped_table_is_trained_again(name, off):
    """Other versions of scikit-learn may differ in a few of 800 digits."""
    rows, keys = read(path_of(name)), [(3, 0), (4, 0)]
    for key, value in train(name, keys):
        assert value == pytest.approx(rows[key], abs=off)


def test_a_row_of_the_classifiers_table_is_trained_again():
    """One processor rounds unlike another: losses differ a little after 300 steps."""
    rows, key = read(path_of("digits-classifier")), (0, 0)
    ((found, value),) = train("digits-classifier", [key])
    assert found == key
    assert value == pytest.approx(rows[key], abs=0.05)


@pytest.mark.parametrize("name", SPACES)
def test_what_is_learned_ranks_like_what_was_trained(name):
    """The shipped figures, and a look whether the shipped arrays know the table."""
    figures = json.loads(FIGURES.read_text())[name]
    assert figures["points"] == SIZES[name][0] and figures["both"] > 0.8
    rows, space = read(path_of(name)), SPACES[name]
    forest, process, _ = load(model_path(name))
    numbers = list(range(0, SIZES[name][0], 20))
    x = [features(space, space.decode(point(name, index))) for index in numbers]
    told = np.array([0.5 * (forest(row) + process(row)) for row in x])
    seen = np.array([rows[index, 0] for index in numbers])
    ranks = [np.argsort(np.argsort(v)) for v in (told, seen)]
    assert np.corrcoef(*ranks)[0, 1] > figures["both"] - 0.05


def test_points_do_not_depend_on_each_other():
    assert point("boosting", 5) == point("boosting", 5)
    assert point("boosting", 5) != point("boosting", 6)
    assert train_tables.wanted(3, 2) == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (0, 2), (1, 2)]
