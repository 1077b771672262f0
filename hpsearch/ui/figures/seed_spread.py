"""The confirmed candidates over their seeds, and their values in the search."""

from collections.abc import Sequence

from hpsearch.storage import Snapshot, Winner
from hpsearch.ui.figures.scales import value_axis
from hpsearch.ui.figures.style import (
    GREY,
    PALETTE,
    Figure,
    Panels,
    direction,
    empty,
    error_bars,
    layout,
    name,
    rounded,
    row_axis,
    subsample,
)

_TITLE = "Confirmation over fresh seeds"
_CANDIDATES, _METRICS, _SEEDS = 8, 6, 60
_ROW_PX = 34


def seeds(s: Snapshot, *, columns: int = 2) -> Figure:
    """A row per candidate: a dot per seed, mean ± sd, and the value that it was selected by.

    Args:
        s: the study's state.
        columns: panels side by side, a panel per metric.
    """
    winners = s.result.winners[:_CANDIDATES]
    if not winners:
        return empty(_TITLE, "Nothing has been confirmed yet.")
    metrics = _metrics(s, winners)
    notes = [
        "Diamond: the value in the search, which is biased by selection; report the mean over "
        "fresh seeds."
    ]
    if len(winners) < len(s.result.winners):
        notes.append(f"The best {len(winners)} of {len(s.result.winners)} candidates.")
    if len(metrics) < len(winners[0].metrics):
        notes.append(f"{len(metrics)} of {len(winners[0].metrics)} metrics.")
    columns = 1 if len(metrics) == 1 else columns
    grid = {"columns": columns, "panel": 20 + _ROW_PX * len(winners), "between": 62}
    frame = layout(_TITLE, notes, height=Panels.height(len(metrics), **grid), legend=True, left=76)
    panels = Panels(frame, len(metrics), **grid)
    data: list[Figure] = []
    for i, metric in enumerate(metrics):
        traces = _panel(s, winners, metric, labelled=i == 0)
        values = [v for t in traces for v in t["x"]]
        head = f"<b>{name(metric)}</b>"
        if metric == s.result.metric:
            head += f"<span style='color:{GREY}'> {direction(s.result.direction)}</span>"
        axis = value_axis(values, "") | {"nticks": 5}
        rows = row_axis([f"trial {w.number}" for w in winners])
        rows["showticklabels"] = panels.first_column(i)
        axes = panels.add(i, axis, rows, head)
        data += [trace | axes for trace in traces]
    return {"data": data, "layout": frame}


def _metrics(s: Snapshot, winners: Sequence[Winner]) -> list[str]:
    """The objective, then metrics of test data, then the others."""
    names = [n for n in winners[0].metrics if all(n in w.metrics for w in winners)]
    names.sort(key=lambda n: (n != s.result.metric, not n.startswith("test_")))
    return names[:_METRICS]


def _panel(s: Snapshot, winners: Sequence[Winner], metric: str, *, labelled: bool) -> list[Figure]:
    x, y, texts = [], [], []
    for row, winner in enumerate(winners):
        for number in subsample(winner.trials, _SEEDS):
            trial = s.trial(number)
            value = trial.outcome.metrics.get(metric) if trial.outcome else None
            if value is not None:
                x.append(rounded(value))
                y.append(row + 0.2)
                texts.append(f"seed {trial.spec.seed}: {value:.5g} (trial {number})")
    dots = _marks("one seed", "circle", PALETTE[5], 6) | {"x": x, "y": y, "hovertext": texts}
    spread = [w.metrics[metric] for w in winners]
    means = _marks("mean ± sd", "line-ns-open", PALETTE[0], 12) | {
        "x": [rounded(v.mean) for v in spread],
        "y": [row - 0.04 for row in range(len(winners))],
        "error_x": error_bars((v.sd for v in spread), PALETTE[0], thickness=2, width=4),
        "hovertext": [f"{v} over {v.count} seeds" for v in spread],
    }
    means["marker"]["line"] = {"width": 2.5, "color": PALETTE[0]}
    before = [(row, w.number, _searched(s, w, metric)) for row, w in enumerate(winners)]
    known = [(row, n, value) for row, n, value in before if value is not None]
    searched = _marks("in the search", "diamond", PALETTE[1], 8) | {
        "x": [rounded(value) for _, _, value in known],
        "y": [row - 0.26 for row, _, _ in known],
        "hovertext": [f"trial {n} in the search: {value:.5g}" for _, n, value in known],
    }
    return [t | {"showlegend": labelled} for t in (dots, means, searched)]


def _searched(s: Snapshot, winner: Winner, metric: str) -> float | None:
    outcome = s.trial(winner.number).outcome
    return outcome.metrics.get(metric) if outcome else None


def _marks(label: str, symbol: str, colour: str, size: int) -> Figure:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": label,
        "legendgroup": label,
        "marker": {"size": size, "symbol": symbol, "color": colour},
        "hoverinfo": "text",
    }
