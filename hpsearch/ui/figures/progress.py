"""Progress of the search by round."""

from collections.abc import Sequence

import numpy as np

from hpsearch.storage import Snapshot, Winner, value_of
from hpsearch.ui.figures.scales import value_axis
from hpsearch.ui.figures.style import (
    PALETTE,
    Figure,
    direction,
    empty,
    error_bars,
    layout,
    name,
    rgba,
    rounded,
    subsample,
)

_TITLE = "Progress"
_ROUNDS = 200


def progress(s: Snapshot) -> Figure:
    """Best, median and middle half of each round's values, then the confirmed candidates."""
    rounds = [(r.round, r.budget, _values(s, r.round)) for r in s.rounds]
    done = [(r, budget, values) for r, budget, values in rounds if values]
    if not done:
        return empty(_TITLE, "No trial has finished yet.")
    subset = subsample(done, _ROUNDS)
    rows = [r for r, _, _ in subset]
    best = s.result.direction.best
    low, middle, high = (
        [rounded(float(q)) for q in column]
        for column in zip(*(np.quantile(v, (0.25, 0.5, 0.75)) for _, _, v in subset), strict=True)
    )
    tops = [rounded(best(values)) for _, _, values in subset]
    budgets = list(dict.fromkeys(budget for _, budget, _ in subset))
    note = ""
    if len(budgets) > 1:
        note = "Budgets grow from round to round: only values at equal steps compare."
    if len(subset) < len(done):
        note += f" {len(subset)} of {len(done)} rounds are shown."
    winners = s.result.winners
    room = max(1.0, 0.12 * len(subset))
    data = [
        _band(rows, low, high),
        _line(rows, middle, "median", PALETTE[0], "dot"),
        _best(s, subset, tops),
        *([_confirmed(winners, rows[-1], room)] if winners else []),
    ]
    frame = layout(_TITLE, [note], height=280, legend=True)
    frame["xaxis"] = _round_axis(subset, room if winners else 0.0, grown=len(budgets) > 1)
    confirmed = [w.confirmed.mean for w in winners]
    title = f"{name(s.result.metric)} ({direction(s.result.direction)})"
    frame["yaxis"] = value_axis([*low, *high, *tops, *confirmed], title)
    return {"data": data, "layout": frame}


def sparkline(s: Snapshot) -> list[float]:
    """The best value so far after each round, restarting at each new budget."""
    best = s.result.direction.best
    values: list[float] = []
    budget = None
    for summary in s.rounds:
        if summary.best is None:
            continue
        same = budget == summary.budget and values
        values.append(best((values[-1], summary.best)) if same else summary.best)
        budget = summary.budget
    return values


def _values(s: Snapshot, round: int) -> list[float]:
    return [v for t in s.members(round) if (v := value_of(t)) is not None]


def _round_axis(
    subset: Sequence[tuple[int, int, list[float]]], room: float, *, grown: bool
) -> Figure:
    """At most seven rounds labelled, with their budgets if these grow."""
    labels = subsample(subset, 7)
    values: list[float] = [r for r, _, _ in labels]
    texts = [f"{r}<br>{_steps(budget)}" if grown else str(r) for r, budget, _ in labels]
    if room:
        values.append(subset[-1][0] + room)
        texts.append("confirm")
    return {
        "title": {"text": "round, and steps per trial" if grown else "round"},
        "tickvals": values,
        "ticktext": texts,
        "tickangle": 0,
        "range": [subset[0][0] - 0.4, subset[-1][0] + max(0.4, 1.5 * room)],
        "showgrid": False,
        "zeroline": False,
    }


def _steps(budget: int) -> str:
    for size, unit in ((1_000_000, "M"), (10_000, "k")):
        if budget >= size:
            return f"{budget / (1000 if unit == 'k' else size):.3g}{unit}"
    return f"{budget:,}"


def _band(x: Sequence[int], low: Sequence[float | None], high: Sequence[float | None]) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "middle half",
        "x": [*x, *reversed(x), x[0]],
        "y": [*low, *reversed(high), low[0]],
        "fill": "toself",
        "fillcolor": rgba(PALETTE[0], 0.18),
        "line": {"width": 0, "color": rgba(PALETTE[0], 0.18)},
        "hoverinfo": "skip",
    }


def _line(
    x: Sequence[int], y: Sequence[float | None], label: str, colour: str, dash: str
) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": label,
        "x": list(x),
        "y": list(y),
        "line": {"color": colour, "width": 2, "dash": dash},
        "marker": {"size": 6, "color": colour},
        "hovertemplate": f"round %{{x}}: {label} %{{y:.5g}}<extra></extra>",
    }


def _best(
    s: Snapshot, subset: Sequence[tuple[int, int, list[float]]], tops: Sequence[float | None]
) -> Figure:
    trace = _line([r for r, _, _ in subset], tops, "best", PALETTE[1], "solid")
    texts = [
        f"round {r}: best {top:.5g} of {len(values)} after {budget:,} steps"
        for (r, budget, values), top in zip(subset, tops, strict=True)
        if top is not None
    ]
    del trace["hovertemplate"]
    return trace | {"hovertext": texts, "hoverinfo": "text"}


def _confirmed(winners: Sequence[Winner], last: int, room: float) -> Figure:
    """Mean and standard deviation of the candidates, side by side, the best first."""
    few = winners[:5]
    offsets = [1 + 0.16 * (i - (len(few) - 1) / 2) for i in range(len(few))]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "confirmed, mean ± sd",
        "x": [rounded(last + room * offset) for offset in offsets],
        "y": [rounded(w.confirmed.mean) for w in few],
        "error_y": error_bars((w.confirmed.sd for w in few), PALETTE[2], thickness=1.6, width=4),
        "marker": {"size": 8, "symbol": "diamond", "color": PALETTE[2]},
        "hovertext": [
            f"trial {w.number}: {w.confirmed} over {w.confirmed.count} seeds" for w in few
        ],
        "hoverinfo": "text",
    }
