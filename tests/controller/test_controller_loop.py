"""The loop as a whole, on searches of a second: limits, directions, provenance, the picture."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from toys import STUDY

import hpsearch
from hpsearch.errors import ChangedError
from hpsearch.events import OutOfTime, RoundStarted, TrialStarted
from hpsearch.ui.terminal.live import LiveView

Toy = Callable[..., Path]


def test_when_time_is_up_the_winners_so_far_are_confirmed_and_the_rest_can_follow(
    toy: Toy, tmp_path: Path
) -> None:
    study, events = toy(), []
    short = hpsearch.search(
        study, runs=tmp_path, overrides=["limits.search_seconds=0.001"], watch=events.append
    )
    assert [type(e) for e in events if isinstance(e, RoundStarted | OutOfTime)] == [
        RoundStarted,
        OutOfTime,
    ]
    assert len(short.rounds) == 1 and short.best is not None
    assert {t.spec.budget for t in short.records} == {4}
    whole = hpsearch.search(study, runs=tmp_path)
    assert [record.budget for record in whole.rounds] == [4, 8]
    assert whole.best is not None
    assert whole.records[whole.best.trials[0]].spec.budget == 8
    assert len(whole.records) == 6 + 4 + 6 + 4
    before = [(t.spec.number, t.outcome) for t in short.records]
    assert [(t.spec.number, t.outcome) for t in whole.records[:10]] == before


def test_a_maximized_objective_keeps_the_largest(toy: Toy, tmp_path: Path) -> None:
    study = toy(STUDY.replace("minimize: loss", "maximize: accuracy"))
    result = hpsearch.search(study, runs=tmp_path)
    first = [t for t in result.records if t.spec.round == 0 and t.spec.role == "draw"]
    best = sorted(first, key=lambda t: -t.outcome.value)[:2]  # type: ignore[union-attr,operator]
    assert list(result.rounds[1].survivors) == [t.spec.number for t in best]
    assert [w.confirmed.mean for w in result.winners] == sorted(
        (w.confirmed.mean for w in result.winners), reverse=True
    )


def test_values_of_unlike_provenance_are_refused_until_it_is_restored(
    toy: Toy, tmp_path: Path
) -> None:
    trainer = """
import pathlib
def train(run):
    run.provenance["judge"] = pathlib.Path(__file__).with_name("judge").read_text()
    run.report(1, loss=run.hp.x)
"""
    study = toy(trainer=trainer)
    judge = study.parent / "judge"
    judge.write_text("A")
    hpsearch.search(study, runs=tmp_path, overrides=["search.rounds=1"])
    judge.write_text("B")
    with pytest.raises(
        ChangedError, match=r"measured loss with \{'judge': 'B'\}, trial 0 with"
    ) as e:
        hpsearch.search(study, runs=tmp_path)
    judge.write_text("A")
    # The message names the results to delete; both places may have measured with B.
    for result in tmp_path.glob("toy/trials/*/result.json"):
        if '"B"' in result.read_text():
            result.unlink()
    assert "delete" in str(e.value)
    done = hpsearch.search(study, runs=tmp_path)
    found = {t.outcome.provenance["judge"] for t in done.records if t.outcome}
    assert found == {"A"}


def test_the_picture_of_a_search_that_goes_on_shows_what_was_done_before(
    toy: Toy, tmp_path: Path
) -> None:
    study = toy()
    hpsearch.search(study, runs=tmp_path, overrides=["search.rounds=1"])
    console = Console(file=io.StringIO(), width=120)
    view = LiveView(console)
    pictures: list[str] = []

    def watch(event: object) -> None:
        view(event)  # type: ignore[arg-type]
        if isinstance(event, TrialStarted) and not pictures:
            with console.capture() as capture:
                console.print(view.picture())
            pictures.append(capture.get())

    hpsearch.search(study, runs=tmp_path, watch=watch)
    view.close()
    [picture] = pictures
    assert "round 0  ■■■■■■" in picture
    assert re.search("round 1  [▸·]{6}", picture)
    assert "leaders" in picture and "tightening" in picture
