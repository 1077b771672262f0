"""The picture of a running search in a terminal: rounds, places, leaders, tightening, time left."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from hpsearch.events import (
    ConfirmStarted,
    Event,
    LoggerFailed,
    OutOfTime,
    RoundStarted,
    SearchStarted,
    Stopping,
    TrialEnded,
    TrialFound,
    TrialRetried,
    TrialStarted,
)
from hpsearch.runfolder import RunFolder
from hpsearch.space import Choice, Scalar, same
from hpsearch.trial import Outcome, Spec

_PLACES_SHOWN = 8
_PARAMETERS_SHOWN = 12
_STRIP = 32  # characters of a parameter's range
# Viridis, dark for the worst: readable for the colour-blind and on light and dark ground.
_SHADES = ("#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30")


class LiveView:
    """Redraws itself four times a second while events come in.

    Args:
        console: where to draw; the standard output unless given.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._lock = threading.Lock()
        self._search: SearchStarted | None = None
        self._stages: list[RoundStarted | ConfirmStarted] = []
        self._trials: dict[int, tuple[Spec, Outcome | None]] = {}
        self._places: dict[int, tuple[Spec, float]] = {}
        self._notes: list[str] = []
        self._began = time.monotonic()
        self._steps_found = 0  # by earlier sessions
        self._steps_done = 0  # by this one
        # It draws at once, so everything else is there before it.
        self._live = Live(get_renderable=self.picture, refresh_per_second=4, console=console)

    def __enter__(self) -> "LiveView":
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def __call__(self, event: Event) -> None:
        with self._lock:
            self._take(event)

    def _take(self, event: Event) -> None:
        match event:
            case SearchStarted():
                self._search = event
                self._began = time.monotonic()
            case TrialFound():
                self._trials[event.spec.number] = (event.spec, event.outcome)
                self._steps_found += self._own_steps(event.spec)
            case RoundStarted() | ConfirmStarted():
                self._stages.append(event)
            case TrialStarted():
                self._trials[event.spec.number] = (event.spec, None)
                self._places[event.place] = (event.spec, time.monotonic())
            case TrialEnded():
                self._end(event)
            case TrialRetried():
                self._notes.append(f"trial {event.spec.number} was killed from outside; runs again")
            case Stopping():
                ending = "stopping now" if event.level == "now" else "stopping after running trials"
                self._notes.append(f"{ending}; Ctrl-C again ends them at their checkpoints")
            case OutOfTime():
                self._notes.append("limits.search_seconds is over; confirming what there is")
            case LoggerFailed():
                self._notes.append(f"{event.logger}: {event.message}")

    def _end(self, event: TrialEnded) -> None:
        self._trials[event.spec.number] = (event.spec, event.outcome)
        self._places = {
            p: (s, t) for p, (s, t) in self._places.items() if s.number != event.spec.number
        }
        self._steps_done += self._own_steps(event.spec)
        if event.outcome.state == "fail":
            reason = f"{event.outcome.reason}: {event.outcome.message}"
            self._notes.append(f"trial {event.spec.number} failed, {reason.splitlines()[0][:90]}")

    def _own_steps(self, spec: Spec) -> int:
        if spec.role != "continue" or spec.parent not in self._trials:
            return spec.budget
        return spec.budget - self._trials[spec.parent][0].budget

    def picture(self) -> RenderableType:
        """The search as it stands."""
        with self._lock:
            if self._search is None:
                return Text("loading the trainer ...", style="dim")
            parts: list[RenderableType] = [self._header(self._search), self._strips()]
            if self._places:
                parts.append(Text("\nplaces", style="dim"))
                parts.append(self._place_table(self._search))
            if leaders := self._leaders(3):
                parts.append(Text("\nleaders", style="dim"))
                parts.append(self._leader_table(self._search, leaders))
                parts.append(Text("\ntightening: ━ drawn from, ● leaders", style="dim"))
                parts.append(self._tightening(self._search, [spec for spec, _ in leaders]))
            parts += [Text(note, style="yellow") for note in self._notes[-3:]]
            return Group(*parts)

    def _header(self, search: SearchStarted) -> Text:
        text = Text(search.name, style="bold")
        text.append(f"  {search.direction} {search.metric}", style="none")
        spent = time.monotonic() - self._began
        text.append(f"  {_clock(spent)} gone{self._left(search, spent)}", style="dim")
        text.append(f"  {search.folder}", style="dim")
        return text

    def _left(self, search: SearchStarted, spent: float) -> str:
        """Time left, if the steps to come cost what those of this session did."""
        if not self._steps_done:
            return ""
        rest = max(0, sum(search.stages) - self._steps_found - self._steps_done)
        return f", about {_clock(spent / self._steps_done * rest)} left"

    def _strips(self) -> Table:
        table = Table(box=None, show_header=False, padding=(0, 1))
        for stage in self._stages:
            number = stage.round if isinstance(stage, RoundStarted) else None
            members = [
                (spec, outcome)
                for spec, outcome in self._trials.values()
                if number == (None if spec.role == "confirm" else spec.round)
            ]
            name = "confirm" if number is None else f"round {number}"
            table.add_row(name, self._cells(members), self._summary(members))
        return table

    def _cells(self, members: Sequence[tuple[Spec, Outcome | None]]) -> Text:
        """One cell a trial: shaded by rank within the round, brighter is better."""
        values = self._sorted_values(members)
        text = Text()
        for spec, outcome in sorted(members, key=lambda member: member[0].index):
            if outcome is None:
                text.append("▸", style="bold")
            elif outcome.value is None:
                text.append("×", style="red")
            else:
                rank = values.index(outcome.value) / max(1, len(values) - 1)
                shade = _SHADES[round((1 - rank) * (len(_SHADES) - 1))]
                text.append("◆" if spec.role == "continue" else "■", style=shade)
        return text

    def _summary(self, members: Sequence[tuple[Spec, Outcome | None]]) -> Text:
        values = self._sorted_values(members)
        if not values:
            return Text("")
        middle = (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2
        return Text(f"best {values[0]:.4g}  median {middle:.4g}", style="dim")

    def _sorted_values(self, members: Sequence[tuple[Spec, Outcome | None]]) -> list[float]:
        """Finished values, best first."""
        values = [o.value for _, o in members if o is not None and o.value is not None]
        return sorted(
            values, reverse=self._search is not None and self._search.direction == "maximize"
        )

    def _place_table(self, search: SearchStarted) -> Table:
        table = Table(box=None, show_header=False, padding=(0, 1))
        folder = RunFolder(Path(search.folder))
        for place, (spec, since) in sorted(self._places.items())[:_PLACES_SHOWN]:
            reports = folder.trial(spec.number).read_reports()
            step = reports[-1].step if reports else 0
            value = reports[-1].metrics.get(search.metric) if reports else None
            filled = round(20 * min(1.0, step / spec.budget))
            bar = Text("━" * filled, style="cyan") + Text("━" * (20 - filled), style="dim")
            said = "" if value is None else f"{search.metric} {value:.4g}"
            table.add_row(
                search.places[place],
                f"trial {spec.number}",
                spec.role,
                bar,
                f"{step:,}/{spec.budget:,}",
                said,
                _clock(time.monotonic() - since),
            )
        if len(self._places) > _PLACES_SHOWN:
            table.add_row("", f"and {len(self._places) - _PLACES_SHOWN} more")
        return table

    def _leaders(self, count: int) -> list[tuple[Spec, Outcome]]:
        """The best finished trials of the largest budget reached."""
        finished = [
            (spec, outcome)
            for spec, outcome in self._trials.values()
            if outcome is not None and outcome.value is not None and spec.role != "confirm"
        ]
        if not finished or self._search is None:
            return []
        budget = max(spec.budget for spec, _ in finished)
        sign = 1 if self._search.direction == "minimize" else -1
        comparable = [(s, o) for s, o in finished if s.budget == budget]
        return sorted(
            comparable, key=lambda member: (sign * (member[1].value or 0.0), member[0].number)
        )[:count]

    def _leader_table(
        self, search: SearchStarted, leaders: Sequence[tuple[Spec, Outcome]]
    ) -> Table:
        table = Table(box=None, show_header=False, padding=(0, 1))
        for spec, outcome in leaders:
            params = " ".join(
                f"{k}={v:.3g}" if isinstance(v, float) else f"{k}={v}"
                for k, v in spec.params.items()
            )
            table.add_row(
                f"trial {spec.number}",
                f"{search.metric} {outcome.value:.4g}",
                Text(params, style="dim", overflow="ellipsis", no_wrap=True),
            )
        return table

    def _tightening(self, search: SearchStarted, leaders: Sequence[Spec]) -> Table:
        """Where in each parameter's range this round draws (thick) and the leaders lie (●)."""
        table = Table(box=None, show_header=False, padding=(0, 1))
        last = [stage for stage in self._stages if isinstance(stage, RoundStarted)][-1]
        parents = [self._trials[n][0] for n in last.survivors if n in self._trials]
        for j, parameter in enumerate(search.space.parameters[:_PARAMETERS_SHOWN]):
            name, domain = parameter.name, parameter.domain
            if isinstance(domain, Choice):
                chosen = [spec.params[name] for spec in leaders if name in spec.params]
                table.add_row(name, "", _options(domain, chosen))
                continue
            drawn = [spec.unit[j] for spec in parents if name in spec.params]
            best = [spec.unit[j] for spec in leaders if name in spec.params]
            reach = last.width * last.evidence[name] if last.survivors else 1.0
            strip = _strip(drawn if last.survivors else [0.5], reach, best)
            strip.append(f" {domain.high:g}", style="dim")
            table.add_row(name, Text(f"{domain.low:g}", style="dim", justify="right"), strip)
        return table


def _strip(drawn: Sequence[float], reach: float, best: Sequence[float]) -> Text:
    """A range: thick within `reach` of a coordinate in `drawn`, a dot at each in `best`."""
    text = Text()
    for k in range(_STRIP):
        if any(min(int(u * _STRIP), _STRIP - 1) == k for u in best):
            text.append("●", style="bold")
        elif any(abs((k + 0.5) / _STRIP - centre) <= reach for centre in drawn):
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
