"""What a study would run, as `hpsearch check` prints it."""

from collections import Counter
from collections.abc import Sequence

from rich.table import Column, Table
from rich.text import Text

from hpsearch.study import Study, TrainerDescription, training_stages
from hpsearch.ui.formatting import domain_text, trainer_text, when_text
from hpsearch.ui.terminal.screen import console


def show(study: Study, devices: Sequence[str], description: TrainerDescription) -> None:
    """Print a study's plan; `devices` has the device of each slot."""
    objective = f"  {study.objective.direction} {study.objective.metric}"
    console.print(Text.assemble((study.name, "bold"), objective))
    console.print(
        f"trainer   {trainer_text(study)}  sha256 {description.sha256[:12]}", soft_wrap=True
    )
    table = Table("parameter", "scale", "range", "when", box=None, header_style="dim")
    for parameter in study.space:
        table.add_row(parameter.name, *domain_text(parameter), when_text(parameter))
    console.print(table)
    if study.fixed:
        console.print("fixed     " + ", ".join(f"{k}={v!r}" for k, v in study.fixed.items()))
    if study.loggers:
        console.print("loggers   " + ", ".join(logs.name for logs in study.loggers))
    _show_rounds(study)
    counts = Counter(devices).items()
    console.print("slots     " + ", ".join(f"{count} × {device}" for device, count in counts))


def _show_rounds(study: Study) -> None:
    headings = ("round", "draws", "continued", "confirmed", "steps each", "steps")
    columns = (Column(heading, justify="right") for heading in headings)
    table = Table(*columns, box=None, header_style="dim")
    stages = training_stages(study)
    for number, stage in enumerate(stages):
        table.add_row(
            "confirm" if stage.confirmed else str(number),
            str(stage.draws or ""),
            str(stage.continued or ""),
            str(stage.confirmed or ""),
            f"{stage.budget:,}",
            f"{stage.steps:,}",
        )
    console.print(table)
    trials, steps = sum(s.trials for s in stages), sum(s.steps for s in stages)
    console.print(f"total     {trials:,} trials, {steps:,} steps")
