"""`hpsearch check --fusion`: which trials would train in one loop, why not more, what it saves."""

from collections.abc import Sequence
from pathlib import Path

from rich.table import Column, Table
from rich.text import Text

from hpsearch.controller import ForecastGroup, RoundForecast, device_slots, forecast_groups
from hpsearch.method import Shape
from hpsearch.storage import RunFolder, read_snapshot
from hpsearch.study import Study, TrainerDescription
from hpsearch.trial import Trial
from hpsearch.ui.terminal.screen import console
from hpsearch.workers import fused_step_cost, fusion_mode, fusion_obstacles

_SOURCES = {
    "sure": "as it will be",
    "random": "around survivors of random rankings; mean of 20",
    "recorded": "as recorded",
}
_KINDS = {"function": "a function", "command": "a command"}


def show(study: Study, description: TrainerDescription, runs: Path) -> None:
    """Print a study's groups, round by round, and whether its trainer can train them.

    Args:
        study: the study.
        description: the description of its trainer.
        runs: the folder of run folders; if the study has run there, its recorded rounds are shown.
    """
    if description.kind != "trainer":
        console.print(
            f"fusion    none: {_KINDS[description.kind]} trains each trial in its own process"
        )
        return
    mode, why = fusion_mode(study, description, device_slots(study, description.gpus)[0])
    if mode == "off":
        console.print(f"fusion    none: {why or 'the study says fuse: off'}", soft_wrap=True)
        return
    rounds = forecast_groups(study, description, _recorded(study, runs))
    _show_rounds(rounds)
    for number in [0, *(r.round for r in rounds if r.round and r.source == "recorded")]:
        _show_groups(rounds[number])
    trials, loops = sum(r.trials for r in rounds), sum(r.count for r in rounds)
    console.print(
        f"saves     {trials} trials train in {loops:.0f} loops, not in {trials} processes: about "
        f"{_speedup(study, rounds):.1f} times faster on a CPU if the networks are as small as an "
        "MLP 64-128-10; larger ones gain less",
        soft_wrap=True,
    )
    _show_refusals(study, rounds)


def _speedup(study: Study, rounds: Sequence[RoundForecast]) -> float:
    """Training time of the trials one by one, relative to that in groups.

    An upper bound: reports and checkpoints gain nothing, wide networks less.
    """
    alone = fused = 0.0
    for each in rounds:
        sizes = [len(group.specs) for group in each.groups]
        alone += study.budget.at(each.round) * sum(sizes)
        fused += study.budget.at(each.round) * sum(map(fused_step_cost, sizes))
    return alone / fused


def _recorded(study: Study, runs: Path) -> Sequence[Trial]:
    folder = RunFolder(runs / study.name)
    return read_snapshot(folder.path).result.records if folder.database.exists() else ()


def _show_rounds(rounds: Sequence[RoundForecast]) -> None:
    headings = ("round", "trials", "groups", "average trial's")
    numbers = [Column(heading, justify="right") for heading in headings]
    table = Table(*numbers, "splits most", "drawn", box=None, header_style="dim")
    for each in rounds:
        table.add_row(
            str(each.round),
            str(each.trials),
            f"{each.count:.3g}",
            f"{each.mean:.1f}",
            split_text(each),
            _SOURCES[each.source],
        )
    console.print(table)


def split_text(each: RoundForecast) -> str:
    """The parameter that splits a round most, and the mean group size of a trial without it."""
    if each.count == 1:
        return "nothing"
    for name, size in each.without.items():
        if size >= each.mean + 0.05:
            return f"{name} ({size:.1f} without it)"
    return "several together"


def _show_groups(each: RoundForecast) -> None:
    headings = (Column("group of", justify="right"), "shares", "trials")
    table = Table(*headings, box=None, header_style="dim")
    table.title, table.title_justify = f"round {each.round}", "left"
    for group in each.groups:
        numbers = " ".join(str(spec.number) for spec in group.specs)
        table.add_row(str(len(group.specs)), shape_text(group.shape), numbers)
    console.print(table)


def shape_text(shape: Shape) -> str:
    return ", ".join(f"{name}={value}" for name, value in shape.values.items())


def _show_refusals(study: Study, rounds: Sequence[RoundForecast]) -> None:
    """Print which structures cannot be trained in one loop, by reason."""
    distinct: dict[str, ForecastGroup] = {}
    for each in rounds:
        for group in each.groups:
            distinct.setdefault(group.shape.key, group)
    groups = list(distinct.values())
    # Two members suffice to tell whether vmap accepts them.
    pairs = [(g.shape, [spec.params for spec in g.specs[:2]]) for g in groups]
    reasons: dict[str, list[Shape]] = {}
    for group, reason in zip(groups, fusion_obstacles(study, pairs), strict=True):
        if reason is not None:
            reasons.setdefault(reason, []).append(group.shape)
    for reason, shapes in reasons.items():
        which = "all" if len(shapes) == len(groups) else f"{len(shapes)} of {len(groups)}"
        refused = f"   {which} structures, such as {shape_text(shapes[0])}: {reason}"
        console.print(Text.assemble(("refused", "red"), refused), soft_wrap=True)
    if not reasons:
        console.print(f"tried     each of the {len(groups)} structures above can train in one loop")
