"""The search by round and parameter: sampling distributions, trials and survivors."""

import json
from collections.abc import Iterable, Sequence

from hpsearch.controller import unit_point
from hpsearch.method import Marginal, Row, Tightening, round_marginals, share_block_marginals
from hpsearch.space import Parameter
from hpsearch.storage import Snapshot, value_of
from hpsearch.trial import Trial
from hpsearch.ui.figures import scales, style
from hpsearch.ui.figures.bounds import AtBound, at_bound, searched_extent
from hpsearch.ui.figures.density_ridges import bounds, has_density, peak, ridges, stems
from hpsearch.ui.figures.style import GREY, WARNING, Figure, rounded

_TITLE = "What each round sampled from"
_PARAMETERS = 12
_FIRST, _LAST = 2, 4  # rounds, where there are more than their sum
_BYTES = 100_000  # of the figure
_DOTS = 1100  # of the figure, or fewer where they do not fit
_PEAK = 6  # times the prior: above this density, roots are drawn to keep the prior visible
_ROW_PX = 32
_DOTTED = "Dotted: ends of a range that the search may leave."

Stage = tuple[int, dict[str, Marginal], Sequence[Trial]]


def tightening(s: Snapshot, parameters: Sequence[str] | None = None, *, columns: int = 2) -> Figure:
    """A panel per parameter: the distribution of each round, its trials, and the survivors.

    Args:
        s: the study.
        parameters: names, in order; the whole space if None. The first twelve are shown.
        columns: panels side by side; 1 on a phone.
    """
    by_name = {parameter.name: parameter for parameter in s.space}
    every = [by_name[key] for key in parameters or by_name]
    chosen = every[:_PARAMETERS]
    if not s.rounds or not chosen:
        return style.empty(_TITLE, "The first round has not started yet.")
    most = max(8, _DOTS // (len(chosen) * len(_shown_rounds(s))))
    while True:
        figure = _figure(s, chosen, len(every), most, columns)
        if len(json.dumps(figure, separators=(",", ":"))) <= _BYTES or len(chosen) == 1:
            return figure
        if most > 8:
            most = most * 3 // 4
        else:
            chosen = chosen[: len(chosen) * 3 // 4]


def _shown_rounds(s: Snapshot) -> list[int]:
    """The rounds that the figure shows."""
    numbers = [summary.round for summary in s.rounds]
    if len(numbers) <= _FIRST + _LAST:
        return numbers
    return numbers[:_FIRST] + numbers[-_LAST:]


def _figure(
    s: Snapshot, chosen: Sequence[Parameter], every: int, most: int, columns: int
) -> Figure:
    """The figure of the chosen parameters, with at most `most` trials per round."""
    numbers = _shown_rounds(s)
    survivors = {n for summary in s.rounds for n in (*summary.parents, *summary.survivors)}
    stages = [
        (r, _distributions(s, r, chosen), _shown_trials(s, r, survivors, most)) for r in numbers
    ]
    curved = {parameter.name for parameter in chosen if has_density(parameter.domain)}
    root = any(peak(drawn[key]) > _PEAK for _, drawn, _ in stages for key in curved & drawn.keys())
    notes = [
        f"Fill: the {'root of the ' * root}density that a round samples from; stems: survivors' "
        "values that it may copy. Dots: trials, brighter for better; rings: survivors.",
        "A surrogate picked among such draws." * any(summary.surrogate for summary in s.rounds),
        _left_out(len(s.rounds), numbers),
        style.part(len(chosen), every, "parameters"),
        _dots_left_out(s, numbers, most),
        _DOTTED * any(p.domain.limits != scales.UNIT for p in chosen),
    ]
    height = round(_ROW_PX * (len(numbers) + 0.5))
    panels = style.Panels(_TITLE, notes, len(chosen), columns=columns, panel=height, between=62)
    warnings = {p.parameter: p for p in at_bound(s)}
    data: list[Figure] = []
    for i, parameter in enumerate(chosen):
        warning = warnings.get(parameter.name)
        labelled = panels.first_column(i)
        y = style.row_axis([str(r) for r in numbers], top=-0.95, bottom=0.6)
        y |= {"showticklabels": labelled, "title": {"text": "round" if labelled else ""}}
        extent = searched_extent(s, parameter)
        axes = panels.add(i, scales.axis(parameter.domain, extent), y, _heading(parameter, warning))
        panel = _panel(s, parameter, extent, stages, survivors, warning, root)
        data += [trace | axes for trace in panel]
    return {"data": data, "layout": panels.layout}


def _heading(parameter: Parameter, warning: AtBound | None) -> str:
    heading = f"<b>{style.name(parameter.name)}</b>"
    if parameter.when:
        heading += f"<span style='color:{GREY}'> if {style.name(parameter.when[0].parent)}</span>"
    if warning is not None:
        side = "lower" if warning.side == "low" else "upper"
        heading += f"<span style='color:{WARNING}'> survivors at its {side} bound</span>"
    return heading


def _left_out(count: int, numbers: Sequence[int]) -> str:
    hidden = [r for r in range(count) if r not in numbers]
    return f"Rounds {hidden[0]} to {hidden[-1]} are left out." if hidden else ""


def _dots_left_out(s: Snapshot, numbers: Sequence[int], most: int) -> str:
    size = max(len(s.members(r)) for r in numbers)
    return f"At most {most} of a round's {size} trials, the survivors first." * (size > most)


def _shown_trials(s: Snapshot, round: int, survivors: set[int], most: int) -> list[Trial]:
    """At most `most` trials of a round: the survivors, and a subsample of the others."""
    members = s.members(round)
    first = [t for t in members if t.spec.number in survivors]
    others = [t for t in members if t.spec.number not in survivors]
    return first[: most // 2] + style.subsample(others, max(most // 2, most - len(first)))


def _distributions(s: Snapshot, round: int, chosen: Sequence[Parameter]) -> dict[str, Marginal]:
    """The marginals that a round samples from; empty if a survivor is outside a changed space."""
    record = s.result.rounds[round]
    rows = []
    for number in record.survivors:
        point = unit_point(s.space, s.trial(number).spec)
        if point is None:
            return {}
        rows.append(Row(number, None, point, record.budget))
    step_sizes = tuple(record.step_sizes.get(parameter.name, 1.0) for parameter in s.space)
    tightening = Tightening(tuple(rows), record.width, step_sizes)
    indices = tuple(s.space.names.index(parameter.name) for parameter in chosen)
    marginals = dict(
        zip([p.name for p in chosen], round_marginals(s.space, tightening, indices), strict=True)
    )
    points = [t.spec.unit for t in s.members(round) if t.spec.role == "draw"]
    if not record.blocks or any(len(point) != len(s.space) for point in points):
        return marginals
    return share_block_marginals(s.space, record.blocks.shared, points, marginals)


def _panel(
    s: Snapshot,
    parameter: Parameter,
    extent: scales.Extent,
    stages: Sequence[Stage],
    survivors: set[int],
    warning: AtBound | None,
    root: bool,
) -> Iterable[Figure]:
    domain = parameter.domain
    drawn = {
        row: marginal
        for row, (_, m, _) in enumerate(stages)
        if (marginal := m.get(parameter.name)) is not None and marginal.active > 0
    }
    yield from bounds(domain, extent, len(stages), warning)
    yield ridges(domain, extent, drawn, root=root)
    if has_density(domain):
        yield stems(domain, drawn)
    placed = [
        (x, row + 0.09 + 0.13 * (i % 3) / 2, trial)
        for row, (_, _, trials) in enumerate(stages)
        for i, trial in enumerate(t for t in trials if parameter.name in t.spec.params)
        if (x := scales.position(domain, trial.spec.params[parameter.name], trial.spec.number))
        is not None
    ]
    ranks = _ranks(s, stages)
    yield _dots(s, parameter, [p for p in placed if p[2].spec.number in ranks], ranks)
    rest = [p for p in placed if p[2].spec.number not in ranks]
    yield _valueless([p for p in rest if p[2].outcome is not None], "x-thin-open")
    yield _valueless([p for p in rest if p[2].outcome is None], "circle-open")
    yield _rings([p for p in placed if p[2].spec.number in survivors])


def _ranks(s: Snapshot, stages: Sequence[Stage]) -> dict[int, float]:
    """The rank of each finished trial within its round: 1 for the best, 0 for the worst."""
    ranks = {}
    for _, _, trials in stages:
        done = [t for t in trials if value_of(t) is not None]
        for i, trial in enumerate(sorted(done, key=s.result.direction.key)):
            ranks[trial.spec.number] = round(1 - i / max(1, len(done) - 1), 2)
    return ranks


Placed = Sequence[tuple[float, float, Trial]]


def _dots(s: Snapshot, parameter: Parameter, placed: Placed, ranks: dict[int, float]) -> Figure:
    metric = style.escaped(s.result.metric)
    colours = [ranks[t.spec.number] for _, _, t in placed]
    scale = {"colorscale": style.COLORSCALE, "cmin": 0, "cmax": 1, "showscale": False}
    return (
        style.markers(colours, 6, **scale)
        | _positions(placed)
        | {
            "customdata": [
                [
                    t.spec.number,
                    rounded(value_of(t), 5),
                    style.shown(t.spec.params[parameter.name], 14),
                ]
                for _, _, t in placed
            ],
            "hovertemplate": f"trial %{{customdata[0]}}: {metric} %{{customdata[1]}}<br>"
            f"{style.name(parameter.name)} = %{{customdata[2]}}<extra></extra>",
            "showlegend": False,
        }
    )


def _valueless(placed: Placed, symbol: str) -> Figure:
    """Trials without a value: failed, or not finished."""
    texts = (
        f"trial {t.spec.number}: "
        + ("not finished" if t.outcome is None else f"failed ({style.escaped(t.outcome.reason)})")
        for _, _, t in placed
    )
    trace = style.markers(GREY, 5, symbol=symbol) | style.hover(texts)
    return trace | _positions(placed) | {"showlegend": False}


def _rings(placed: Placed) -> Figure:
    line = {"width": 1.6, "color": WARNING}
    trace = style.markers(WARNING, 10, symbol="circle-open", line=line)
    return trace | _positions(placed) | style.NO_HOVER


def _positions(placed: Placed) -> Figure:
    x, y = [rounded(x, 5) for x, _, _ in placed], [rounded(y, 4) for _, y, _ in placed]
    return {"x": x, "y": y}
