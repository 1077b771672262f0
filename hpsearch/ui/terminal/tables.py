"""What the command line prints: a study's plan, a search's state, its trials and its winner."""

from rich.table import Table
from rich.text import Text

from hpsearch.storage import (
    PendingRequests,
    Result,
    RunFolder,
    Snapshot,
    Winner,
    mean_step_seconds,
    state_of,
    value_of,
)
from hpsearch.trial import Trial
from hpsearch.ui import figures
from hpsearch.ui.formatting import params_text
from hpsearch.ui.terminal.screen import console


def show_status(snapshot: Snapshot) -> None:
    """Where a search stands, and what it has been asked to do."""
    result = snapshot.result
    holder = snapshot.holder
    at_work = f" (process {holder['pid']} on {holder['host']})" if holder else ""
    state = f"  {snapshot.state}{at_work}  {result.folder}"
    console.print(Text.assemble((result.name, "bold"), state))
    _show_round_table(snapshot)
    for members in snapshot.running_groups:
        if len(members) > 1:
            console.print(f"running   a group of {len(members)} on {members[0].device}")
        for running in members:
            value = running.metrics.get(result.metric)
            said = "" if value is None else f"  {result.metric} {value:.5g}"
            step = f"step {running.step:,} of {running.budget:,}"
            console.print(f"running   trial {running.number}: {step}{said}")
    if heirs := sum(t.spec.weights_of is not None for t in snapshot.searched):
        console.print(f"weights   {heirs:,} trials start from those of a survivor")
    if asked := _asked(snapshot.pending):
        console.print("asked     " + "; ".join(asked), soft_wrap=True)
    for reason, trials in snapshot.failures().items():
        numbers = ", ".join(str(trial.spec.number) for trial in trials[:10])
        console.print(f"failed    {len(trials)} × {reason}: trial {numbers}")
    if snapshot.foreign:
        console.print(f"ignored   {snapshot.foreign} trials that another program added to study.db")
    show_bounds(snapshot)
    show_result(result, brief=True)


def _asked(pending: PendingRequests) -> list[str]:
    asked = [f"trial {number} is stopped" for number in pending.cancel]
    asked += [f"trial {number} is trained again" for number in pending.reruns]
    if pending.paused:
        asked.append("paused")
    if pending.end_after is not None:
        asked.append(f"no round after round {pending.end_after}")
    if pending.rounds is not None:
        asked.append(f"{pending.rounds} rounds in all")
    if pending.stop is not None:
        asked.append("stopping" if pending.stop == "drain" else "stopping now")
    return asked


def _show_round_table(snapshot: Snapshot) -> None:
    table = Table(box=None, header_style="dim")
    for heading in ("round", "steps", "width", "done", "failed", "best", "median", "drawn around"):
        table.add_column(heading, justify="left" if heading == "drawn around" else "right")
    for stage in snapshot.rounds:
        table.add_row(
            f"{stage.round} of {snapshot.plan.rounds}",
            f"{stage.budget:,}",
            f"{stage.width:.3f}{' surrogate' * bool(stage.surrogate)}" if stage.round else "prior",
            f"{stage.done}/{stage.trials}",
            str(stage.failed),
            "" if stage.best is None else f"{stage.best:.5g}",
            "" if stage.median is None else f"{stage.median:.5g}",
            " ".join(str(number) for number in stage.parents),
        )
    console.print(table)


def show_trials(result: Result, *, round: int | None, by_value: bool, limit: int | None) -> None:
    chosen = [t for t in result.records if round is None or t.spec.round == round]
    if by_value:
        finished = [t for t in chosen if value_of(t) is not None]
        chosen = sorted(finished, key=result.direction.key)
    table = Table(box=None, header_style="dim")
    headings = ("trial", "round", "role", "state", result.metric, "steps", "s", "ms/step")
    for heading in (*headings, "parameters"):
        table.add_column(heading, overflow="fold")
    folder = RunFolder(result.folder)
    for trial in chosen[:limit]:
        table.add_row(
            *_trial_cells(trial, mean_step_seconds(folder.trial(trial.spec.number).read_reports()))
        )
    console.print(table)


def _trial_cells(trial: Trial, step: float | None) -> tuple[str, ...]:
    spec, outcome = trial.spec, trial.outcome
    role = spec.role if spec.parent is None else f"{spec.role} {spec.parent}"
    if spec.weights_of is not None:
        role += f", weights of {spec.weights_of}"
    state = state_of(trial) + (f" ({outcome.reason})" if outcome and outcome.reason else "")
    value = value_of(trial)
    return (
        str(spec.number),
        str(spec.round),
        role,
        state,
        "" if value is None else f"{value:.5g}",
        f"{outcome.steps:,}" if outcome else "",
        f"{outcome.seconds:.1f}" if outcome else "",
        "" if step is None else f"{1000 * step:.3g}",
        params_text(spec.params),
    )


def show_result(result: Result, *, brief: bool) -> None:
    """The confirmed winner and who else was nearly as good, or the best so far."""
    winner = result.best
    if winner is None:
        if (trial := result.best_trial) is not None:
            console.print(
                f"best      trial {trial.spec.number}: {result.metric} {value_of(trial):.5g} "
                f"(one run, not confirmed)  {params_text(trial.spec.params)}"
            )
        return
    if not brief and len(result.winners) > 1:
        console.print(_winners_table(result))
    count = winner.confirmed.count
    line = f"winner    trial {winner.number}: {result.metric} {winner.confirmed} over {count} seeds"
    console.print(Text.assemble((line, "bold"), f"  (searched {winner.searched:.4g})"))
    others = [f"{k} {v}" for k, v in winner.metrics.items() if k != result.metric]
    if others:
        console.print("          " + ", ".join(others))
    console.print("          " + params_text(winner.params))


def show_bounds(snapshot: Snapshot) -> None:
    """A line for each parameter whose survivors find its range too narrow, or have left it."""
    for found in figures.at_bound(snapshot):
        console.print(f"narrow?   {found}", soft_wrap=True)
    for left in figures.beyond_range(snapshot):
        console.print(f"beyond    {left}", soft_wrap=True)


def _winners_table(result: Result) -> Table:
    table = Table(box=None, header_style="dim")
    for heading in ("trial", "searched", f"{result.metric} over seeds", "failed", "parameters"):
        table.add_column(heading, overflow="fold")
    for winner in result.winners:
        table.add_row(*_winner_cells(winner))
    return table


def _winner_cells(winner: Winner) -> tuple[str, ...]:
    return (
        str(winner.number),
        f"{winner.searched:.5g}",
        str(winner.confirmed),
        str(winner.failures),
        params_text(winner.params),
    )
