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
    """Mean normalised regret over the tasks, a band for ours and for the best peer.

    Args:
        results: of one regime.
        file: an .svg, overwritten; the same results give the same bytes.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    points = REGIMES[results.regime].points
    settings = {"svg.hashsalt": "shootout", "svg.fonttype": "none", "font.size": 9}
    with matplotlib.rc_context(settings):
        figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
        curves = {
            optimizer: estimate(regrets, results.families, repeats=300)
            for optimizer in results.complete()
            if (regrets := results.regrets(optimizer))
        }
        peers = [o for o in curves if not spec(o).entry.ours]
        best = min(peers, key=lambda o: curves[o].mean[-1], default=None)
        for optimizer, curve in sorted(curves.items(), key=lambda item: item[1].mean[-1]):
            colour, dash = style(optimizer)
            mean = np.maximum(curve.mean, FLOOR)
            axes.plot(points, mean, dash, color=colour, label=title(optimizer), linewidth=1.6)
            if spec(optimizer).entry.ours or optimizer == best:
                low, high = np.maximum(curve.low, FLOOR), np.maximum(curve.high, FLOOR)
                axes.fill_between(points, low, high, color=colour, alpha=0.12, linewidth=0)
        axes.set(yscale="log", xlabel="trials", ylabel="mean normalised regret", xlim=(0, None))
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
