"""Trains configurations and keeps their learning curves: the rows of data/curves-NAME.csv.

    python -m quality.curve_tables [NAME ...]       # from benchmarks/

The packaged tables (`tables.py`) have only what is reached at the end of training, so a study of
budgets needs curves of its own. Every trial pauses at the steps of `CHECKPOINTS` and is judged. A
row is the point's number, the seed and the logarithm of the metric at each step. A stopped run goes
on where it was.
"""

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .real.task import ROOT, Task
from .real.training import Order, Trainings
from .spaces import point_in
from .train_tables import DATA, SEEDS
from .training import Key, threads

# Shares of a whole training at which a trial is judged.
CHECKPOINTS = (1/32, 1/24, 1/16, 1/12, 1/8, 1/6, 1/4, 1/3, 1/2, 2/3, 1.0)  # fmt: skip
STUDIES = ROOT / "studies"
POINTS, REPEATED = 1000, 150  # points, and how many of them under all seeds
AT_ONCE = 250  # points that are trained together


@dataclass(frozen=True)
class Trained:
    """A space whose curves are trained here.

    Attributes:
        task: trainer and space; its rounds do not matter.
        worst: of the metric, which failures have too.
        least: of the metric, below which nobody looks.
    """

    task: Task
    worst: float
    least: float


def _task(name: str, file: str, full: int, **fixed: str | float) -> Task:
    return Task(name, STUDIES / file, full, 1, full, fixed=tuple(fixed.items()))


TRAINED = {
    "digits-classifier": Trained(
        _task(
            "digits-classifier", "digits_classifier.yaml", 480,
            activation="gelu", batch_size=32, schedule="constant",
        ),
        worst=10.0, least=1e-3,
    ),
    "ring-gan": Trained(
        _task(
            "ring-gan", "grid25_modes.yaml", 768,
            data="ring8", deviation=0.1, width=32, octaves=2, average=0.98,
        ),
        worst=math.log(2), least=1e-3,
    ),
    "lqg-gan": Trained(_task("lqg-gan", "lqg_gan.yaml", 768, n_critic=1), worst=100.0, least=1e-3),
}  # fmt: skip


def steps(full: int) -> tuple[int, ...]:
    """The steps of the checkpoints."""
    return tuple(round(share * full) for share in CHECKPOINTS)


def wanted(points: int = POINTS, repeated: int = REPEATED) -> list[Key]:
    """Points and seeds of a table."""
    more = [(index, seed) for seed in range(1, SEEDS) for index in range(min(repeated, points))]
    return [(index, 0) for index in range(points)] + more


def path_of(name: str, folder: Path = DATA) -> Path:
    return folder / f"curves-{name}.csv"


def read(path: Path) -> dict[Key, tuple[float, ...]]:
    """The whole rows of a table; a torn last line is left out."""
    if not path.exists():
        return {}
    found = {}
    for line in path.read_text().split("\n")[1:-1]:
        index, seed, *values = line.split(",")
        found[int(index), int(seed)] = tuple(map(float, values))
    return found


def write(path: Path, full: int, rows: dict[Key, tuple[float, ...]]) -> None:
    """Sorted, so that a table does not depend on the order in which it was trained."""
    lines = [",".join(["point", "seed", *(f"step {step}" for step in steps(full))])]
    for (index, seed), values in sorted(rows.items()):
        lines.append(",".join([str(index), str(seed), *(f"{value:.4f}" for value in values)]))
    path.write_text("\n".join(lines) + "\n")


def train(name: str, keys: Sequence[Key]) -> dict[Key, tuple[float, ...]]:
    """The curves of points under seeds, fused where structures agree."""
    one = TRAINED[name]
    trainings = Trainings(one.task, largest=50)
    orders = {key: Order.of(one.task.space.decode(unit(name, key[0])), _seed(*key)) for key in keys}
    for step in steps(one.task.full):
        trainings.train(dict.fromkeys(orders.values(), step))
    trainings.forget(list(orders.values()))
    return {key: _logs(one, trainings, order) for key, order in orders.items()}


def unit(name: str, number: int) -> list[float]:
    """Point `number` of a table, uniform in the unit cube."""
    return point_in(f"curves/{name}", number, len(TRAINED[name].task.space))


def _logs(one: Trained, trainings: Trainings, order: Order) -> tuple[float, ...]:
    found = []
    for step in steps(one.task.full):
        value = trainings.curve(order).at(step)
        is_bad = value is None or not math.isfinite(value)
        found.append(math.log(one.worst if is_bad else min(max(value, one.least), one.worst)))  # type: ignore[type-var,arg-type]
    return tuple(found)


def _seed(index: int, seed: int) -> int:
    return int(np.random.SeedSequence((index, seed, 7)).generate_state(1, np.uint32)[0])


def complete(name: str, keys: Sequence[Key], folder: Path = DATA) -> float:
    """Train what the table lacks of these keys; returns the CPU seconds that it took."""
    path, full = path_of(name, folder), TRAINED[name].task.full
    rows = read(path)
    missing = [key for key in keys if key not in rows]
    start = time.process_time()
    for begin in range(0, len(missing), AT_ONCE):
        rows |= train(name, missing[begin : begin + AT_ONCE])
        write(path, full, rows)
        spent = time.process_time() - start
        print(f"{name}: {len(rows)} of {len(keys)} curves, {spent:.0f} s of CPU", flush=True)
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the learning curves of our own spaces")
    parser.add_argument("names", nargs="*", default=list(TRAINED), help="of spaces")
    for name in parser.parse_args().names:
        complete(name, wanted())


if __name__ == "__main__":
    threads()
    main()
