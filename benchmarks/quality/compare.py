"""Two settings against each other, run by run: which is to be a default?

    python -m quality.compare ours-gp ours --seeds 10
    python -m quality.compare ours:survivors=4 ours --regime batch-250
    python -m quality.compare ours:WIDTH=0.3,SHRINK=0.7 ours --tasks 'synthetic/*'

Run it in benchmarks/. An argument in lower case goes to the optimizer, one in capitals is a
constant of the method's modules. Pairs share task and seed; a win is the lower truth of the trial
that looks best after n trials, a tie half a win.
"""

import argparse
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

from . import tasks
from .cache import CACHE, Cache
from .optimizers import spec
from .regimes import REGIMES
from .results import Results, collect
from .runner import Keys, cells, fill, loadable
from .stats import estimate


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    names = tasks.names(None if options.split == "both" else options.split)
    names = loadable([n for n in names if any(fnmatch(n, shape) for shape in options.tasks)])
    pair = list(dict.fromkeys((options.a, options.b)))
    wanted = cells([options.regime], pair, names, options.seeds, options.seeds)
    cache = Cache(options.cache)
    fill(wanted, cache, processes=options.jobs, limit_s=options.limit, again=options.again)
    results = collect(wanted, cache, Keys())
    for cell, reason in results.missing.items():
        print(f"missing: {cell.optimizer} {cell.task} seed {cell.seed}: {reason}")
    n = options.n or REGIMES[options.regime].trials
    print(table(results, options.a, options.b, n))


def table(results: Results, a: str, b: str, n: int) -> str:
    """What `a` wins against `b`, by task, by family and in all; as lines of text."""
    won = results.wins(a, b, n)
    if not won:
        return "no pair of runs"
    point = REGIMES[results.regime].points.index(n)
    regret = {o: {t: r[:, point].mean() for t, r in results.regrets(o).items()} for o in (a, b)}
    lines = [f"{a}  against  {b}  after {n} trials, {results.regime}", ""]
    lines.append(f"{'task':<36}{'seeds':>6}{'wins':>7}{'regret':>10}{'regret':>10}")
    for task, array in won.items():
        lines.append(
            f"{task:<36}{len(array):>6}{array.mean():>7.2f}{regret[a][task]:>10.4f}"
            f"{regret[b][task]:>10.4f}"
        )
    families = results.families
    for family in dict.fromkeys(families[task] for task in won):
        of_family = {task: array for task, array in won.items() if families[task] == family}
        lines.append(f"{family:<42}{np.mean([a.mean() for a in of_family.values()]):>7.2f}")
    both = [f"{np.mean([regret[o][t] for t in won]):>10.4f}" for o in (a, b)]
    lines.append(f"{'all':<36}{sum(map(len, won.values())):>6}"
                 f"{np.mean([v.mean() for v in won.values()]):>7.2f}{''.join(both)}")  # fmt: skip
    by_seed = estimate(won, {task: task for task in won})
    lines += [
        "",
        f"wins {estimate(won, families)} over families, benchmarks and seeds",
        f"     {by_seed} over benchmarks and seeds",
        f"CPU ms a trial: {results.cost_ms(a):.2f} against {results.cost_ms(b):.2f}",
    ]
    return "\n".join(lines)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m quality.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("a", type=_spec, help="an optimizer, with options")
    parser.add_argument("b", type=_spec, help="another")
    parser.add_argument("--split", choices=("development", "held_out", "both"),
                        default="development")  # fmt: skip
    parser.add_argument("--tasks", nargs="+", default=["*"], help="names, with *")
    parser.add_argument("--regime", choices=REGIMES, default="batch-100")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("-n", type=int, default=0, help="trials, one of the regime's points")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--limit", type=float, default=900, help="seconds of a run")
    parser.add_argument("--again", action="store_true", help="run also what has failed before")
    parser.add_argument("--cache", type=Path, default=CACHE)
    return parser.parse_args(arguments)


def _spec(text: str) -> str:
    try:
        return spec(text).text
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


if __name__ == "__main__":
    main()
