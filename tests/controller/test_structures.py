"""`search: {structures: N}`: draws of a round that share a structure."""

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from searches import Search
from toys import CLASS

from hpsearch import method
from hpsearch.controller.trial_table import TrialTable
from hpsearch.method.block_marginals import share_block_marginals
from hpsearch.method.initial_design import initial_points
from hpsearch.method.marginals import round_marginals
from hpsearch.method.ranking import Row
from hpsearch.method.structure import Alike, Padded, shape_of
from hpsearch.method.structure_blocks import (
    Blocks,
    assign_leaders,
    follow,
    shared_structure,
    signature,
)
from hpsearch.space import Choice, Condition, Int, Logint, Loguniform, Parameter, Space, Uniform
from hpsearch.storage import view
from hpsearch.storage.lineage import trace_lineage
from hpsearch.storage.round_record import RoundRecord
from hpsearch.study.load import load_study
from hpsearch.study.schema import Study
from hpsearch.trial import Outcome, Trial
from hpsearch.ui.figures.tightening import tightening

SPACE = Space(
    (
        Parameter("lr", Loguniform(1e-5, 1e-2)),
        Parameter("penalty", Choice(("none", "gradient", "r1", "spectral"))),
        Parameter("weight", Loguniform(0.1, 100), (Condition("penalty", ("gradient", "r1")),)),
        Parameter("arch", Choice(("mlp", "net"))),
        Parameter("depth", Int(1, 5), (Condition("arch", ("mlp",)),)),
        Parameter("width", Logint(16, 128)),
        Parameter("batch", Choice((16, 32, 64, 128))),
        Parameter("rate", Uniform(0, 1)),
        Parameter("slope", Uniform(0, 1), (Condition("rate_kind", ("on",)),)),
        Parameter("rate_kind", Choice(("on", "off"))),
    )
)
DEFAULTS = {
    "lr": 1.0, "penalty": "none", "weight": 1.0, "arch": "mlp", "depth": 1, "width": 64,
    "batch": 32, "rate": 0.5, "slope": None, "rate_kind": "off",
}  # fmt: skip
ENTRIES = (
    "depth", "arch", "rate", "penalty", "width", "batch", Padded("width", 3), Padded("batch", 2),
    Padded("depth", 2), Alike("penalty", ("gradient", "r1")),
)  # fmt: skip
STRUCTURE = ("depth", Padded("width"), Alike("penalty", ("gradient", "r1")))
SHARED = shared_structure(STRUCTURE, SPACE, DEFAULTS)


def structures() -> st.SearchStrategy[tuple[object, ...]]:
    def names(entries: list[object]) -> tuple[object, ...]:
        return tuple({e if isinstance(e, str) else e.name: e for e in entries}.values())  # type: ignore[attr-defined]

    return st.lists(st.sampled_from(ENTRIES), min_size=1).map(names)


def table(seed: int, count: int = 25) -> list[Row]:
    generator = random.Random(seed)
    return [
        Row(n, generator.random(), tuple(generator.random() for _ in SPACE), 100)
        for n in range(count)
    ]


def places(rows: list[Row], round: int, blocks: Blocks, **more: object) -> list[method.Proposal]:
    tightened = method.tighten(SPACE, rows, round=round, survivors=3)
    given = {"seed": 0, "trials": 25, "continued": round > 0} | more
    plan = method.RoundPlan(round=round, blocks=blocks, **given)  # type: ignore[arg-type]
    return method.propose(SPACE, tightened, plan)


def test_what_decides_whether_a_structural_parameter_exists_is_shared_as_it_is() -> None:
    # `slope` is none where it is inactive, so what it hangs on is shared though it is not.
    assert (
        Alike("penalty", ("gradient", "r1")), "arch", "depth", Padded("width"), "rate_kind",
    ) == SHARED  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(structures(), st.integers(1, 6), st.integers(0, 3), st.integers(0, 999))
def test_the_draws_of_a_round_have_no_more_shapes_than_the_study_says(
    structure: tuple[object, ...], count: int, round: int, seed: int
) -> None:
    shared = shared_structure(structure, SPACE, DEFAULTS)  # type: ignore[arg-type]
    made = places(table(seed), round, Blocks(count, shared), seed=seed)
    keys = set()
    for place in made:
        assert all(0 <= u <= 1 for u in place.unit)
        params = SPACE.decode(place.unit)
        for parameter in SPACE:
            if parameter.name in params:
                assert parameter.domain.contains(params[parameter.name])
        if place.role == "draw":
            keys.add(shape_of(params, {}, DEFAULTS, structure, SPACE).key)  # type: ignore[arg-type]
    assert len(keys) <= count


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(ENTRIES), st.data())
def test_a_follower_has_its_leaders_structure(entry: object, data: st.DataObject) -> None:
    shared = shared_structure((entry,), SPACE, DEFAULTS)  # type: ignore[arg-type]
    unit = st.lists(st.floats(0, 1), min_size=len(SPACE), max_size=len(SPACE))
    point, lead = data.draw(unit), data.draw(unit)
    found = follow(SPACE, shared, point, lead)
    assert signature(SPACE, shared, found) == signature(SPACE, shared, lead)
    assert follow(SPACE, shared, found, lead) == found


def test_a_follower_keeps_everything_but_the_structure() -> None:
    rows = table(1)
    names = {e if isinstance(e, str) else e.name for e in SHARED}
    free = [j for j, name in enumerate(SPACE.names) if name not in names]
    for round in (0, 2):
        alone = places(rows, round, Blocks())
        for a, b in zip(alone, places(rows, round, Blocks(3, SHARED)), strict=True):
            assert (a.index, a.role, a.seed, a.parent) == (b.index, b.role, b.seed, b.parent)
            assert [a.unit[j] for j in free] == [b.unit[j] for j in free]


def test_a_follower_keeps_its_place_within_the_leaders_class() -> None:
    space = Space((Parameter("width", Logint(32, 128)), Parameter("kind", Choice(tuple("abcd")))))
    shared = (Padded("width", 2), Alike("kind", ("a", "c")))

    def params(point: list[float], lead: list[float]) -> dict[str, object]:
        return dict(space.decode(follow(space, shared, point, lead)))

    narrow, wide, b, c = 0.3, 0.9, 0.3, 0.6
    own = space.decode((narrow, c))["width"]
    assert params([narrow, c], [0.1, 0.1]) == {"width": own, "kind": "c"}  # of the class already
    # Sizes are 64 and 128, and 64 owns the scale up to a little above its middle.
    widths = [params([u, b], [wide, c])["width"] for u in (0.0, 0.1, 0.3, 0.5)]
    assert widths[0] == 65 and widths == sorted(widths) and widths[-1] >= 126  # type: ignore[type-var,operator]
    # The upper half of `b` is the upper half of `a` and `c` together, which is `c`.
    assert [params([0, u], [wide, c])["kind"] for u in (0.26, 0.49)] == ["a", "c"]
    assert params([wide, 0.8], [narrow, b])["kind"] == "b"


def test_the_leaders_of_round_0_fill_the_space_of_structures() -> None:
    space = Space((Parameter("depth", Int(1, 5)), Parameter("lr", Uniform(0, 1)),
                   Parameter("kind", Choice(tuple("abcde")))))  # fmt: skip
    blocks = Blocks(5, ("depth", "kind"))
    points = initial_points(space, 7, 25, blocks=blocks)
    found = Counter(tuple(space.decode(p)[name] for name in ("depth", "kind")) for p in points)
    assert set(found.values()) == {5}
    assert {depth for depth, _ in found} == set(range(1, 6))
    assert {kind for _, kind in found} == set("abcde")
    # The other parameter is as even over all trials as without blocks.
    assert [p[1] for p in points] == [p[1] for p in initial_points(space, 7, 25)]


def test_start_configurations_stay_and_lead() -> None:
    blocks = Blocks(3, SHARED)
    start = [{"arch": "mlp", "depth": 4, "width": 20}, {"lr": 1e-4}]
    points = initial_points(SPACE, 0, 9, start, blocks)
    params = [SPACE.decode(point) for point in points]
    assert params[0]["depth"] == 4 and params[0]["width"] == 20
    assert params[1]["lr"] == pytest.approx(1e-4)
    for i, point in enumerate(points):
        assert signature(SPACE, SHARED, point) == signature(SPACE, SHARED, points[i % 3])


def test_the_best_survivor_leads_one_block_and_new_structures_the_others() -> None:
    rows = table(4)
    for count in (1, 2, 3, 5):
        made = places(rows, 1, Blocks(count, SHARED))
        kept = [signature(SPACE, SHARED, p.unit) for p in made if p.role == "continue"]
        drawn = Counter(signature(SPACE, SHARED, p.unit) for p in made if p.role == "draw")
        assert len(drawn) == count
        assert count == 1 or kept[0] in drawn
        together = Counter([*drawn.elements(), *(key for key in kept if key in drawn)])
        assert max(together.values()) - min(together.values()) <= 1


def test_draws_that_bring_no_new_structure_share_those_there_are() -> None:
    same = [(0.1,) * len(SPACE)] * 4
    assert assign_leaders(SPACE, Blocks(3, SHARED), same[:1], 1, same) == [0, 0, 0, 0]
    assert assign_leaders(SPACE, Blocks(1, SHARED), same[:1], 1, same) == [1, 1, 1, 1]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.randoms(use_true_random=False))
def test_blocks_do_not_depend_on_the_order_of_completion(seed: int, shuffle: random.Random) -> None:
    rows = table(seed)
    before = places(rows, 1, Blocks(3, SHARED))
    shuffle.shuffle(rows)
    assert places(rows, 1, Blocks(3, SHARED)) == before


STUDY = """\
study: toy
trainer: trainer.py:Net
objective: {minimize: loss}
search: {rounds: 3, trials: 10, survivors: 2, structures: [4, 2]}
budget: {steps: 4, growth: 2}
space:
  depth: {int: [1, 4]}
  width: {logint: [16, 128]}
  lr: {uniform: [0, 1]}
"""
NET = """
class Net:
    defaults = {"depth": 1, "width": 32, "lr": 0.1}
    structure = ("depth", "width")
"""


@pytest.fixture
def study(toy: Callable[..., Path]) -> Study:
    return load_study(toy(STUDY, NET))


def searched(study: Study, shared: tuple[object, ...]) -> tuple[list[RoundRecord], list[Trial]]:
    made = TrialTable(study, [], shared)  # type: ignore[arg-type]
    records = []
    for round in range(3):
        record, specs = made.round_specs(round)
        records.append(record)
        for spec in specs:
            made.put(Trial(spec, Outcome("complete", float(spec.unit[2]), {})))
    return records, list(made)


def test_rounds_follow_the_studys_numbers_the_last_holding_on(study: Study) -> None:
    shared = ("depth", Padded("width"))
    records, trials = searched(study, shared)
    assert [record.blocks.count for record in records] == [4, 2, 2]
    for round, most in enumerate((4, 2, 2)):
        drawn = [t.spec.unit for t in trials if t.spec.round == round and t.spec.role == "draw"]
        assert len({signature(study.space, shared, unit) for unit in drawn}) <= most


def test_a_rounds_record_keeps_its_blocks(study: Study) -> None:
    records, _ = searched(study, ("depth", Padded("width")))
    alike = replace(records[0], blocks=Blocks(2, (Alike("kind", ("a", "b")),)))
    for record in (*records, alike):
        assert RoundRecord.from_record(json.loads(json.dumps(asdict(record)))) == record
    old = asdict(records[0]) | {"survivors": []}
    del old["blocks"]
    assert not RoundRecord.from_record(old).blocks


def test_a_followers_structure_comes_from_whoever_leads_it(study: Study) -> None:
    records, trials = searched(study, ("depth", "width"))
    by_number = {t.spec.number: t for t in trials}
    survivors = [by_number[n] for n in records[1].survivors]
    drawn = [t for t in trials if t.spec.round == 1 and t.spec.role == "draw"]
    found = [trace_lineage(study, records[1], survivors, t) for t in drawn]
    led = [t for t in drawn if t.spec.unit[:2] == survivors[0].spec.unit[:2]]
    assert 0 < len(led) < len(drawn)
    for trial, ancestry in zip(drawn, found, strict=True):
        if trial in led:
            assert ancestry.donors["depth"] == ancestry.donors["width"] == records[1].survivors[0]
        if ancestry.parent is not None:
            assert ancestry.donors["lr"] in records[1].survivors
    assert any(ancestry.parent is not None for ancestry in found)


def test_a_lineage_that_the_study_no_longer_gives_is_unknown(study: Study) -> None:
    records, trials = searched(study, ("depth", "width"))
    by_number = {t.spec.number: t for t in trials}
    survivors = [by_number[n] for n in records[1].survivors]
    last = [t for t in trials if t.spec.round == 1][-1]
    fewer = replace(study, search=replace(study.search, trials=5))
    assert trace_lineage(fewer, records[1], survivors, last).parent is None
    gone = replace(records[1], blocks=Blocks(2, ("no such",)))
    assert trace_lineage(study, gone, survivors, last).parent is None


def test_the_figure_of_a_structural_parameter_says_what_its_draws_have() -> None:
    rows = table(2)
    made = [p for p in places(rows, 1, Blocks(3, SHARED)) if p.role == "draw"]
    tightened = method.tighten(SPACE, rows, round=1, survivors=3)
    before = dict(zip(SPACE.names, round_marginals(SPACE, tightened), strict=True))
    found = share_block_marginals(SPACE, SHARED, [p.unit for p in made], before)
    params = [SPACE.decode(p.unit) for p in made]
    for name, marginal in found.items():
        assert sum(marginal.mass) == pytest.approx(1)
        if SPACE.parameters[SPACE.names.index(name)].when:
            assert marginal.active == pytest.approx(np.mean([name in p for p in params]))
    assert found["lr"] == before["lr"]
    arches = Counter(p["arch"] for p in params)
    assert found["arch"].mass == pytest.approx([arches[a] / len(made) for a in ("mlp", "net")])
    wide = np.mean([p["width"] > 48 for p in params])  # type: ignore[operator]
    centres = np.array(found["width"].edges[:-1]) + 1e-9
    above = [SPACE.parameters[5].domain.decode(u) > 48 for u in centres]  # type: ignore[operator]
    assert np.array(found["width"].mass)[above].sum() == pytest.approx(wide, abs=0.02)


@pytest.mark.slow
def test_a_search_with_blocks_that_goes_on_ends_as_one_undisturbed(tmp_path: Path) -> None:
    text = STUDY.replace("study: toy", "study: s").replace("trials: 10", "trials: 6")
    text += "confirm: {top: 0}\n"
    whole = Search(tmp_path / "whole", text, CLASS)
    parted = Search(tmp_path / "parted", text, CLASS)
    assert whole.finish() == (0, "")
    assert parted.finish("--set", "search.rounds=2") == (0, "")
    assert parted.finish() == (0, "")
    assert parted.digest() == whole.digest()
    snapshot = view.read_snapshot(whole.run.path)
    shared = ("depth", Padded("width", 2))
    assert [record.blocks for record in snapshot.result.rounds] == [
        Blocks(4, shared), Blocks(2, shared), Blocks(2, shared),
    ]  # fmt: skip
    followers = [t for t in snapshot.members(2) if t.spec.role == "draw"]
    parents = [snapshot.lineage(t.spec.number) for t in followers]
    # A draw from the whole prior has no parent; one that cannot be recomputed has no donors too.
    assert all(p.parent is not None or p.donors for p in parents)
    headings = [note["text"] for note in tightening(snapshot)["layout"]["annotations"]]
    assert all(any(name in h for h in headings) for name in snapshot.space.names)
