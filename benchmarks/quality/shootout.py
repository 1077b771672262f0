"""The comparison of search methods: runs what the cache has not, and writes the report.

    python -m quality.shootout --short          # ten minutes on two cores: `make shootout`
    python -m quality.shootout                  # everything, for days: `make shootout-full`
    python -m quality.shootout --report         # runs nothing, writes what the cache has

Run it in benchmarks/. It may be stopped at any time and goes on where it was. The held-out tasks
are run once a release; `--split development` leaves them alone.
"""

import argparse
import time
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from . import tasks
from .cache import CACHE, Cache
from .curves import draw
from .optimizers import ENTRIES, spec
from .regimes import REGIMES
from .report import text
from .results import collect
from .runner import Keys, cells, fill, loadable

PAGES = Path(__file__).parents[1] / "results"
SHORT = ("ours", "ours-gp", "optuna-random", "optuna-random-twice", "optuna-qmc", "optuna-tpe",
         "optuna-cmaes", "optuna-gp", "hyperopt-tpe", "box")  # fmt: skip
TITLE = "# Search methods against each other\n"


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    started = time.monotonic()
    until = started + 60 * options.minutes if options.minutes else None
    cache, keys = Cache(options.cache), Keys()
    options.results.mkdir(parents=True, exist_ok=True)
    parts = [TITLE]
    for side in options.split:
        absent: list[str] = []
        shaped = [n for n in tasks.names(side) if any(fnmatch(n, s) for s in options.tasks)]
        names = loadable(shaped, absent.append)
        if not names:
            raise SystemExit(f"no task of {side} is {' or '.join(options.tasks)}")
        found, plots = [], {}
        wanted = {
            regime: cells([regime], options.optimizers, names, options.seeds, options.dear)
            for regime in options.regimes
        }
        for line in absent:
            print(line)
        if not options.report:
            everything = cells(
                options.regimes, options.optimizers, names, options.seeds, options.dear
            )
            fill(
                everything,
                cache,
                processes=options.jobs,
                limit_s=options.limit,
                until=until,
                again=options.again,
                say=lambda line: print(line, flush=True),
            )
        for regime in options.regimes:
            found.append(collect(wanted[regime], cache, keys))
            if found[-1].records:
                file = options.results / f"{options.name}-{side.replace('_', '-')}-{regime}.svg"
                draw(found[-1], file)
                plots[regime] = file.name
        parts.append(text(found, side, plots, _command(options)))
        parts += [f"{line}." for line in absent]
    page = options.results / f"{options.name}.md"
    page.write_text("\n".join(parts))
    print(f"{page.name} written after {(time.monotonic() - started) / 60:.1f} minutes")


def _command(options: argparse.Namespace) -> str:
    return "make shootout" if options.short else "make shootout-full"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m quality.shootout",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--short", action="store_true", help="what fits in ten minutes")
    parser.add_argument("--report", action="store_true", help="run nothing")
    parser.add_argument("--split", nargs="+", choices=("held_out", "development"))
    parser.add_argument("--tasks", nargs="+", default=["*"], help="names, with *")
    parser.add_argument("--regimes", nargs="+", choices=REGIMES)
    parser.add_argument("--optimizers", nargs="+", help=f"of {', '.join(ENTRIES)}; with options")
    parser.add_argument("--seeds", type=int, help="of a cheap optimizer")
    parser.add_argument("--dear", type=int, help="seeds of a dear optimizer")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--limit", type=float, default=900, help="seconds of a run")
    parser.add_argument("--minutes", type=float, help="no run begins after")
    parser.add_argument("--again", action="store_true", help="run also what has failed before")
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--results", type=Path, default=PAGES)
    parser.add_argument("--name", help="of the page")
    options = parser.parse_args(arguments)
    short = options.short
    defaults = {
        "split": ["held_out"] if short else ["held_out", "development"],
        "regimes": ["batch-100"] if short else list(REGIMES),
        "optimizers": list(SHORT if short else ENTRIES),
        "seeds": 5 if short else 20,
        "dear": 1 if short else 10,
        "minutes": 9.5 if short else None,
        "name": "shootout-short" if short else "shootout",
    }
    for name, value in defaults.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    for optimizer in options.optimizers:
        spec(optimizer)
    return options


if __name__ == "__main__":
    main()
