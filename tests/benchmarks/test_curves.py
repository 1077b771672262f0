"""Learning curves: trained ones are those of one long training, functions those of the papers."""

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.quality import curve_tables, functions
from benchmarks.quality.curve_model import Model, deviations_of
from benchmarks.quality.curve_tables import TRAINED, path_of, read, steps, write
from benchmarks.quality.curve_tasks import FULL, branin_at, hartmann6_at, hurried_at, load, names
from benchmarks.quality.real.training import Order, Trainings


def test_whole_trainings_have_the_values_of_the_functions():
    assert branin_at([0.3, 0.6], 1.0) == pytest.approx(functions.branin(-0.5, 9.0))
    assert hartmann6_at(functions.HARTMANN6_BEST, 1.0) == pytest.approx(-3.32237, abs=1e-5)
    assert hurried_at([*functions.HARTMANN6_BEST, 0.4], 1.0) == pytest.approx(-3.12237, abs=1e-5)


def test_short_trainings_are_off_as_in_the_paper():
    # At x = (0, 0) only the cosine's factor is left: 36 + 10 (1 - t) + 10, t = 1/(8π) + 0.005.
    assert branin_at([1 / 3, 0.0], 0.0) == pytest.approx(56 - 10 / (8 * math.pi) - 0.05)
    # All heights are less by 0.1, and no other hill reaches the fourth's centre.
    centre = [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381]
    gap = hartmann6_at(centre, 0.0) - hartmann6_at(centre, 1.0)
    assert gap == pytest.approx(0.1, abs=1e-3)


@pytest.mark.parametrize("v", [0.0, 0.5, 1.0])
def test_the_hurried_begin_alike_and_have_their_power_law(v):
    unit = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, v]
    assert hurried_at(unit, 1 / 32) == pytest.approx(2)
    end, power = hurried_at(unit, 1.0), 0.1 + 1.4 * v
    left = (hurried_at(unit, 1 / 4) - end) / (2 - end)
    assert left == pytest.approx((4**power - 1) / (32**power - 1))


def test_noise_is_the_trials_at_every_budget_in_part():
    """Correlation 1/2 of two budgets; 2,000 points give it to 0.02, five of which are allowed."""
    task = load("hartmann6")
    units = np.random.default_rng(0).random((2000, 6)).tolist()
    drawn = task.deviations(units, [30, FULL], 1)
    assert drawn.std(0) == pytest.approx([0.05, 0.05], rel=0.1)
    assert np.corrcoef(drawn.T)[0, 1] == pytest.approx(0.5, abs=0.1)
    again = task.values(units[:3], 30, 1)
    assert again.tolist() == (task.curves(units[:3], [30])[:, 0] + drawn[:3, 0]).tolist()
    assert task.values(units[:3], 30, 2).tolist() != again.tolist()


def test_a_trial_that_pauses_at_its_checkpoints_ends_where_one_does_that_does_not(monkeypatch):
    one = TRAINED["lqg-gan"]
    small = replace(one, task=replace(one.task, interval=16, full=16))
    monkeypatch.setitem(TRAINED, "lqg-gan", small)
    found = curve_tables.train("lqg-gan", [(0, 0), (1, 0)])
    order = Order.of(small.task.space.decode(curve_tables.unit("lqg-gan", 1)), _seed(1, 0))
    alone = Trainings(small.task)
    alone.train({order: 16})
    assert found[1, 0][-1] == pytest.approx(math.log(alone.curve(order).at(16)), abs=1e-12)
    assert len(found[1, 0]) == len(steps(16))


def _seed(index, seed):
    return int(np.random.SeedSequence((index, seed, 7)).generate_state(1, np.uint32)[0])


def test_a_table_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "curves-x.csv"
    count = len(steps(480))
    rows = {(3, 1): tuple(0.25 * k for k in range(count)), (0, 0): (1.5,) * count}
    write(path, 480, rows)
    assert read(path) == rows
    with path.open("a") as file:
        file.write("4,0,1.5,")
    assert read(path) == rows  # torn
    assert path.read_text().startswith("point,seed,step 15,step 20,")


def test_the_model_of_curves_predicts_those_that_it_has_not_seen():
    random = np.random.default_rng(0)
    x = random.random((300, 3))
    y = np.stack([np.sin(3 * x[:, 0]) + x[:, 1] ** 2, x[:, 0] - x[:, 1]], axis=1)
    model = Model(x[:250], y[:250], (np.array([0.5, 0.5, 5.0]), 1.0, 1e-4))
    off = model(x[250:]) - y[250:]
    assert np.sqrt((off**2).mean(0)).max() < 0.1 * y.std()


def test_deviations_have_the_variance_of_one_seed():
    """Of 2,000 curves of unit variance; the relative standard error is 1.1 %."""
    repeated = np.random.default_rng(0).standard_normal((2000, 3, 2))
    ends, deviations = deviations_of(repeated)
    assert (np.diff(ends) >= 0).all()
    assert deviations.std() == pytest.approx(1.0, rel=0.06)
    assert deviations.sum(1) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("name", [name for name in TRAINED if path_of(name).exists()])
def test_a_shipped_table_is_whole_and_training_helps(name):
    rows = read(path_of(name))
    assert len(rows) == len(curve_tables.wanted())
    curves = np.array(list(rows.values()))
    assert curves.shape[1] == len(curve_tables.CHECKPOINTS) and np.isfinite(curves).all()
    # With the length of training the median falls.
    assert np.median(curves[:, -1]) < np.median(curves[:, 4]) < np.median(curves[:, 0])


def test_an_unknown_task_is_named_with_those_that_exist():
    with pytest.raises(KeyError, match="no task 'x'; there are: digits-classifier"):
        load("x")
    assert len(set(names())) == len(names()) == 6
