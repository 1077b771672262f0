"""Every optimizer that is installed, on a small space with conditions, in all regimes."""

import importlib.util

import pytest

from benchmarks.quality.optimizers import ENTRIES, Setting, make, spec
from benchmarks.quality.regimes import REGIMES, Regime, run
from hpsearch.space import Choice, Condition, Int, Logint, Loguniform, Parameter, Space, Uniform

SPACE = Space(
    (
        # A child before its parent, a choice of mixed types, and a condition on an int.
        Parameter("momentum", Uniform(0, 0.99), (Condition("optimizer", ("sgd", None)),)),
        Parameter("optimizer", Choice(("sgd", "adam", None, True))),
        Parameter("lr", Loguniform(1e-5, 1e-1)),
        Parameter("depth", Int(1, 4)),
        Parameter(
            "width",
            Logint(4, 64),
            (Condition("depth", (2, 3)), Condition("optimizer", ("sgd", "adam"))),
        ),
    )
)
# The peers' own warnings are theirs.
pytestmark = pytest.mark.filterwarnings("ignore")
IMPORTS = {"ConfigSpace": "ConfigSpace", "HEBO": "hebo"}


class Bowl:
    space = SPACE

    def truth(self, params):
        return (
            abs(params["depth"] - 3)
            + abs(params["lr"] - 1e-3) * 10
            + params.get("momentum", 1.0)
            + abs(params.get("width", 4) - 32) / 32
        )

    def value(self, params, seed):
        return self.truth(params)


def runs_of(name, regime, seed, trials):
    entry = ENTRIES[name]
    module = IMPORTS.get(entry.package, entry.package)
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{name}: {entry.package} is not installed")
    if name == "optuna-cmaes" and importlib.util.find_spec("cmaes") is None:
        pytest.skip(f"{name}: cmaes is not installed")
    known = REGIMES[regime]
    short = Regime(trials, known.workers, known.asynchronous, ())
    try:
        optimizer = make(
            spec(name), Setting(SPACE, seed, trials, known.workers, known.asynchronous)
        )
    except ImportError as error:
        pytest.skip(f"{name}: {error}")
    return run(Bowl(), optimizer, short, seed)


@pytest.mark.parametrize("regime", ["batch-100", "async-100", "single-100"])
@pytest.mark.parametrize("name", ENTRIES)
def test_every_proposal_is_in_the_space(name, regime):
    trials = 14 if regime == "single-100" else 27
    assert len(runs_of(name, regime, 0, trials).truths) == trials


@pytest.mark.parametrize("name", ["ours", "optuna-tpe", "optuna-qmc", "box"])
def test_a_seed_is_a_run(name):
    first, again, other = (runs_of(name, "batch-100", s, 30).truths for s in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("name", ["ours", "box"])
def test_an_optimizer_finds_the_bowl(name):
    # Of 100 random draws the best is 0.3 in the median; these are below in each of 5 seeds.
    assert all(runs_of(name, "batch-100", seed, 100).truths[-1] < 1.0 for seed in range(5))
