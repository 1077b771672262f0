"""Comparison of studies: the best value so far against its cost."""

import math
from collections.abc import Sequence
from typing import Literal

from hpsearch.storage import Snapshot, Winner, value_of
from hpsearch.ui.figures import scales, style
from hpsearch.ui.figures.progress import confirmed
from hpsearch.ui.figures.style import PALETTE, Figure, rounded, subsample

_TITLE = "Best so far"
_STUDIES = 12
_POINTS = 1200  # in all lines


def compare(snapshots: Sequence[Snapshot], x: Literal["trials", "steps"] = "trials") -> Figure:
    """The best value so far of each study, then the winner's mean ± sd over fresh seeds.

    A study's line restarts at each new budget, since only values at equal steps compare.

    Args:
        snapshots: the studies, of one metric.
        x: finished trials of the search, or their training steps; a continuation counts only its
            own steps.
    """
    shown = [s for s in snapshots[:_STUDIES] if any(value_of(t) is not None for t in s.searched)]
    if not shown:
        return style.empty(_TITLE, "No trial has finished yet.")
    data: list[Figure] = []
    values: list[float | None] = []
    for i, s in enumerate(shown):
        line = _thinned_steps(best_so_far(s, x), _POINTS // len(shown))
        values += [value for _, value in line]
        data.append(_line(s, i, line, x))
        if s.result.best is not None:
            data.append(_winner(s.result.best, line[-1][0], PALETTE[i % len(PALETTE)]))
            values += data[-1]["y"]
    frame = style.layout(_TITLE, _notes(shown, len(snapshots)), height=300, legend=True)
    title = "finished trials of the search" if x == "trials" else "training steps of the search"
    frame["xaxis"] = scales.count_axis(title) | {"rangemode": "tozero"}
    metrics = " / ".join(dict.fromkeys(style.name(s.result.metric) for s in shown))
    direction = style.direction(shown[0].result.direction)
    frame["yaxis"] = scales.value_axis(values, f"{metrics} ({direction})")
    return {"data": data, "layout": frame}


def _notes(shown: Sequence[Snapshot], count: int) -> list[str]:
    notes = ["Bars: the winner's mean ± sd over fresh seeds."]
    if any(len({r.budget for r in s.rounds}) > 1 for s in shown):
        notes.append("A line restarts where the budget grows.")
    if len({(s.result.metric, s.result.direction) for s in shown}) > 1:
        notes.append("These studies have different metrics; their values do not compare.")
    return [*notes, style.part(len(shown), count, "studies")]


def _line(s: Snapshot, i: int, line: Sequence[tuple[float, float | None]], x: str) -> Figure:
    label = style.escaped(s.result.name, 32)
    dash = ("solid", "dot", "dash")[i // len(PALETTE) % 3]
    return style.lines(PALETTE[i % len(PALETTE)], 2, dash=dash, shape="hv") | {
        "name": label,
        "x": [rounded(at, 9) for at, _ in line],
        "y": [rounded(value) for _, value in line],
        "hovertemplate": f"{label}: %{{y:.5g}} after %{{x:,}} {x}<extra></extra>",
    }


def best_so_far(s: Snapshot, x: str) -> list[tuple[float, float | None]]:
    """(cost, best value at the current budget) after each finished trial; x: trials or steps."""
    best = s.result.direction.best
    line: list[tuple[float, float | None]] = []
    cost, budget, top = 0, None, math.nan
    for trial in s.searched:
        if trial.outcome is None:
            continue
        cost += 1 if x == "trials" else s.own_steps(trial)
        value = value_of(trial)
        if value is None:
            continue
        top = best((top, value)) if budget == trial.spec.budget else value
        budget = trial.spec.budget
        line.append((float(cost), top))
    return line


def _thinned_steps(
    line: list[tuple[float, float | None]], most: int
) -> list[tuple[float, float | None]]:
    """A step line without the points at which it stays constant, subsampled."""
    changes = [
        point
        for i, point in enumerate(line)
        if i in (0, len(line) - 1) or point[1] != line[i - 1][1]
    ]
    return subsample(changes, most)


def _winner(winner: Winner, x: float, colour: str) -> Figure:
    sds = [winner.confirmed.sd]
    bars = style.error_bars(sds, style.rgba(colour, 0.8), thickness=3, width=5)
    return confirmed([winner], colour) | {"x": [x], "error_y": bars, "showlegend": False}
