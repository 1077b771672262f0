"""The content of the figures."""

from typing import Any

import pytest
import synthetic
from plotly.graph_objects import Figure as PlotlyFigure

from hpsearch.space import Int, Loguniform, Parameter, Uniform
from hpsearch.storage.result import value_of
from hpsearch.storage.snapshot import Snapshot
from hpsearch.ui import figures, plots


@pytest.fixture(scope="module")
def growing() -> Snapshot:
    return synthetic.study(growth=2)


def panel(figure: figures.Figure, heading: str) -> tuple[list[Any], Any]:
    """The traces of the panel with a heading, and its x axis."""
    [reference] = [
        a["xref"].split()[0]
        for a in figure["layout"]["annotations"]
        if a["text"].startswith(f"<b>{heading}</b>")
    ]
    traces = [t for t in figure["data"] if t["xaxis"] == reference]
    return traces, figure["layout"][f"xaxis{reference[1:]}"]


def named(figure: figures.Figure, name: str) -> Any:
    [trace] = [t for t in figure["data"] if t.get("name") == name]
    return trace


def test_tightening_marks_the_survivors_of_every_round(growing: Snapshot) -> None:
    traces, axis = panel(figures.tightening(growing), "lr")
    open_circles = [t for t in traces if t.get("marker", {}).get("symbol") == "circle-open"]
    rings, waiting = sorted(open_circles, key=lambda t: -t["marker"]["size"])
    assert waiting["x"] == []
    chosen = {n for summary in growing.rounds for n in summary.survivors}
    expected = {f"{growing.trial(n).spec.params['lr']:.5g}" for n in chosen}
    assert {f"{x:.5g}" for x in rings["x"]} == expected
    assert axis["type"] == "log"


def test_tightening_shows_a_conditional_parameter_only_in_trials_that_have_it(
    growing: Snapshot,
) -> None:
    traces, _ = panel(figures.tightening(growing), "weight")
    shown = {row[0] for t in traces for row in t.get("customdata", ()) if isinstance(row, list)}
    have = {
        t.spec.number
        for t in growing.searched
        if "weight" in t.spec.params and value_of(t) is not None
    }
    assert shown == have


def test_tightening_begins_with_the_flat_prior_and_narrows(growing: Snapshot) -> None:
    traces, axis = panel(figures.tightening(growing), "beta1")
    [ridge] = [t for t in traces if t.get("fill") == "toself"]
    ends = [i for i, x in enumerate(ridge["x"]) if x is None]
    first, last = ridge["y"][: ends[0]], ridge["y"][ends[-1] + 1 :]
    assert len(set(first[1:-2])) == 1
    assert 3 - min(last) > 0 - min(first)
    assert axis["range"][0] < 0 and axis["range"][1] > 1


def test_of_many_rounds_the_first_and_the_last_are_shown() -> None:
    s = synthetic.study(count=9, trials=6)
    figure = figures.tightening(s)
    assert figure["layout"]["yaxis"]["ticktext"] == ["0", "1", "5", "6", "7", "8"]
    notes = figure["layout"]["annotations"][0]["text"].replace("<br>", " ")
    assert "Rounds 2 to 4 are left out." in notes


def test_parameters_are_shown_in_the_order_asked_for(growing: Snapshot) -> None:
    headings = figures.tightening(growing, ["width", "lr"])["layout"]["annotations"][1:]
    assert [a["text"] for a in headings] == ["<b>width</b>", "<b>lr</b>"]


def pressed(best_at: float) -> Snapshot:
    parameters = (
        Parameter("lr", Loguniform(1e-4, 1)),
        Parameter("x", Uniform(0, 1)),
        Parameter("depth", Int(1, 3)),
    )
    return synthetic.study(parameters=parameters, count=6, failing=0, best_at=best_at)


def test_survivors_at_an_end_of_a_range_give_a_warning() -> None:
    warnings = {p.parameter: p for p in figures.at_bound(pressed(-0.5))}
    assert set(warnings) == {"lr", "x", "depth"}
    assert warnings["lr"].side == "low" and warnings["lr"].bound == 1e-4
    assert len(warnings["lr"].survivors) >= 2
    high = {p.parameter: p for p in figures.at_bound(pressed(1.5))}
    assert high["x"].side == "high" and high["x"].bound == 1


def test_with_a_single_candidate_the_warning_is_about_the_survivors_before_it() -> None:
    s = pressed(-0.5)
    only = s.rounds[-1].survivors[0]
    records = [t for t in s.result.records if t.spec.role != "confirm" or t.spec.parent == only]
    confirmed_once = synthetic.having(s, tuple(records), s.result.rounds)
    assert confirmed_once.rounds[-1].survivors == (only,)
    assert {p.parameter for p in figures.at_bound(confirmed_once)} >= {"lr", "x"}


def test_survivors_in_the_middle_give_no_warning() -> None:
    assert figures.at_bound(pressed(0.5)) == ()


def test_progress_has_the_best_and_the_median_of_each_round(growing: Snapshot) -> None:
    figure = figures.progress(growing)
    assert named(figure, "best")["y"] == pytest.approx([r.best for r in growing.rounds], rel=1e-5)
    medians = [r.median for r in growing.rounds]
    assert named(figure, "median")["y"] == pytest.approx(medians, rel=1e-5)
    confirmed = named(figure, "confirmed, mean ± sd")
    means = [w.confirmed.mean for w in growing.result.winners]
    assert confirmed["y"] == pytest.approx(means, rel=1e-5)


def test_a_sparkline_never_worsens_at_one_budget_and_restarts_at_the_next(
    growing: Snapshot,
) -> None:
    flat = figures.sparkline(synthetic.study(count=6))
    assert flat == sorted(flat, reverse=True) and len(flat) == 6
    assert figures.sparkline(growing) == [r.best for r in growing.rounds]
    rising = figures.sparkline(synthetic.study(count=6, direction="maximize"))
    assert rising == sorted(rising)


def test_a_continuations_curve_begins_with_its_parents(growing: Snapshot) -> None:
    [number, *_] = [t.spec.number for t in growing.searched if t.spec.role == "continue"]
    muted, own = figures.trial_curves(growing, number)["data"][:2]
    first = growing.reports(number)[0].step
    assert muted["x"][0] == 1 and own["x"][0] == first
    assert muted["x"][-1] == first  # they meet


def test_the_time_of_a_step_has_a_panel_among_a_trials_curves(growing: Snapshot) -> None:
    [trace], _ = panel(figures.trial_curves(growing, 0), "ms per step")
    reports = growing.reports(0)
    assert trace["x"] == [report.step for report in reports[1:]]
    assert trace["y"] == pytest.approx([4.0] * (len(reports) - 1))


def test_seeds_shows_each_confirmation_and_the_value_in_the_search(growing: Snapshot) -> None:
    traces, _ = panel(figures.seeds(growing), "loss")
    dots, means, searched = traces
    values = [value_of(growing.trial(n)) for w in growing.result.winners for n in w.trials]
    assert dots["x"] == pytest.approx(values, rel=1e-5)
    winners = growing.result.winners
    assert means["error_x"]["array"] == pytest.approx([w.confirmed.sd for w in winners], rel=1e-5)
    assert searched["x"] == pytest.approx([w.searched for w in winners], rel=1e-5)


def test_parallel_shows_only_trials_of_equal_budget(growing: Snapshot) -> None:
    figure = figures.parallel(growing)
    labels = [t["name"] for t in figure["data"] if t.get("name", "").startswith("trial ")]
    budgets = {growing.trial(int(label[6:].split(":")[0])).spec.budget for label in labels}
    assert budgets == {320}
    assert "Trials of 320 steps." in figure["layout"]["annotations"][0]["text"]


def test_the_best_trials_parallel_line_ends_at_the_best_value(growing: Snapshot) -> None:
    for direction, end in (("minimize", 0.0), ("maximize", 1.0)):
        s = synthetic.study(direction=direction)
        best = s.result.best_trial
        assert best is not None
        [strand] = [
            t
            for t in figures.parallel(s)["data"]
            if t.get("name", "").startswith(f"trial {best.spec.number}:")
        ]
        assert strand["x"][-1] == end


def test_a_continuation_costs_only_its_own_steps(growing: Snapshot) -> None:
    line = figures.compare([growing], "steps")["data"][0]
    # 25 of 40 steps; then, doubling, 22 new draws, and 3 that go on.
    expected = 25 * 40 + sum(22 * b + 3 * b // 2 for b in (80, 160, 320))
    assert line["x"][-1] <= expected
    last = max(t.spec.number for t in growing.searched if value_of(t) is not None)
    before = (t for t in growing.searched if t.spec.number <= last)
    assert line["x"][-1] == sum(map(growing.own_steps, before))


def test_plots_are_plotly_figures_of_a_folder_a_result_or_a_snapshot(
    growing: Snapshot, undisturbed: Any
) -> None:
    folder = undisturbed.run.path
    read = plots.progress(folder)
    assert isinstance(read, PlotlyFigure)
    assert plots.progress(str(folder)) == read
    assert plots.progress(plots._snapshot(folder).result) == read
    assert isinstance(plots.compare([growing, folder], "steps"), PlotlyFigure)


def test_a_missing_trial_is_named(undisturbed: Any) -> None:
    with pytest.raises(plots.PlotError, match="has no trial 999"):
        plots.trial_curves(undisturbed.run.path, 999)
