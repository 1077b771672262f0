"""Progress of the search by round."""

from collections.abc import Sequence

import numpy as np

from hpsearch.storage import Snapshot, Winner, value_of
from hpsearch.ui.figures import scales, style
from hpsearch.ui.figures.style import PALETTE, Figure, rounded, subsample

_TITLE = "Progress"
_ROUNDS = 200


def progress(s: Snapshot) -> Figure:
    """Best, median and middle half of each round's values, then the confirmed candidates."""
    rounds = [(r.round, r.budget, _values(s, r.round)) for r in s.rounds]
    done = [(r, budget, values) for r, budget, values in rounds if values]
    if not done:
        return style.empty(_TITLE, "No trial has finished yet.")
    subset = subsample(done, _ROUNDS)
    rows = [r for r, _, _ in subset]
    best = s.result.direction.best
    low, middle, high = (
        [rounded(float(q)) for q in column]
        for column in zip(*(np.quantile(v, (0.25, 0.5, 0.75)) for _, _, v in subset), strict=True)
    )
    tops = [rounded(best(values)) for _, _, values in subset]
    grown = len({budget for _, budget, _ in subset}) > 1
    notes = [
        "Budgets grow from round to round: only values at equal steps compare." * grown,
        style.part(len(subset), len(done), "rounds are shown"),
    ]
    winners = s.result.winners
    room = max(1.0, 0.12 * len(subset))
    data = [
        _band(rows, low, high),
        _line(rows, middle, "median", PALETTE[0], "dot"),
        _best(subset, tops),
        *([_candidates(winners, rows[-1], room)] if winners else []),
    ]
    frame = style.layout(_TITLE, notes, height=280, legend=True)
    frame["xaxis"] = _round_axis(subset, room if winners else 0.0, grown=grown)
    means = [w.confirmed.mean for w in winners]
    frame["yaxis"] = scales.value_axis([*low, *high, *tops, *means], style.objective(s.result))
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
    colour = style.rgba(PALETTE[0], 0.18)
    return style.lines(colour, 0) | {
        "name": "middle half",
        "x": [*x, *reversed(x), x[0]],
        "y": [*low, *reversed(high), low[0]],
        "fill": "toself",
        "fillcolor": colour,
        "hoverinfo": "skip",
    }


def _line(
    x: Sequence[int], y: Sequence[float | None], label: str, colour: str, dash: str
) -> Figure:
    return style.lines(colour, 2, dash=dash) | {
        "mode": "lines+markers",
        "name": label,
        "x": list(x),
        "y": list(y),
        "marker": {"size": 6, "color": colour},
        "hovertemplate": f"round %{{x}}: {label} %{{y:.5g}}<extra></extra>",
    }


def _best(subset: Sequence[tuple[int, int, list[float]]], tops: Sequence[float | None]) -> Figure:
    trace = _line([r for r, _, _ in subset], tops, "best", PALETTE[1], "solid")
    texts = [
        f"round {r}: best {top:.5g} of {len(values)} after {budget:,} steps"
        for (r, budget, values), top in zip(subset, tops, strict=True)
        if top is not None
    ]
    del trace["hovertemplate"]
    return trace | style.hover(texts)


def _candidates(winners: Sequence[Winner], last: int, room: float) -> Figure:
    """The confirmed candidates side by side, the best first."""
    few = winners[:5]
    offsets = [1 + 0.16 * (i - (len(few) - 1) / 2) for i in range(len(few))]
    x = [rounded(last + room * offset) for offset in offsets]
    bars = style.error_bars((w.confirmed.sd for w in few), PALETTE[2], thickness=1.6, width=4)
    return confirmed(few, PALETTE[2]) | {"name": "confirmed, mean ± sd", "x": x, "error_y": bars}


def confirmed(winners: Sequence[Winner], colour: str) -> Figure:
    """Diamonds at the mean of each winner over fresh seeds, without x and error bars."""
    texts = (f"trial {w.number}: {w.confirmed} over {w.confirmed.count} seeds" for w in winners)
    means = {"y": [rounded(w.confirmed.mean) for w in winners]}
    return style.markers(colour, 8, symbol="diamond") | style.hover(texts) | means
