"""Learning curves: of the study, and of one trial."""

from collections.abc import Iterable, Sequence

from hpsearch.storage import Snapshot, step_seconds
from hpsearch.ui.figures.bounds import latest_survivors
from hpsearch.ui.figures.scales import value_axis
from hpsearch.ui.figures.style import (
    GREY,
    PALETTE,
    SILENT,
    Figure,
    Panels,
    direction,
    empty,
    gapped,
    layout,
    muted,
    name,
    rounded,
    thinned,
)

_TITLE = "Learning curves"
_MANY, _MANY_POINTS = 200, 2400  # muted lines, and points of all of them
_FEW, _FEW_POINTS = 8, 80  # lines in colour, and points of each
_METRICS = 12
_METRIC_POINTS = 120

Curve = Sequence[tuple[int, float | None]]


def curves(s: Snapshot) -> Figure:
    """The objective over steps: survivors, winner and running in colour, the others muted.

    A continuation's curve begins with its parent's.
    """
    named = _named(s)
    begun = [
        t.spec.number for t in s.searched if t.outcome is not None and t.spec.number not in named
    ]
    kept = thinned(begun, _MANY)
    each = max(8, _MANY_POINTS // max(1, len(kept)))
    many = [line for n in kept if (line := thinned(s.curve(n), each))]
    few = {n: line for n in named if (line := thinned(s.curve(n), _FEW_POINTS))}
    if not many and not few:
        return empty(_TITLE, "No trial has reported yet.")
    data: list[Figure] = []
    if many:
        label = f"{len(many)} other{'s' * (len(many) > 1)}"
        data.append(
            _line({"color": muted(len(many)), "width": 1}, label)
            | gapped(many)
            | {"hoverinfo": "skip"}
        )
    for i, (number, points) in enumerate(reversed(few.items())):
        order = len(few) - 1 - i
        dash = "solid" if order < len(PALETTE) else "dot"
        bright = {"color": PALETTE[order % len(PALETTE)], "width": 2, "dash": dash}
        trace = _line(bright, named[number]) | gapped([points])
        trace["hovertemplate"] = f"{named[number]}: %{{y:.5g}} at step %{{x:,}}<extra></extra>"
        data.append(trace | {"legendrank": order})
    note = f"{len(kept)} of {len(begun)} other trials are shown." if len(kept) < len(begun) else ""
    frame = layout(_TITLE, [note], height=300, legend=True)
    frame["xaxis"] = {"title": {"text": "steps"}, "zeroline": False, "tickformat": ",", "nticks": 6}
    title = f"{name(s.result.metric)} ({direction(s.result.direction)})"
    frame["yaxis"] = _framed([*few.values(), *many], title)
    return {"data": data, "layout": frame}


def trial_curves(s: Snapshot, number: int, *, columns: int = 2) -> Figure:
    """Every metric of one trial over its steps, after the curves of those that it continues.

    Beside them, how long its steps took.

    Args:
        s: the study.
        number: of the trial.
        columns: panels side by side.
    """
    title = f"Trial {number}"
    reports = s.reports(number)
    names = list(dict.fromkeys(key for report in reports for key in report.metrics))
    names.sort(key=lambda key: key != s.result.metric)  # the objective first
    if not names:
        return empty(title, "It has not reported yet.")
    chosen = names[:_METRICS]
    timed = [(step, 1000 * seconds) for step, seconds in step_seconds(reports)]
    count = len(chosen) + bool(timed)
    note = f"{len(chosen)} of {len(names)} metrics." if len(chosen) < len(names) else ""
    spec = s.trial(number).spec
    if spec.role == "continue":
        note = f"Muted: trial {spec.parent}, which it continues. {note}".strip()
    grid = {"columns": columns, "panel": 130, "between": 66}
    frame = layout(title, [note], height=Panels.height(count, **grid))
    panels = Panels(frame, count, gap=0.15, **grid)
    data: list[Figure] = []
    for i, key in enumerate(chosen):
        whole = s.curve(number, key)
        before = thinned([p for p in whole if p[0] < reports[0].step], _METRIC_POINTS)
        own = thinned([p for p in whole if p[0] >= reports[0].step], _METRIC_POINTS)
        data += _panel(panels, i, key, before, own)
    if timed:
        data += _panel(panels, len(chosen), "ms a step", [], thinned(timed, _METRIC_POINTS))
    return {"data": data, "layout": frame}


def _panel(panels: Panels, place: int, key: str, before: Curve, own: Curve) -> list[Figure]:
    x = {"title": {"text": "steps"}, "tickformat": ",", "nticks": 4, "zeroline": False}
    y = _framed([before, own], "") | {"nticks": 4}
    axes = panels.add(place, x, y, f"<b>{name(key)}</b>")
    return [trace | axes for trace in _halves(key, before, own)]


def _halves(key: str, before: Curve, own: Curve) -> Iterable[Figure]:
    """What a trial continues, muted, and what it added."""
    if before:
        look = {"color": GREY, "width": 1.5, "dash": "dot"}
        yield _line(look, "") | gapped([[*before, *own[:1]]]) | SILENT
    mode = "lines+markers" if len(own) < 12 else "lines"
    yield (
        _line({"color": PALETTE[0], "width": 2}, "")
        | gapped([own])
        | {
            "mode": mode,
            "marker": {"size": 5, "color": PALETTE[0]},
            "showlegend": False,
            "hovertemplate": f"{name(key)} %{{y:.5g}} at step %{{x:,}}<extra></extra>",
        }
    )


def _named(s: Snapshot) -> dict[int, str]:
    """The few trials that a reader looks for, and what they are."""
    found: dict[int, str] = {}
    if s.result.best is not None:
        found[s.result.best.number] = f"trial {s.result.best.number} (winner)"
    for number in latest_survivors(s):
        found.setdefault(number, f"trial {number}")
    best = s.result.best_trial
    if best is not None:
        found.setdefault(best.spec.number, f"trial {best.spec.number} (best so far)")
    for running in s.running:
        if s.trial(running.number).spec.role in ("draw", "continue"):
            found.setdefault(running.number, f"trial {running.number} (running)")
    return dict(list(found.items())[:_FEW])


def _line(line: Figure, label: str) -> Figure:
    return {"type": "scatter", "mode": "lines", "line": line, "name": label}


def _framed(lines: Sequence[Curve], title: str) -> Figure:
    """The axis of curves; a linear one leaves out the wildest 2 % on either side."""
    values = sorted(v for line in lines for _, v in line if v is not None)
    axis = value_axis(values, title)
    if axis["type"] == "log" or len(values) < 50:
        return axis
    cut = len(values) // 50
    low, high = values[cut], values[-1 - cut]
    pad = 0.06 * (high - low) or 1.0
    return axis | {"range": [rounded(low - pad), rounded(high + pad)]}
