"""Trains the configurations of our own spaces: the rows of data/NAME.csv.

    python -m quality.train_tables [NAME ...]       # from benchmarks/

2,000 points or more of each space are trained under one seed, and the first 100 or more of them
under two more. A row is the point's number, the seed and the value. A stopped run goes on where it
was: rows that are in the file are not trained again.
"""

import argparse
import csv
import time
from collections.abc import Sequence
from pathlib import Path

from .spaces import SPACES
from .training import Key, threads, train

SEEDS = 3
SIZES = {  # points, and how many of them under all seeds
    "digits-classifier": (2200, 200),
    "digits-gan": (2200, 200),
    "boosting": (2000, 100),
    "pipeline": (2000, 100),
}
DATA = Path(__file__).parent / "data"


def wanted(points: int, repeated: int) -> list[Key]:
    """Points and seeds of a table."""
    more = [(index, seed) for seed in range(1, SEEDS) for index in range(min(repeated, points))]
    return [(index, 0) for index in range(points)] + more


def path_of(name: str, folder: Path = DATA) -> Path:
    return folder / f"{name}.csv"


def read(path: Path) -> dict[Key, float]:
    """The whole rows of a table; a torn last line is left out."""
    if not path.exists():
        return {}
    found = {}
    for line in path.read_text().split("\n")[1:-1]:
        index, seed, value = line.split(",")
        found[int(index), int(seed)] = float(value)
    return found


def complete(name: str, keys: Sequence[Key], folder: Path = DATA) -> float:
    """Train what the table lacks of these keys; returns the seconds that it took."""
    path = path_of(name, folder)
    known = read(path)
    write(path, known)
    missing = [key for key in keys if key not in known]
    start = time.process_time()
    with path.open("a", newline="") as file:
        for done, (key, value) in enumerate(train(name, missing), start=1):
            file.write(f"{key[0]},{key[1]},{value:.6g}\n")
            if done % 25 == 0 or done == len(missing):
                file.flush()
                spent = time.process_time() - start
                print(f"{name}: {done} of {len(missing)}, {spent:.0f} s of CPU", flush=True)
    write(path, read(path))
    return time.process_time() - start


def write(path: Path, rows: dict[Key, float]) -> None:
    """Sorted, so that a table does not depend on the order in which it was trained."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("point", "seed", "value"))
        writer.writerows((i, s, f"{value:.6g}") for (i, s), value in sorted(rows.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the tables of our own spaces")
    parser.add_argument("names", nargs="*", default=list(SPACES), help="of spaces")
    given = parser.parse_args()
    for name in given.names:
        seconds = complete(name, wanted(*SIZES[name]))
        print(f"{name}: {seconds:.0f} s of CPU", flush=True)


if __name__ == "__main__":
    threads()
    main()
