"""What a proposal costs: Optuna's samplers and ours, at 100 and at 1,000 finished trials.

    OMP_NUM_THREADS=1 python benchmarks/quality/cost.py [--asks 50]

Ten parameters (five log floats, three ints, two choices), studies in memory with the same finished
trials of RandomSampler's, in rounds of 25. An ask is `study.ask` with the whole space: Optuna's own
share is in it, as RandomSampler shows. `one at a time` tells each trial before the next ask, so the
table is new at every ask; `in batches` asks 25 before it tells them. The arms take turns, an ask or
a batch each. Times are by the clock: run it where nothing else runs.

`method` is ours without Optuna: taking the last trial's row into the table's order, what the round
draws from, and a draw. It takes its turn as the others do, and so finds the processor's caches full
of theirs; `method, in a row` is the same with nothing in between.
"""

import argparse
import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial

from hpsearch import TighteningSampler, method
from hpsearch.sampler.table import Table

SPACE: dict[str, BaseDistribution] = {
    **{f"lr{i}": FloatDistribution(1e-5, 1e-1, log=True) for i in range(5)},
    **{f"depth{i}": IntDistribution(1, 9) for i in range(3)},
    **{f"loss{i}": CategoricalDistribution(("hinge", "wgan", "lsgan")) for i in range(2)},
}
ARMS: dict[str, Callable[[], BaseSampler]] = {
    "RandomSampler": lambda: RandomSampler(seed=0),
    "TPESampler": lambda: TPESampler(seed=0),
    "TighteningSampler": lambda: TighteningSampler(seed=0),
    "TighteningSampler, surrogate=None": lambda: TighteningSampler(seed=0, surrogate=None),
}
METHOD, IN_A_ROW = "method", "method, in a row"
ROWS = (*ARMS, METHOD, IN_A_ROW)
FINISHED = (100, 1000)
BATCH = 25
PAGE = Path(__file__).parent.parent / "results" / "cost.md"


def loss(params: dict[str, object]) -> float:
    total = 0.0
    for i in range(5):
        lr = params[f"lr{i}"]
        assert isinstance(lr, float)
        total += (math.log10(lr) + 3) ** 2 / (i + 1)
    for i in range(3):
        depth = params[f"depth{i}"]
        assert isinstance(depth, int)
        total += abs(depth - 4) / 5
    return total + (params["loss0"] != "wgan") + 0.5 * (params["loss1"] != "hinge")


@cache
def finished_trials(count: int) -> tuple[FrozenTrial, ...]:
    source = optuna.create_study(sampler=RandomSampler(seed=1))
    for _ in range(count):
        trial = source.ask(SPACE)
        source.tell(trial, loss(trial.params))
    return tuple(source.get_trials(deepcopy=False))


def study_of(sampler: BaseSampler, finished: int) -> optuna.Study:
    """A study with that many finished trials, the same for every sampler."""
    study = optuna.create_study(sampler=sampler)
    study.add_trials(finished_trials(2 * max(FINISHED))[:finished])
    return study


def asked(study: optuna.Study, batch: int) -> list[float]:
    """Milliseconds of each ask of a batch, which is told afterwards."""
    trials, times = [], []
    for _ in range(batch):
        start = time.perf_counter()
        trials.append(study.ask(SPACE))
        times.append(1e3 * (time.perf_counter() - start))
    for trial in trials:
        study.tell(trial, loss(trial.params))
    return times


def method_alone(finished: int) -> Iterator[float]:
    """Milliseconds of one proposal after another, each after one more trial."""
    trials = finished_trials(2 * max(FINISHED))
    table = Table(SPACE, 1)
    table.update(trials[:finished])
    table.tighten(4, 3)
    for end in range(finished + 1, 2 * finished):
        grown = trials[:end]
        start = time.perf_counter()
        table.update(grown)
        tightening = table.tighten(4, 3)
        method.round_slot(table.space, tightening, seed=0, round=4, index=end % BATCH)
        yield 1e3 * (time.perf_counter() - start)


def measured(finished: int, batch: int, asks: int) -> dict[str, list[float]]:
    studies = {name: study_of(make(), finished) for name, make in ARMS.items()}
    alone = method_alone(finished)
    times: dict[str, list[float]] = {name: [] for name in ROWS}
    for study in studies.values():
        asked(study, 1)  # all that is read and imported once
    for _ in range(max(1, asks // batch)):
        for name, study in studies.items():
            times[name] += asked(study, batch)
        if batch == 1:
            times[METHOD].append(next(alone))
    if batch == 1:
        times[IN_A_ROW] = list(islice(method_alone(finished), asks))
    return times


def cell(times: list[float]) -> str:
    if not times:
        return ""
    low, high = (statistics.quantiles(times, n=10)[i] for i in (0, 8))
    return f"{statistics.median(times):.3g} [{low:.3g}, {high:.3g}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--asks", type=int, default=50)
    asks = parser.parse_args().asks
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    columns = {
        f"{finished:,} finished, {said}": measured(finished, batch, asks)
        for finished in FINISHED
        for said, batch in (("one at a time", 1), (f"in batches of {BATCH}", BATCH))
    }
    lines = [
        "# What a proposal costs",
        "",
        "Milliseconds of `study.ask` with a space of ten parameters, on one thread, studies in",
        f"memory: median [tenth, ninetieth percentile] of {asks} asks an arm, which take turns.",
        "The finished trials grow by the asks. The file's head describes the arms.",
        "`python benchmarks/quality/cost.py`, "
        f"Python {platform.python_version()}, Optuna {version('optuna')}, "
        f"numpy {version('numpy')}, on {platform.machine()} with {os.cpu_count()} cores.",
        "",
        "| sampler | " + " | ".join(columns) + " |",
        "|---|" + "---|" * len(columns),
    ]
    for name in ROWS:
        cells = [cell(times[name]) for times in columns.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    text = "\n".join(lines) + "\n"
    PAGE.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
