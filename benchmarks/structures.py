"""What `search: {structures: N}` costs in search quality.

    python benchmarks/structures.py [--seeds 100] [--train 250]

The method runs as in a study of 4 rounds of 25 trials with growth 2, with and without blocks that
share a structure, on functions whose optimum is drawn anew for every seed:

- numbers: the structural parameters hardly matter;
- structure: every choice of a structural parameter has a penalty of its own;
- shifted: the best numbers depend on the structure;
- conditional: choices bring numbers of their own, and structure matters;
- digits: the validation loss of `studies/digits_classifier.yaml`, as a forest of trees has learned
  it from classifiers that were really trained (kept in structures_table.json; --train makes it).

A trial's value is the function and noise that halves with every round, so selection is as unsure as
in a study. A search is worth the true value of the best of its three last survivors. Arms share the
seeds; a win is the lower value, a tie half a win; the interval is a percentile bootstrap's.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from hpsearch import rounds
from hpsearch.blocks import Blocks, shared_structure
from hpsearch.filling import first_points
from hpsearch.groups import Alike, Padded, Structure, mean_group, shape_of
from hpsearch.rounds import Row
from hpsearch.space import Choice, Condition, Int, Logint, Loguniform, Parameter, Space, Uniform
from hpsearch.study import load

ROUNDS, TRIALS, SURVIVORS = 4, 25, 3
ARMS = {"none": (), "5": (5,), "5, 3": (5, 3), "3": (3,)}
HERE = Path(__file__).parent
TABLE = HERE / "results" / "structures_table.json"
CLASSIFIER = HERE.parent / "studies" / "digits_classifier.yaml"

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


def trained_table(count: int) -> list[tuple[list[float], float]]:
    """Points of the classifier's space, and the log of the validation loss that each reached."""
    if not TABLE.exists():
        train_table(count)
    return [(row["unit"], row["value"]) for row in json.loads(TABLE.read_text())]


def train_table(count: int) -> None:
    import tempfile

    import torch

    from hpsearch.fusion import lone
    from hpsearch.run import NonfiniteError, Run
    from hpsearch.source import load as load_trainer
    from hpsearch.trial import Folder, Spec

    torch.set_num_threads(1)
    study = load(CLASSIFIER)
    trainer = load_trainer(study.trainer)()  # type: ignore[arg-type]
    rows = []
    for number, unit in enumerate(first_points(study.space, 0, count)):
        params = study.space.decode(unit)
        spec = Spec(number, 0, number, "draw", params, unit, number, 300)
        with tempfile.TemporaryDirectory() as folder:
            run = Run(spec, Folder(Path(folder)), hp=params, objective="val_loss", report_every=300)
            try:
                lone.train(trainer, run)
                assert run.last is not None
                value = math.log(min(run.last.metrics["val_loss"] or 10.0, 10.0))
            except NonfiniteError:
                value = math.log(10.0)
        rows.append({"unit": [round(u, 6) for u in unit], "value": round(value, 6)})
    TABLE.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


@cache
def digits(count: int) -> tuple[Space, Function]:
    """The classifier's space and what a forest has learned of it."""
    from sklearn.ensemble import ExtraTreesRegressor

    space = load(CLASSIFIER).space
    rows = trained_table(count)

    def features(point: Sequence[float]) -> list[float]:
        active = space.active(point)
        coordinates = [u if on else -0.5 for u, on in zip(point, active, strict=True)]
        optimizer = int(point[space.names.index("optimizer")] * 4)
        return [*coordinates, *(float(optimizer == k) for k in range(4))]

    forest = ExtraTreesRegressor(60, min_samples_leaf=2, random_state=0)
    forest.fit([features(unit) for unit, _ in rows], [value for _, value in rows])
    trees = [tree.tree_ for tree in forest.estimators_]

    def value(point: Sequence[float]) -> float:
        x = np.array([features(point)], np.float32)
        return float(np.mean([tree.predict(x)[0, 0] for tree in trees]))

    return space, value


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
    arm: Sequence[int],
    seed: int,
) -> tuple[float, list[float]]:
    """The true value of the best of the last survivors, and the mean group of each round."""
    random = np.random.default_rng((seed, 5))
    defaults = dict.fromkeys(space.names, 0)
    shared = shared_structure(structure, space, defaults)
    rows: list[Row] = []
    means: list[float] = []
    for round in range(ROUNDS):
        count = arm[min(round, len(arm) - 1)] if arm else 0
        comparable = [row for row in rows if row.budget == round - 1]
        tightening = rounds.tighten(space, comparable, round=round, survivors=SURVIVORS)
        places = rounds.propose(
            space, tightening, seed=seed, round=round, trials=TRIALS, continued=round > 0,
            blocks=Blocks(count, shared),
        )  # fmt: skip
        spread = noise / 2**round * random.standard_normal(len(places))
        for place, error in zip(places, spread, strict=True):
            rows.append(Row(len(rows), function(place.unit) + error, place.unit, round))
        keys = [shape_of(space.decode(p.unit), {}, defaults, structure, space).key for p in places]
        means.append(mean_group([keys.count(key) for key in set(keys)]))
    last = [row for row in rows if row.budget == ROUNDS - 1]
    best = rounds.best_distinct(space, last, SURVIVORS)
    return min(function(row.unit) for row in best), means


def interval(wins: Sequence[float]) -> tuple[float, float, float]:
    """Mean and a 95% percentile bootstrap over the seeds."""
    picks = np.random.default_rng(0).choice(np.array(wins), (4000, len(wins))).mean(axis=1)
    low, high = np.quantile(picks, [0.025, 0.975])
    return float(np.mean(wins)), float(low), float(high)


def measure(seeds: int, count: int) -> list[dict[str, object]]:
    table: list[dict[str, object]] = []
    everything: dict[str, list[float]] = {arm: [] for arm in ARMS}
    for name, (space, structure, noise, make) in problems(count).items():
        values: dict[str, list[float]] = {arm: [] for arm in ARMS}
        means: dict[str, list[list[float]]] = {arm: [] for arm in ARMS}
        began = time.perf_counter()
        for seed in range(seeds):
            function = make(seed)
            for arm, counts in ARMS.items():
                value, groups = search(space, structure, noise, function, counts, seed)
                values[arm].append(value)
                means[arm].append(groups)
        for arm in ARMS:
            wins = _wins(values[arm], values["none"])
            everything[arm] += wins
            table.append(_row(name, arm, values[arm], wins, means[arm]))
        print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    for arm, wins in everything.items():
        if arm != "none":
            table.append(_row("all", arm, None, wins, None))
    return table


def _wins(values: Sequence[float], against: Sequence[float]) -> list[float]:
    return [0.5 if a == b else float(a < b) for a, b in zip(values, against, strict=True)]


def _row(
    name: str,
    arm: str,
    values: Sequence[float] | None,
    wins: Sequence[float],
    means: Sequence[Sequence[float]] | None,
) -> dict[str, object]:
    row: dict[str, object] = {"function": name, "structures": arm}
    row["median value"] = "" if values is None else round(float(np.median(values)), 4)
    if arm == "none":
        row |= {"wins against none": "", "lost, won": ""}
    else:
        mean, low, high = interval(wins)
        row["wins against none"] = f"{mean:.2f} [{low:.2f}, {high:.2f}]"
        row["lost, won"] = f"{sum(w == 0 for w in wins)}, {sum(w == 1 for w in wins)}"
    groups = np.mean(means, axis=0).tolist() if means is not None else []
    row["average trial's group, by round"] = " ".join(f"{g:.1f}" for g in groups)
    return row


def markdown(table: Sequence[Mapping[str, object]], seeds: int, count: int) -> str:
    lines = [
        "# What sharing structures costs in search quality",
        "",
        f"`python benchmarks/structures.py`: {ROUNDS} rounds of {TRIALS} trials, growth 2, {seeds} "
        f"seeds; the functions are described at the top of that file. `digits` has learned from "
        f"{count} trained classifiers. Lower values are better; wins are per pair of searches with "
        "one seed, with a 95% interval. The method without `structures` is the arm `none`.",
        "",
        "| " + " | ".join(table[0]) + " |",
        "|" + "---|" * len(table[0]),
    ]
    lines += ["| " + " | ".join(str(cell) for cell in row.values()) + " |" for row in table]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="What sharing structures costs in quality")
    parser.add_argument("--seeds", type=int, default=100)
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
