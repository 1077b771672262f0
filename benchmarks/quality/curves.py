"""Regret by number of trials, as a picture."""

from pathlib import Path

import numpy as np

from .optimizers import ENTRIES, spec
from .regimes import REGIMES
from .report import title
from .results import Results
from .stats import estimate

FLOOR = 1e-4  # regrets below are drawn here: the axis is logarithmic
# Okabe & Ito 2008, told apart by the colour-blind; ours are black.
COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#0072b2", "#d55e00", "#999999")
DASHES = ("-", "--", ":")


def draw(results: Results, file: Path) -> None:
    """Mean normalised regret over the tasks, a band for the best of ours and for the best peer.

    Args:
        results: of one regime.
        file: an .svg, overwritten; the same results give the same bytes.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import LogLocator, NullFormatter

    points = REGIMES[results.regime].points
    settings = {"svg.hashsalt": "shootout", "svg.fonttype": "none", "font.size": 9}
    with matplotlib.rc_context(settings):
        figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
        curves = {
            optimizer: estimate(regrets, results.families, repeats=300)
            for optimizer in results.complete()
            if (regrets := results.regrets(optimizer))
        }
        best = {
            min(side, key=lambda o: curves[o].mean[-1])
            for ours in (True, False)
            if (side := [o for o in curves if spec(o).entry.ours == ours])
        }
        for optimizer, curve in sorted(curves.items(), key=lambda item: item[1].mean[-1]):
            colour, dash = style(optimizer)
            mean = np.maximum(curve.mean, FLOOR)
            wide = 2.4 if spec(optimizer).entry.ours else 1.4
            axes.plot(points, mean, dash, color=colour, label=title(optimizer), linewidth=wide)
            if optimizer in best:
                low, high = np.maximum(curve.low, FLOOR), np.maximum(curve.high, FLOOR)
                axes.fill_between(points, low, high, color=colour, alpha=0.12, linewidth=0)
        regret = "mean regret (0: best known, 1: a median random draw)"
        axes.set(yscale="log", xlabel="trials", ylabel=regret, xlim=(0, points[-1]))
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
        figure.savefig(file, metadata={"Date": None})
        pyplot.close(figure)


def style(optimizer: str) -> tuple[str, str]:
    """Colour and dash, the same in every picture."""
    ours = [name for name, entry in ENTRIES.items() if entry.ours]
    name = optimizer.partition(":")[0]
    if name in ours:
        return "black", DASHES[::-1][(ours.index(name) + 1) % 3]
    i = [n for n in ENTRIES if n not in ours].index(name)
    return COLOURS[i % len(COLOURS)], DASHES[i // len(COLOURS)]
