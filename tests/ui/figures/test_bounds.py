"""Trials outside a parameter's initial range, and survivors at a bound."""

import io
import math
from typing import Any

import pytest
import synthetic
from rich.console import Console

from hpsearch.space import Int, Logint, Loguniform, Parameter, Uniform
from hpsearch.storage.snapshot import Snapshot
from hpsearch.trial import Direction
from hpsearch.ui import figures
from hpsearch.ui.figures import scales
from hpsearch.ui.figures.parameter_importance import importance
from hpsearch.ui.formatting import domain_text
from hpsearch.ui.report.content import Paragraph
from hpsearch.ui.report.rounds import rounds as rounds_section
from hpsearch.ui.terminal import tables
from hpsearch.ui.terminal.picture import picture

PARAMETERS = (
    Parameter("lr", Loguniform(1e-3, 1e-2, (1e-6, 1.0))),
    Parameter("x", Uniform(0, 1, (0, 5))),
    Parameter("depth", Int(1, 3, (1, 9))),
    Parameter("width", Logint(8, 16, (8, 512))),
)


@pytest.fixture(scope="module")
def far() -> Snapshot:
    """A search whose best coordinates are all 1.7."""
    return synthetic.study(parameters=PARAMETERS, count=6, failing=0, best_at=1.7)


def panel(figure: figures.Figure, heading: str) -> tuple[list[Any], Any]:
    [reference] = [
        a["xref"].split()[0]
        for a in figure["layout"]["annotations"]
        if a["text"].startswith(f"<b>{heading}</b>")
    ]
    traces = [t for t in figure["data"] if t["xaxis"] == reference]
    return traces, figure["layout"][f"xaxis{reference[1:]}"]


def test_survivors_outside_their_initial_ranges_are_reported(far: Snapshot) -> None:
    notes = {one.parameter: one for one in figures.beyond_range(far)}
    assert set(notes) == {"lr", "x", "depth", "width"}
    assert notes["lr"].initial == (1e-3, 1e-2)
    assert all(far.trial(n).spec.params["lr"] > 1e-2 for n in notes["lr"].survivors)
    assert figures.beyond_range(synthetic.study()) == ()


@pytest.mark.parametrize("name", ["lr", "x", "depth", "width"])
def test_every_trial_lies_on_the_axis_and_the_ranges_end_is_dotted(
    far: Snapshot, name: str
) -> None:
    traces, axis = panel(figures.tightening(far), name)
    low, high = axis["range"]
    if axis["type"] == "log":
        low, high = 10**low, 10**high
    dots = [x for t in traces if t.get("mode") == "markers" for x in t["x"]]
    [domain] = [p.domain for p in PARAMETERS if p.name == name]
    assert low <= min(dots) and max(dots) <= high
    assert max(dots) > domain.high + 0.5 * isinstance(domain, Int | Logint)
    dotted = [t["x"][0] for t in traces if t.get("line", {}).get("dash") == "dot"]
    end = domain.high + 0.5 * isinstance(domain, Int | Logint)
    assert dotted[-1] == pytest.approx(end)
    assert max(axis["tickvals"]) > domain.high


def test_a_density_beyond_the_range_is_drawn_there(far: Snapshot) -> None:
    traces, _ = panel(figures.tightening(far, ["x"]), "x")
    [ridge] = [t for t in traces if t.get("fill") == "toself"]
    ends = [i for i, x in enumerate(ridge["x"]) if x is None]
    last = list(zip(ridge["x"][ends[-1] + 1 :], ridge["y"][ends[-1] + 1 :], strict=True))
    assert 1.4 < min(last, key=lambda point: point[1])[0] < 2.0  # the highest point of the ridge
    extent = figures.bounds.searched_extent(far, PARAMETERS[1])
    assert max(x for x, _ in last) <= extent[1] + 2 / 32


def test_lines_stay_on_their_axes_and_the_ends_are_marked(far: Snapshot) -> None:
    figure = figures.parallel(far)
    lines = [t for t in figure["data"] if t.get("name", "").startswith("trial ")]
    assert all(-0.001 <= x <= 1.001 for t in lines for x in t["x"] if x is not None)
    axes = figure["data"][0]
    low, high = figures.bounds.searched_extent(far, PARAMETERS[0])
    marks = [x for x, y in zip(axes["x"], axes["y"], strict=True) if y == -0.12]
    assert marks[-1] == pytest.approx((1 - low) / (high - low), abs=1e-3)


def test_an_extent_is_the_range_widened_to_the_values() -> None:
    lr = Loguniform(1e-3, 1e-2, (1e-6, 1.0))
    assert scales.extent(lr, [2e-3, 5e-3]) == (0.0, 1.0)
    assert scales.extent(lr, [1e-4, 5e-3]) == (pytest.approx(-1), 1.0)
    assert scales.axis(lr, (-1.0, 2.0), pad=0)["range"] == pytest.approx([-4, -1])
    depth = Int(1, 4, (0, 9))
    assert scales.extent(depth, [9]) == (0.0, 2.25)
    assert scales.ticks(Int(1, 3, (1, 6)), extent=(0.0, 2.0))[1] == ["1", "2", "3", "4", "5", "6"]


def test_survivors_at_an_end_of_within_give_a_warning_unless_the_end_is_deliberate() -> None:
    parameters = (
        Parameter("x", Uniform(0, 1, (-0.2, 1.2))),
        Parameter("y", Uniform(0, 1, (-9, 1))),
    )
    s = synthetic.study(parameters=parameters, count=6, failing=0, best_at=1.9)
    [warning] = figures.at_bound(s)
    assert (warning.parameter, warning.side) == ("x", "high")
    assert (warning.bound, warning.is_limit) == (1.2, True)
    assert str(warning).endswith("give space.x.within a higher end")
    lowest = (Parameter("width", Logint(1, 64)),)
    assert figures.at_bound(synthetic.study(parameters=lowest, failing=0, best_at=-0.5)) == ()


def test_without_limits_the_warning_names_the_key_that_sets_them() -> None:
    parameters = (Parameter("lr", Loguniform(1e-4, 1)),)
    s = synthetic.study(parameters=parameters, count=6, failing=0, best_at=-0.5)
    [warning] = figures.at_bound(s)
    assert str(warning) == (
        f"lr: {len(warning.survivors)} survivors lie at its low end, 0.0001; "
        "to search beyond it, set space.lr.within"
    )


def printed(show: Any) -> str:
    text = io.StringIO()
    Console(file=text, width=120, highlight=False).print(show)
    return text.getvalue()


def test_terminal_and_report_show_the_initial_range(
    far: Snapshot, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = printed(picture(far)).splitlines()
    [strip] = [line for line in lines if line.strip().startswith("lr ")]
    assert strip.split()[0] == "lr" and strip.split()[1] == "0.001"
    assert "┊" in strip and float(strip.split()[-1]) > 0.01
    tables.show_bounds(far)
    said = capsys.readouterr().out
    assert "beyond    lr: 3 survivors outside the initial range 0.001 .. 0.01" in said
    notes = [b for b in rounds_section(far).blocks if getattr(b, "tone", "") == "note"]
    assert any(isinstance(b, Paragraph) and "has left the range" in b.parts[0] for b in notes)
    assert domain_text(PARAMETERS[0])[1] == "0.001 .. 0.01, within 1e-06 .. 1"


def test_importance_depends_only_on_the_searched_part_of_a_range(far: Snapshot) -> None:
    """Limits that nobody got near would leave the evaluator's grid a few points for all trials."""
    wide = tuple(
        Parameter(p.name, type(p.domain)(p.domain.low, p.domain.high, ends))
        for p, ends in zip(
            PARAMETERS, ((1e-30, 1e30), (0, 1e5), (1, 10**6), (1, 10**9)), strict=True
        )
    )
    done = [t for t in far.searched if t.outcome is not None]
    near = importance(far.space, done, Direction.MINIMIZE)
    widened = importance(type(far.space)(wide), done, Direction.MINIMIZE)
    assert widened == near
    assert math.isclose(sum(one.share for one in near.values()), 1)
