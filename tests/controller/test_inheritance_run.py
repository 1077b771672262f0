"""A search whose draws start from the survivors' weights, killed while they do."""

import contextlib
import functools

import psutil
import pytest
from fused_search import STUDY, FusedSearch
from searches import until
from test_kill import victims

from hpsearch.controller import replay
from hpsearch.storage import view
from hpsearch.trainer import describe_in_child
from hpsearch.ui.terminal import tables
from hpsearch.workers import worker

HEIRS = (
    STUDY.replace("rounds: 2, trials: 6, survivors: 2", "rounds: 3, trials: 5, survivors: 2")
    .replace("survivors: 2", "survivors: 2, inherit: weights")
    .replace("growth: 2, ", "")
    .replace("top: 1, seeds: 2", "top: 1, seeds: 1")
    .replace("  momentum: {uniform: [0, 0.9]}", "  depth: [1, 2]")
)
FIRST_HEIRS = range(5, 10)


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """It has ended; while the first heirs trained, everything was killed."""
    search = FusedSearch(tmp_path_factory.mktemp("killed"), HEIRS)
    search.slow()
    controller = search.start()
    try:
        heirs = [search.trial(number) for number in FIRST_HEIRS]
        until(lambda: any(h.reports.exists() and h.last_report() for h in heirs), "a heir trains")
        for victim in victims(search, "everything", controller.pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()
        controller.wait()
        hit = [h for h in heirs if h.reports.exists() and not h.result.exists()]
        assert any(heir.inherited.exists() for heir in hit)
        search.fast()
        assert search.finish() == (0, "")
        search.wait_until_no_process_is_left()
    finally:
        search.kill()
    return view.read_snapshot(search.run.path)


def heirs(snapshot):
    return {
        trial.spec.number: trial.spec.weights_of
        for trial in snapshot.result.records
        if trial.spec.weights_of is not None
    }


def test_a_draw_starts_from_the_weights_of_the_survivor_that_it_was_made_around(killed, capsys):
    drawn = [t.spec for t in killed.result.records if t.spec.role == "draw"]
    assert [s.weights_of for s in drawn] == [killed.lineage(s.number).parent for s in drawn]
    assert len(heirs(killed)) >= 8
    [confirmation] = [t.spec for t in killed.result.records if t.spec.role == "confirm"]
    assert confirmation.weights_of is None
    tables.show_status(killed)
    assert f"weights   {len(heirs(killed))} trials start from those of a" in capsys.readouterr().out


def test_what_was_handed_down_is_gone_when_the_trials_have_ended(killed):
    assert list(killed.result.folder.glob("trials/*/inherited.pt")) == []


def test_every_heir_has_the_bits_that_it_has_when_its_line_is_trained_undisturbed(
    killed, monkeypatch
):
    # In this process, which has loaded torch already.
    monkeypatch.setattr(replay, "describe_in_child", functools.cache(describe_in_child))
    monkeypatch.setattr(replay, "_run_job", lambda job, *_: worker.run_job(job))
    of = heirs(killed)
    assert any(parent in of for parent in of.values())  # of the third generation
    for number in of:
        assert replay.replay_trial(killed.result.folder, number).is_same, number
