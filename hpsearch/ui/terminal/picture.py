"""A search as a picture in a terminal: rounds, running trials, leaders, tightening, time left."""

import statistics
from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from hpsearch.events import Event, Severity
from hpsearch.space import Choice, Scalar, same
from hpsearch.storage import RunningTrial, Snapshot, value_of
from hpsearch.trial import Trial
from hpsearch.ui.formatting import params_text

_ROUNDS_SHOWN = 12
_SLOTS_SHOWN = 8
_PARAMETERS_SHOWN = 12
_STRIP = 32  # characters that show a parameter's range
# Viridis, dark for the worst: legible for colour-blind readers and on light and dark terminals.
_SHADES = ("#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30")


def picture(snapshot: Snapshot, notes: Sequence[Event] = ()) -> RenderableType:
    """The search as it stands, with the latest of the notes below."""
    parts: list[RenderableType] = [_header(snapshot), _strips(snapshot)]
    if snapshot.running:
        parts += [Text("\nrunning", style="dim"), _slots(snapshot)]
    if leaders := snapshot.result.leaders(3):
        parts += [Text("\nleaders", style="dim"), _leaders(snapshot, leaders)]
        parts.append(Text("\ntightening: ━ drawn from, ● leaders", style="dim"))
        parts.append(_tightening(snapshot, leaders))
    return Group(*parts, *(_note(event) for event in notes[-3:]))


def _note(event: Event) -> Text:
    style = "yellow" if event.severity <= Severity.WARNING else "none"
    return Text(str(event), style=style, overflow="ellipsis", no_wrap=True)


def _header(snapshot: Snapshot) -> Text:
    result = snapshot.result
    text = Text(result.name, style="bold")
    text.append(f"  {result.direction} {result.metric}", style="none")
    if snapshot.holder is None or snapshot.state == "paused":
        text.append(f"  {snapshot.state}", style="bold")
    if (elapsed := snapshot.seconds_gone) is not None:
        text.append(f"  {_clock(elapsed)} elapsed", style="dim")
    if (left := snapshot.seconds_left) is not None:
        text.append(f", about {_clock(left)} left", style="dim")
    text.append(f"  {result.folder}", style="dim")
    return text


def _strips(snapshot: Snapshot) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1))
    count = len(snapshot.result.rounds)
    if count > _ROUNDS_SHOWN:
        table.add_row(Text(f"{count - _ROUNDS_SHOWN} earlier rounds", style="dim"))
    for number in range(max(0, count - _ROUNDS_SHOWN), count):
        members = snapshot.members(number)
        table.add_row(f"round {number}", _cells(snapshot, members), _summary(snapshot, members))
    for role in ("confirm", "rerun"):
        if members := tuple(t for t in snapshot.result.records if t.spec.role == role):
            table.add_row(role, _cells(snapshot, members), _summary(snapshot, members))
    return table


def _cells(snapshot: Snapshot, members: Sequence[Trial]) -> Text:
    """One cell per trial, shaded by its rank among the members: brighter is better."""
    values = _sorted_values(snapshot, members)
    running = {trial.number for trial in snapshot.running}
    text = Text()
    for trial in members:
        value = value_of(trial)
        if trial.outcome is None:
            is_running = trial.spec.number in running
            text.append(*("▸", "bold") if is_running else ("·", "dim"))
        elif value is None:
            text.append("×", style="red")
        else:
            rank = values.index(value) / max(1, len(values) - 1)
            shade = _SHADES[round((1 - rank) * (len(_SHADES) - 1))]
            text.append("◆" if trial.spec.role == "continue" else "■", style=shade)
    return text


def _summary(snapshot: Snapshot, members: Sequence[Trial]) -> Text:
    values = _sorted_values(snapshot, members)
    if not values:
        return Text("")
    median = statistics.median(values)
    return Text(f"best {values[0]:.4g}  median {median:.4g}", style="dim")


def _sorted_values(snapshot: Snapshot, members: Sequence[Trial]) -> list[float]:
    """Values of the finished members, best first."""
    values = [value for t in members if (value := value_of(t)) is not None]
    return sorted(values, key=lambda value: snapshot.result.direction.sign * value)


def _slots(snapshot: Snapshot) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1))
    metric, now = snapshot.result.metric, datetime.now()
    best = snapshot.result.direction.best
    for members in snapshot.running_groups[:_SLOTS_SHOWN]:
        values = [value for each in members if (value := each.metrics.get(metric)) is not None]
        share = statistics.fmean(min(1.0, each.step / each.budget) for each in members)
        filled = round(20 * share)
        started = min(each.started for each in members)
        table.add_row(
            members[0].device,
            _subject(members),
            " ".join(dict.fromkeys(snapshot.trial(each.number).spec.role for each in members)),
            Text("━" * filled, style="cyan") + Text("━" * (20 - filled), style="dim"),
            f"{min(each.step for each in members):,}/{max(each.budget for each in members):,}",
            f"{metric} {best(values):.4g}" if values else "",
            _clock(max(0.0, (now - started).total_seconds())),
        )
    if (rest := len(snapshot.running_groups) - _SLOTS_SHOWN) > 0:
        table.add_row("", f"and {rest} more")
    return table


def _subject(members: Sequence[RunningTrial]) -> str:
    if len(members[0].group) < 2:
        return f"trial {members[0].number}"
    left = len(members)
    return f"group of {left}" if left > 1 else f"trial {members[0].number}, last of a group"


def _leaders(snapshot: Snapshot, leaders: Sequence[Trial]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1))
    for trial in leaders:
        table.add_row(
            f"trial {trial.spec.number}",
            f"{snapshot.result.metric} {value_of(trial):.4g}",
            Text(params_text(trial.spec.params), style="dim", overflow="ellipsis", no_wrap=True),
        )
    return table


def _tightening(snapshot: Snapshot, leaders: Sequence[Trial]) -> Table:
    """Where each parameter's last draws lie in its range (thick), and where the leaders do (●)."""
    table = Table(box=None, show_header=False, padding=(0, 1))
    last = snapshot.result.rounds[-1]
    parents = [snapshot.trial(number).spec for number in last.survivors]
    specs = [trial.spec for trial in leaders]
    for j, parameter in enumerate(snapshot.space.parameters[:_PARAMETERS_SHOWN]):
        name, domain = parameter.name, parameter.domain
        if isinstance(domain, Choice):
            chosen = [spec.params[name] for spec in specs if name in spec.params]
            table.add_row(name, "", _options(domain, chosen))
            continue
        drawn = [spec.unit[j] for spec in parents if name in spec.params]
        best = [spec.unit[j] for spec in specs if name in spec.params]
        reach = last.width * last.step_sizes.get(name, 1.0) if parents else 1.0
        shown = (min([0.0, *drawn, *best]), max([1.0, *drawn, *best]))
        strip = _strip(drawn if parents else [0.5], reach, best, shown)
        low = domain.low if shown[0] == 0 else domain.decode(shown[0])
        high = domain.high if shown[1] == 1 else domain.decode(shown[1])
        strip.append(f" {high:.4g}", style="dim")
        table.add_row(name, Text(f"{low:.4g}", style="dim", justify="right"), strip)
    return table


def _strip(
    drawn: Sequence[float], reach: float, best: Sequence[float], shown: tuple[float, float]
) -> Text:
    """The coordinates from `shown[0]` to `shown[1]`: thick within `reach` of one of `drawn`.

    A dot stands at each of `best`, and a mark at each end of the study's range, 0 or 1, that the
    search has gone beyond.
    """
    text = Text()
    cell = (shown[1] - shown[0]) / _STRIP

    def cell_of(u: float) -> int:
        return min(int((u - shown[0]) / cell), _STRIP - 1)

    marks = {cell_of(end) for end, last in zip((0.0, 1.0), shown, strict=True) if end != last}
    for k in range(_STRIP):
        if any(cell_of(u) == k for u in best):
            text.append("●", style="bold")
        elif k in marks:
            text.append("┊", style="bold")
        elif any(abs(shown[0] + (k + 0.5) * cell - centre) <= reach for centre in drawn):
            text.append("━", style="cyan")
        else:
            text.append("─", style="dim")
    return text


def _options(domain: Choice, chosen: Sequence[Scalar]) -> Text:
    text = Text()
    for option in domain.options:
        count = sum(same(option, value) for value in chosen)
        text.append("●" * count, style="bold")
        text.append(f"{option} ", style="bold" if count else "dim")
    return text


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
