"""A search whose draws start from the survivors' weights, undisturbed and killed."""

import contextlib

import psutil
import pytest
from fused_search import STUDY, FusedSearch
from searches import until
from test_kill import victims

from hpsearch import view
from hpsearch.replay import replay

HEIRS = (
    STUDY.replace("rounds: 2, trials: 6, survivors: 2", "rounds: 3, trials: 5, survivors: 2")
    .replace("survivors: 2", "survivors: 2, inherit: weights")
    .replace("growth: 2, ", "")
    .replace("  momentum: {uniform: [0, 0.9]}", "  depth: [1, 2]")
)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    search = FusedSearch(tmp_path_factory.mktemp("undisturbed"), HEIRS)
    assert search.finish() == (0, "")
    return search


def heirs(search):
    records = view.read(search.run.path).result.records
    return [trial for trial in records if trial.spec.weights_of is not None]


def test_a_draw_starts_from_the_weights_of_the_survivor_that_it_was_made_around(undisturbed):
    snapshot = view.read(undisturbed.run.path)
    drawn = [t.spec for t in snapshot.result.records if t.spec.role == "draw"]
    assert [s.weights_of for s in drawn] == [snapshot.lineage(s.number).parent for s in drawn]
    others = [t.spec for t in snapshot.result.records if t.spec.role != "draw"]
    assert len(others) == 2 and {spec.weights_of for spec in others} == {None}
    assert undisturbed.spec(14).weights_of == drawn[14].weights_of
    number = heirs(undisturbed)[0].spec
    said = undisturbed.ask("trials").stdout
    assert f"draw, weights of {number.weights_of}" in " ".join(said.split())
    assert (
        f"weights   {len(heirs(undisturbed))} trials start from" in undisturbed.ask("status").stdout
    )


def test_what_was_handed_down_is_gone_when_the_trials_have_ended(undisturbed):
    assert list(undisturbed.run.path.glob("trials/*/inherited.pt")) == []


def test_the_heir_of_a_heir_replayed_gives_the_same_bits(undisturbed):
    of = {trial.spec.number: trial.spec.weights_of for trial in heirs(undisturbed)}
    grandchild = next(number for number, parent in of.items() if parent in of)
    assert replay(undisturbed.run.path, grandchild).is_same


def test_heirs_that_are_killed_end_the_same(undisturbed, tmp_path):
    search = FusedSearch(tmp_path, HEIRS)
    search.slow()
    controller = search.start()
    try:
        waiting = [trial.spec.number for trial in heirs(undisturbed)]
        first = search.trial(waiting[0])
        until(lambda: first.reports.exists() and first.last_report(), "a heir trains")
        for victim in victims(search, "everything", controller.pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()
        controller.wait()
        assert first.inherited.exists() and not first.result.exists()
        search.fast()
        assert search.finish() == (0, "")
        assert search.digest() == undisturbed.digest()
        search.wait_until_no_process_is_left()
    finally:
        search.kill()
