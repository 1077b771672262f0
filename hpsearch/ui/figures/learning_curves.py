"""Learning curves of a study, and of one trial."""

from collections.abc import Iterable, Sequence

from hpsearch.storage import Snapshot, step_seconds
from hpsearch.ui.figures.bounds import latest_survivors
from hpsearch.ui.figures.scales import value_axis
from hpsearch.ui.figures.style import (
    GREY,
    NO_HOVER,
    PALETTE,
    Figure,
    Panels,
    direction,
    empty,
    joined,
    layout,
    muted,
    name,
    rounded,
    subsample,
)

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
    named = _named(s)
    others = [
        t.spec.number for t in s.searched if t.outcome is not None and t.spec.number not in named
    ]
    subset = subsample(others, _MUTED)
    points_per_line = max(8, _MUTED_POINTS // max(1, len(subset)))
    many = [line for n in subset if (line := subsample(s.curve(n), points_per_line))]
    few = {n: line for n in named if (line := subsample(s.curve(n), _COLOURED_POINTS))}
    if not many and not few:
        return empty(_TITLE, "No trial has reported yet.")
    data: list[Figure] = []
    if many:
        label = f"{len(many)} other{'s' * (len(many) > 1)}"
        data.append(
            _line({"color": muted(len(many)), "width": 1}, label)
            | joined(many)
            | {"hoverinfo": "skip"}
        )
    for i, (number, points) in enumerate(reversed(few.items())):
        order = len(few) - 1 - i
        dash = "solid" if order < len(PALETTE) else "dot"
        bright = {"color": PALETTE[order % len(PALETTE)], "width": 2, "dash": dash}
        trace = _line(bright, named[number]) | joined([points])
        trace["hovertemplate"] = f"{named[number]}: %{{y:.5g}} at step %{{x:,}}<extra></extra>"
        data.append(trace | {"legendrank": order})
    note = (
        f"{len(subset)} of {len(others)} other trials are shown."
        if len(subset) < len(others)
        else ""
    )
    frame = layout(_TITLE, [note], height=300, legend=True)
    frame["xaxis"] = {"title": {"text": "steps"}, "zeroline": False, "tickformat": ",", "nticks": 6}
    title = f"{name(s.result.metric)} ({direction(s.result.direction)})"
    frame["yaxis"] = _curve_axis([*few.values(), *many], title)
    return {"data": data, "layout": frame}


def trial_curves(s: Snapshot, number: int, *, columns: int = 2) -> Figure:
    """Every metric of one trial over its steps, and the time per step.

    The curves of the trials that it continues come first, muted.

    Args:
        s: the study's state.
        number: the trial's number.
        columns: panels side by side.
    """
    title = f"Trial {number}"
    reports = s.reports(number)
    names = list(dict.fromkeys(key for report in reports for key in report.metrics))
    names.sort(key=lambda key: key != s.result.metric)  # the objective first
    if not names:
        return empty(title, "The trial has not reported yet.")
    chosen = names[:_METRICS]
    timed = [(step, 1000 * seconds) for step, seconds in step_seconds(reports)]
    count = len(chosen) + bool(timed)
    note = f"{len(chosen)} of {len(names)} metrics." if len(chosen) < len(names) else ""
    spec = s.trial(number).spec
    if spec.role == "continue":
        note = f"Muted: trial {spec.parent}, which this one continues. {note}".strip()
    grid = {"columns": columns, "panel": 130, "between": 66}
    frame = layout(title, [note], height=Panels.height(count, **grid))
    panels = Panels(frame, count, gap=0.15, **grid)
    data: list[Figure] = []
    for i, key in enumerate(chosen):
        whole = s.curve(number, key)
        before = subsample([p for p in whole if p[0] < reports[0].step], _METRIC_POINTS)
        own = subsample([p for p in whole if p[0] >= reports[0].step], _METRIC_POINTS)
        data += _panel(panels, i, key, before, own)
    if timed:
        data += _panel(panels, len(chosen), "ms per step", [], subsample(timed, _METRIC_POINTS))
    return {"data": data, "layout": frame}


def _panel(panels: Panels, i: int, key: str, before: Curve, own: Curve) -> list[Figure]:
    x = {"title": {"text": "steps"}, "tickformat": ",", "nticks": 4, "zeroline": False}
    y = _curve_axis([before, own], "") | {"nticks": 4}
    axes = panels.add(i, x, y, f"<b>{name(key)}</b>")
    return [trace | axes for trace in _parts(key, before, own)]


def _parts(key: str, before: Curve, own: Curve) -> Iterable[Figure]:
    """The continued curve, muted, and the trial's own part."""
    if before:
        look = {"color": GREY, "width": 1.5, "dash": "dot"}
        yield _line(look, "") | joined([[*before, *own[:1]]]) | NO_HOVER
    mode = "lines+markers" if len(own) < 12 else "lines"
    yield (
        _line({"color": PALETTE[0], "width": 2}, "")
        | joined([own])
        | {
            "mode": mode,
            "marker": {"size": 5, "color": PALETTE[0]},
            "showlegend": False,
            "hovertemplate": f"{name(key)} %{{y:.5g}} at step %{{x:,}}<extra></extra>",
        }
    )


def _named(s: Snapshot) -> dict[int, str]:
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
        if s.trial(running.number).spec.role in ("draw", "continue"):
            labels.setdefault(running.number, f"trial {running.number} (running)")
    return dict(list(labels.items())[:_COLOURED])


def _line(line: Figure, label: str) -> Figure:
    return {"type": "scatter", "mode": "lines", "line": line, "name": label}


def _curve_axis(lines: Sequence[Curve], title: str) -> Figure:
    """The axis of curves; a linear one cuts off the most extreme 2 % on either side."""
    values = sorted(v for line in lines for _, v in line if v is not None)
    axis = value_axis(values, title)
    if axis["type"] == "log" or len(values) < 50:
        return axis
    cut = len(values) // 50
    low, high = values[cut], values[-1 - cut]
    pad = 0.06 * (high - low) or 1.0
    return axis | {"range": [rounded(low - pad), rounded(high + pad)]}
