"""What `search: {structures: N}` costs in search quality.

    python benchmarks/structures.py [--seeds 60] [--train 250]

The method runs as in a study of 4 rounds of 25 trials with growth 2, with and without blocks that
share a structure, and once with more trials in place of the time that is saved. The functions'
optimum is drawn anew for every seed:

- numbers: the structural parameters hardly matter;
- structure: every choice of a structural parameter has a penalty of its own;
- shifted: the best numbers depend on the structure;
- conditional: choices bring numbers of their own, and structure matters;
- digits: the validation loss of `studies/digits_classifier.yaml`, as a forest of trees has learned
  it from classifiers that were really trained (kept in structures_table.json; --train makes it).

The time is what the steps of the rounds' groups would take on one core at 950 µs a fused step and
67 µs a member, the figures for a small MLP; `none` is fused too, as far as its draws agree.

A trial's value is the function and noise that halves with every round, so selection is as unsure as
in a study. A search is worth the true value of the best of its three last survivors. Arms share the
seeds; a win is the lower value, a tie half a win; the interval is a percentile bootstrap's.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from trained import digits, train_table, trained_table

from hpsearch import method
from hpsearch.method.ranking import Row
from hpsearch.method.structure import Alike, Padded, Structure, shape_of
from hpsearch.method.structure_blocks import Blocks, shared_structure
from hpsearch.space import Choice, Condition, Int, Logint, Loguniform, Parameter, Space, Uniform
from hpsearch.workers.grouping import mean_group_size

ROUNDS, SURVIVORS = 4, 3
ARMS: dict[str, tuple[tuple[int, ...], int]] = {  # structures, and trials a round
    "none": ((), 25),
    "8": ((8,), 25),
    "5": ((5,), 25),
    "5, 3": ((5, 3), 25),
    "5, 2": ((5, 2), 25),
    "3": ((3,), 25),
    "5, 2 and 50 trials": ((5, 2), 50),
}
FIRST_SEED = 1000  # smaller ones have served to choose who leads a block
STEP_US, MEMBER_US = 950, 67  # of a fused step of a small MLP, and of each member (DESIGN.md)
HERE = Path(__file__).parent

GAN = Space(
    (
        Parameter("loss", Choice(("non_saturating", "wgan", "least_squares", "hinge"))),
        Parameter("penalty", Choice(("none", "gradient", "r1"))),
        Parameter("weight", Loguniform(0.01, 100), (Condition("penalty", ("gradient", "r1")),)),
        Parameter("lr_g", Loguniform(1e-4, 3e-2)),
        Parameter("lr_d", Loguniform(1e-4, 3e-2)),
        Parameter("beta1", Uniform(0, 0.9)),
        Parameter("n_critic", Int(1, 4)),
        Parameter("depth", Int(1, 3)),
        Parameter("width", Logint(32, 128)),
        Parameter("z_dim", Logint(4, 32)),
        Parameter("batch_size", Choice((32, 64))),
    )
)
GAN_STRUCTURE: Structure = (
    "depth", "batch_size", Padded("width", 2), Padded("z_dim", 1),
    Alike("penalty", ("gradient", "r1")),
)  # fmt: skip
NETS = Space(
    (
        Parameter("optimizer", Choice(("sgd", "adam"))),
        Parameter("lr", Loguniform(1e-5, 1e-1), (Condition("optimizer", ("adam",)),)),
        Parameter("lr_sgd", Loguniform(1e-4, 3), (Condition("optimizer", ("sgd",)),)),
        Parameter("momentum", Uniform(0, 0.99), (Condition("optimizer", ("sgd",)),)),
        Parameter("decay", Loguniform(1e-6, 1e-1)),
        Parameter("norm", Choice(("none", "layer"))),
        Parameter("dropout", Uniform(0, 0.6), (Condition("norm", ("none",)),)),
        Parameter("depth", Int(1, 4)),
        Parameter("width", Logint(16, 128)),
        Parameter("activation", Choice(("relu", "tanh", "gelu", "silu"))),
    )
)
NETS_STRUCTURE: Structure = ("norm", "depth", "activation", Padded("width", 2))
CLASSIFIER_STRUCTURE: Structure = ("depth", "activation", "batch_size", Padded("width", 2))

Function = Callable[[Sequence[float]], float]  # of a point of the unit cube; lower is better
Problem = tuple[Space, Structure, float, Callable[[int], Function]]  # the float: noise of round 0


def quadratic(
    space: Space, structure: Structure, seed: int, *, choice: float, shift: float
) -> Function:
    """Distances from an optimum in the active numbers, and a penalty for every choice.

    Args:
        space: of the function.
        structure: whose parameters have the penalties `choice`; other choices have those of 0.3.
        seed: of optimum, weights and penalties.
        choice: largest penalty of a structural value.
        shift: how far the structure moves the optimum of the numbers.
    """
    random = np.random.default_rng((seed, 77))
    names = {entry if isinstance(entry, str) else entry.name for entry in structure}
    optimum, weight = random.random(len(space)), random.uniform(0.3, 1.5, len(space))
    table = random.random((len(space), 8))
    moves = random.uniform(-shift, shift, (len(space), 8, len(space)))

    def value(point: Sequence[float]) -> float:
        params = space.decode(point)
        total, centre = 0.0, optimum.copy()
        for j, parameter in enumerate(space):
            if parameter.name not in params:
                continue
            levels = len(parameter.domain.options) if isinstance(parameter.domain, Choice) else 4
            level = min(int(point[j] * levels), levels - 1)
            if parameter.name in names:
                total += choice * (table[j, level] - table[j, :levels].min())
                centre += moves[j, level]
            elif isinstance(parameter.domain, Choice):
                total += 0.3 * (table[j, level] - table[j, :levels].min())
        for j, parameter in enumerate(space):
            is_number = not isinstance(parameter.domain, Choice) and parameter.name not in names
            if is_number and parameter.name in params:
                total += weight[j] * (point[j] - min(max(centre[j], 0.0), 1.0)) ** 2
        return total

    return value


def problems(count: int) -> dict[str, Problem]:
    space, learned = digits(count)
    return {
        "numbers": (GAN, GAN_STRUCTURE, 0.1,
                    lambda s: quadratic(GAN, GAN_STRUCTURE, s, choice=0.05, shift=0)),
        "structure": (GAN, GAN_STRUCTURE, 0.1,
                      lambda s: quadratic(GAN, GAN_STRUCTURE, s, choice=0.4, shift=0)),
        "shifted": (GAN, GAN_STRUCTURE, 0.1,
                    lambda s: quadratic(GAN, GAN_STRUCTURE, s, choice=0.2, shift=0.15)),
        "conditional": (NETS, NETS_STRUCTURE, 0.1,
                        lambda s: quadratic(NETS, NETS_STRUCTURE, s, choice=0.4, shift=0.05)),
        "digits": (space, CLASSIFIER_STRUCTURE, 0.1, lambda _seed: learned),
    }  # fmt: skip


def search(
    space: Space,
    structure: Structure,
    noise: float,
    function: Function,
    arm: str,
    seed: int,
) -> tuple[float, list[float], float]:
    """The true value of the best of the last survivors, each round's mean group, and the time."""
    structures, trials = ARMS[arm]
    random = np.random.default_rng((seed, 5))
    defaults = dict.fromkeys(space.names, 0)
    shared = shared_structure(structure, space, defaults)
    rows: list[Row] = []
    means: list[float] = []
    time_us = 0.0
    for round in range(ROUNDS):
        count = structures[min(round, len(structures) - 1)] if structures else 0
        comparable = [row for row in rows if row.budget == round - 1]
        tightening = method.tighten(space, comparable, round=round, survivors=SURVIVORS)
        places = method.propose(
            space,
            tightening,
            method.RoundPlan(
                seed=seed,
                round=round,
                trials=trials,
                continued=round > 0,
                blocks=Blocks(count, shared),
            ),
        )
        spread = noise / 2**round * random.standard_normal(len(places))
        for place, error in zip(places, spread, strict=True):
            rows.append(Row(len(rows), function(place.unit) + error, place.unit, round))
        keys = [shape_of(space.decode(p.unit), {}, defaults, structure, space).key for p in places]
        sizes = [keys.count(key) for key in set(keys)]
        means.append(mean_group_size(sizes))
        # A lone member is padded to two.
        time_us += 2**round * sum(STEP_US + MEMBER_US * max(n, 2) for n in sizes)
    last = [row for row in rows if row.budget == ROUNDS - 1]
    best = method.best_distinct(space, last, SURVIVORS)
    return min(function(row.unit) for row in best), means, time_us


def interval(wins: Sequence[float]) -> tuple[float, float, float]:
    """Mean and a 95% percentile bootstrap over the seeds."""
    picks = np.random.default_rng(0).choice(np.array(wins), (4000, len(wins))).mean(axis=1)
    low, high = np.quantile(picks, [0.025, 0.975])
    return float(np.mean(wins)), float(low), float(high)


def measure(seeds: int, count: int) -> list[dict[str, object]]:
    table: list[dict[str, object]] = []
    everything: dict[str, list[float]] = {arm: [] for arm in ARMS}
    for name, (space, structure, noise, make) in problems(count).items():
        found: dict[str, list[tuple[float, list[float], float]]] = {arm: [] for arm in ARMS}
        began = time.perf_counter()
        for seed in range(FIRST_SEED, FIRST_SEED + seeds):
            function = make(seed)
            for arm in ARMS:
                found[arm].append(search(space, structure, noise, function, arm, seed))
        plain = [value for value, _, _ in found["none"]]
        for arm in ARMS:
            wins = _wins([value for value, _, _ in found[arm]], plain)
            everything[arm] += wins
            row = _row(name, arm, wins)
            row["median value"] = round(float(np.median([value for value, _, _ in found[arm]])), 4)
            groups = np.mean([means for _, means, _ in found[arm]], axis=0)
            row["average trial's group, by round"] = " ".join(f"{g:.1f}" for g in groups)
            times = [np.mean([t for _, _, t in found[a]]) for a in (arm, "none")]
            row["time against none"] = f"{times[0] / times[1]:.2f}"
            table.append(row)
        print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return table + [_row("all", arm, wins) for arm, wins in everything.items() if arm != "none"]


def _wins(values: Sequence[float], against: Sequence[float]) -> list[float]:
    return [0.5 if a == b else float(a < b) for a, b in zip(values, against, strict=True)]


def _row(name: str, arm: str, wins: Sequence[float]) -> dict[str, object]:
    mean, low, high = interval(wins)
    return {
        "function": name,
        "structures": arm,
        "wins against none": "" if arm == "none" else f"{mean:.2f} [{low:.2f}, {high:.2f}]",
        "lost, won": ""
        if arm == "none"
        else f"{sum(w == 0 for w in wins)}, {sum(w == 1 for w in wins)}",
        "median value": "",
        "average trial's group, by round": "",
        "time against none": "",
    }


def markdown(table: Sequence[Mapping[str, object]], seeds: int, count: int) -> str:
    lines = [
        "# What sharing structures costs in search quality",
        "",
        f"`python benchmarks/structures.py`: {ROUNDS} rounds of 25 trials, growth 2, {seeds} "
        f"seeds; the functions are described at the top of that file. `digits` has learned from "
        f"{count} trained classifiers. Lower values are better; wins are per pair of searches with "
        "one seed, with a 95% interval. The method without `structures` is the arm `none`; the "
        f"time is modelled at {STEP_US} µs a fused step and {MEMBER_US} µs a member.",
        "",
        "| " + " | ".join(table[0]) + " |",
        "|" + "---|" * len(table[0]),
    ]
    lines += ["| " + " | ".join(str(cell) for cell in row.values()) + " |" for row in table]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="What sharing structures costs in quality")
    parser.add_argument("--seeds", type=int, default=60)
    parser.add_argument("--train", type=int, help="train so many classifiers for the table anew")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "structures.md")
    given = parser.parse_args()
    if given.train:
        train_table(given.train)
    count = len(trained_table(250))
    table = measure(given.seeds, count)
    text = markdown(table, given.seeds, count)
    given.output.write_text(text)
    given.output.with_suffix(".json").write_text(json.dumps(table, indent=1) + "\n")
    print(text)


if __name__ == "__main__":
    main()
