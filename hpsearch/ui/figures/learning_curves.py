"""Learning curves of a study, and of one trial."""

from collections.abc import Iterable, Sequence

from hpsearch.storage import Snapshot, step_seconds
from hpsearch.ui.figures import scales, style
from hpsearch.ui.figures.bounds import latest_survivors
from hpsearch.ui.figures.style import PALETTE, Figure, rounded, subsample

_TITLE = "Learning curves"
_MUTED, _MUTED_POINTS = 200, 2400  # muted lines, and points in all of them
_COLOURED, _COLOURED_POINTS = 8, 80  # lines in colour, and points in each
_METRICS = 12
_METRIC_POINTS = 120

Curve = Sequence[tuple[int, float | None]]


def curves(s: Snapshot) -> Figure:
    """The objective over steps: survivors, winner and running trials in colour, others muted.

    A continuation's curve begins with its parent's.
    """
    labels = _labels(s)
    others = [
        t.spec.number for t in s.searched if t.outcome is not None and t.spec.number not in labels
    ]
    subset = subsample(others, _MUTED)
    points_per_line = max(8, _MUTED_POINTS // max(1, len(subset)))
    many = [line for n in subset if (line := subsample(s.curve(n), points_per_line))]
    few = {n: line for n in labels if (line := subsample(s.curve(n), _COLOURED_POINTS))}
    if not many and not few:
        return style.empty(_TITLE, "No trial has reported yet.")
    data: list[Figure] = []
    if many:
        name = f"{len(many)} other{'s' * (len(many) > 1)}"
        trace = style.lines(style.muted(len(many)), 1) | style.joined(many)
        data.append(trace | {"name": name, "hoverinfo": "skip"})
    data += [_coloured(i, labels[n], few[n]) for i, n in reversed(list(enumerate(few)))]
    note = style.part(len(subset), len(others), "other trials are shown")
    frame = style.layout(_TITLE, [note], height=300, legend=True)
    frame["xaxis"] = scales.count_axis("steps")
    frame["yaxis"] = _curve_axis([*few.values(), *many], style.objective(s.result))
    return {"data": data, "layout": frame}


def _coloured(i: int, label: str, points: Curve) -> Figure:
    dash = "solid" if i < len(PALETTE) else "dot"
    look = style.lines(PALETTE[i % len(PALETTE)], 2, dash=dash)
    template = f"{label}: %{{y:.5g}} at step %{{x:,}}<extra></extra>"
    trace = {"name": label, "hovertemplate": template, "legendrank": i}
    return look | style.joined([points]) | trace


def trial_curves(s: Snapshot, number: int, *, columns: int = 2) -> Figure:
    """Every metric of one trial over its steps, and the time per step.

    The curves of the trials that it continues come first, muted. `columns` panels are side by side.
    """
    title = f"Trial {number}"
    reports = s.reports(number)
    names = list(dict.fromkeys(key for report in reports for key in report.metrics))
    names.sort(key=lambda key: key != s.result.metric)  # the objective first
    if not names:
        return style.empty(title, "The trial has not reported yet.")
    chosen = names[:_METRICS]
    spec, first = s.trial(number).spec, reports[0].step
    parts: dict[str, tuple[Curve, Curve]] = {}
    for key in chosen:
        whole = s.curve(number, key)
        parts[key] = [p for p in whole if p[0] < first], [p for p in whole if p[0] >= first]
    if timed := [(step, 1000 * seconds) for step, seconds in step_seconds(reports)]:
        parts["ms per step"] = [], timed
    is_continuation = spec.role == "continue"
    notes = [
        f"Muted: trial {spec.parent}, which this one continues." * is_continuation,
        style.part(len(chosen), len(names), "metrics"),
    ]
    panels = style.Panels(
        title, notes, len(parts), columns=columns, panel=130, between=66, gap=0.15
    )
    x = scales.count_axis("steps", 4)
    data: list[Figure] = []
    for i, (key, pair) in enumerate(parts.items()):
        before, own = (subsample(part, _METRIC_POINTS) for part in pair)
        y = _curve_axis([before, own], "") | {"nticks": 4}
        axes = panels.add(i, x, y, f"<b>{style.name(key)}</b>")
        data += [trace | axes for trace in _panel(key, before, own)]
    return {"data": data, "layout": panels.layout}


def _panel(key: str, before: Curve, own: Curve) -> Iterable[Figure]:
    """The continued curve, muted, and the trial's own part."""
    if before:
        line = style.lines(style.GREY, 1.5, dash="dot") | style.joined([[*before, *own[:1]]])
        yield line | {"name": ""} | style.NO_HOVER
    yield (
        style.lines(PALETTE[0], 2)
        | style.joined([own])
        | {
            "mode": "lines+markers" if len(own) < 12 else "lines",
            "marker": {"size": 5, "color": PALETTE[0]},
            "name": "",
            "showlegend": False,
            "hovertemplate": f"{style.name(key)} %{{y:.5g}} at step %{{x:,}}<extra></extra>",
        }
    )


def _labels(s: Snapshot) -> dict[int, str]:
    """The trials drawn in colour, with their labels: winner, survivors, best so far, running."""
    labels: dict[int, str] = {}
    if s.result.best is not None:
        labels[s.result.best.number] = f"trial {s.result.best.number} (winner)"
    for number in latest_survivors(s):
        labels.setdefault(number, f"trial {number}")
    best = s.result.best_trial
    if best is not None:
        labels.setdefault(best.spec.number, f"trial {best.spec.number} (best so far)")
    for running in s.running:
        if s.trial(running.number).spec.searched:
            labels.setdefault(running.number, f"trial {running.number} (running)")
    return dict(list(labels.items())[:_COLOURED])


def _curve_axis(lines: Sequence[Curve], title: str) -> Figure:
    """The axis of curves; a linear one cuts off the most extreme 2 % on either side."""
    values = sorted(v for line in lines for _, v in line if v is not None)
    axis = scales.value_axis(values, title)
    if axis["type"] == "log" or len(values) < 50:
        return axis
    cut = len(values) // 50
    low, high = values[cut], values[-1 - cut]
    pad = 0.06 * (high - low) or 1.0
    return axis | {"range": [rounded(low - pad), rounded(high + pad)]}
