"""The confirmed candidates over their seeds, and their values in the search."""

from collections.abc import Sequence

from hpsearch.storage import Snapshot, Winner
from hpsearch.ui.figures import scales, style
from hpsearch.ui.figures.style import PALETTE, Figure, rounded, subsample

_TITLE = "Confirmation over fresh seeds"
_CANDIDATES, _METRICS, _SEEDS = 8, 6, 60
_ROW_PX = 34


def seeds(s: Snapshot, *, columns: int = 2) -> Figure:
    """A row per candidate: a dot per seed, mean ± sd, and the value that it was selected by.

    There is a panel per metric; `columns` panels are side by side.
    """
    winners = s.result.winners[:_CANDIDATES]
    if not winners:
        return style.empty(_TITLE, "Nothing has been confirmed yet.")
    metrics, count = _metrics(s, winners), len(s.result.winners)
    notes = [
        "Diamond: the value in the search, which is biased by selection; report the mean over "
        "fresh seeds.",
        "The best " * (count > len(winners)) + style.part(len(winners), count, "candidates"),
        style.part(len(metrics), len(winners[0].metrics), "metrics"),
    ]
    panels = style.Panels(
        _TITLE, notes, len(metrics), columns=columns, panel=20 + _ROW_PX * len(winners),
        between=62, legend=True, left=76,
    )  # fmt: skip
    data: list[Figure] = []
    for i, metric in enumerate(metrics):
        traces = _panel(s, winners, metric, labelled=i == 0)
        values = [v for t in traces for v in t["x"]]
        head = f"<b>{style.name(metric)}</b>"
        if metric == s.result.metric:
            direction = style.direction(s.result.direction)
            head += f"<span style='color:{style.GREY}'> {direction}</span>"
        axis = scales.value_axis(values, "") | {"nticks": 5}
        rows = style.row_axis([f"trial {w.number}" for w in winners])
        rows["showticklabels"] = panels.first_column(i)
        axes = panels.add(i, axis, rows, head)
        data += [trace | axes for trace in traces]
    return {"data": data, "layout": panels.layout}


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
    dots = style.markers(PALETTE[5], 6, symbol="circle") | style.hover(texts) | {"x": x, "y": y}
    spread = [w.metrics[metric] for w in winners]
    line = {"width": 2.5, "color": PALETTE[0]}
    means = style.markers(PALETTE[0], 12, symbol="line-ns-open", line=line) | {
        "x": [rounded(v.mean) for v in spread],
        "y": [row - 0.04 for row in range(len(winners))],
        "error_x": style.error_bars((v.sd for v in spread), PALETTE[0], thickness=2, width=4),
        **style.hover(f"{v} over {v.count} seeds" for v in spread),
    }
    before = [(row, w.number, _searched(s, w, metric)) for row, w in enumerate(winners)]
    known = [(row, n, value) for row, n, value in before if value is not None]
    searched = style.markers(PALETTE[1], 8, symbol="diamond") | {
        "x": [rounded(value) for _, _, value in known],
        "y": [row - 0.26 for row, _, _ in known],
        **style.hover(f"trial {n} in the search: {value:.5g}" for _, n, value in known),
    }
    named = {"one seed": dots, "mean ± sd": means, "in the search": searched}
    return [
        trace | {"name": name, "legendgroup": name, "showlegend": labelled}
        for name, trace in named.items()
    ]


def _searched(s: Snapshot, winner: Winner, metric: str) -> float | None:
    outcome = s.trial(winner.number).outcome
    return outcome.metrics.get(metric) if outcome else None
