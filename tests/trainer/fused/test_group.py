"""Members come and go; each ends as it would have ended by itself."""

import shutil

import pytest
from group_toys import SETTINGS, SHAPE, Ends, Fragile, by_itself, group_of, runs_of
from trained_nets import SHAPE as ANY
from trained_nets import others, trainer_of

from hpsearch.errors import TrainerError
from hpsearch.testing.trials import Trained, difference, distance
from hpsearch.trainer.fused import engine, group, memory
from hpsearch.trainer.run import NonfiniteError, StoppedError


def assert_same_as_by_itself(folder, tmp_path, k, budget):
    off = difference(Trained.read(folder / str(k)), by_itself(tmp_path, k, SETTINGS[k], budget))
    assert off is None, f"trial {k}: {off}"


def test_a_member_that_blows_up_ends_alone_and_the_others_keep_their_bits(tmp_path):
    fragile = {**SETTINGS[2], "limit": 2.4}
    messages = []
    for size in (1, 3, 5):
        place = size // 2
        settings = [*SETTINGS[2 - place : 2], fragile, *SETTINGS[3 : 3 + place]]
        folder, ends = tmp_path / str(size), Ends()
        runs = runs_of(folder, settings, [24] * size)
        runs[place].seed = 12
        group.train_group(Fragile(), runs, SHAPE, ends)
        error = ends[folder / str(place)]
        assert isinstance(error, NonfiniteError)
        messages.append(str(error))
        assert not (folder / str(place) / "checkpoint.pt").exists()
        assert [e for k, e in enumerate(ends.values()) if e is not error] == [None] * (size - 1)
    assert len(set(messages)) == 1, messages
    step = int(messages[0].rsplit(maxsplit=1)[1])
    phase = "actor" if step % 4 == 3 else "critic"
    assert 0 < step < 24
    assert messages[0] == f"the loss of phase {phase} is nan at step {step}"
    for k in (0, 1, 3, 4):
        assert_same_as_by_itself(tmp_path / "5", tmp_path, k, 24)


def test_a_member_that_somebody_stops_ends_and_the_others_go_on(tmp_path):
    runs, ends = runs_of(tmp_path, SETTINGS[:3], [12] * 3), Ends()
    runs[1].folder.stop.touch()
    group.train_group(Fragile(), runs, SHAPE, ends)
    assert isinstance(ends[tmp_path / "1"], StoppedError)
    assert str(ends[tmp_path / "1"]) == "stopped on request"
    assert list(ends) == [tmp_path / "1", tmp_path / "0", tmp_path / "2"]
    for k in (0, 2):
        assert ends[tmp_path / str(k)] is None
        assert_same_as_by_itself(tmp_path, tmp_path, k, 12)


def test_members_that_have_ended_are_left_behind_and_the_rest_keep_their_bits(
    tmp_path, monkeypatch
):
    sizes = []
    made = group.Engine
    monkeypatch.setattr(
        group,
        "Engine",
        lambda t, members, *a, **k: sizes.append(len(members)) or made(t, members, *a, **k),
    )
    budgets, ends = [5, 17, 8, 23, 8], Ends()
    group.train_group(Fragile(), runs_of(tmp_path, SETTINGS, budgets), SHAPE, ends)
    assert set(ends.values()) == {None}
    assert len(ends) == 5
    assert sizes[0] == 5
    assert sizes[-1] == 1
    assert sizes == sorted(sizes, reverse=True)
    monkeypatch.undo()
    for k, budget in enumerate(budgets):
        assert_same_as_by_itself(tmp_path, tmp_path, k, budget)


def test_one_that_is_far_ahead_joins_those_at_their_beginning(tmp_path):
    group.train_group(Fragile(), runs_of(tmp_path / "first", SETTINGS[:2], [20, 20]), SHAPE, Ends())
    shutil.copytree(tmp_path / "first" / "1", tmp_path / "then" / "1")
    ends = Ends()
    group.train_group(
        Fragile(), runs_of(tmp_path / "then", SETTINGS[:4], [10, 30, 30, 21]), SHAPE, ends
    )
    assert set(ends.values()) == {None}
    for k, budget in enumerate([10, 30, 30, 21]):
        assert_same_as_by_itself(tmp_path / "then", tmp_path, k, budget)


def test_one_that_is_at_its_budget_already_reports_again_and_ends(tmp_path):
    group.train_group(Fragile(), runs_of(tmp_path, SETTINGS[:2], [8, 8]), SHAPE, Ends())
    before = [Trained.read(tmp_path / str(k)) for k in range(2)]
    ends = Ends()
    group.train_group(Fragile(), runs_of(tmp_path, SETTINGS[:2], [8, 12]), SHAPE, ends)
    assert list(ends.items()) == [(tmp_path / "0", None), (tmp_path / "1", None)]
    assert difference(before[0], Trained.read(tmp_path / "0")) is None
    assert_same_as_by_itself(tmp_path, tmp_path, 1, 12)


class FailsToEvaluate(Fragile):
    def evaluate(self, nets, outputs, hp):
        if hp.lr == 0.02:
            raise ValueError("no such metric")
        return super().evaluate(nets, outputs, hp)


def test_a_member_whose_evaluation_fails_ends_alone(tmp_path):
    ends = Ends()
    group.train_group(FailsToEvaluate(), runs_of(tmp_path, SETTINGS[:3], [8] * 3), SHAPE, ends)
    assert isinstance(ends.pop(tmp_path / "1"), ValueError)
    assert list(ends.values()) == [None, None]
    assert_same_as_by_itself(tmp_path, tmp_path, 0, 8)


class GivesAFloat(Fragile):
    def loss(self, phase, nets, batch, hp):
        return 1.0


class GivesARow(Fragile):
    def loss(self, phase, nets, batch, hp):
        return nets["critic"](batch["x"])[:, 0]


@pytest.mark.parametrize(("trainer", "got"), [(GivesAFloat, "1.0"), (GivesARow, "[8]")])
def test_a_loss_that_is_no_scalar_is_refused(trainer, got, tmp_path):
    with pytest.raises(TrainerError) as raised:
        group.train_group(trainer(), runs_of(tmp_path, SETTINGS[:2], [8] * 2), SHAPE, Ends())
    name = trainer.__name__
    assert str(raised.value) == f"{name}.loss: must be a tensor without dimensions, got {got}"


def test_a_group_that_memory_has_no_room_for_trains_in_parts_to_the_same_bits(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(memory, "available_bytes", lambda device: 0)
    runs, ends = runs_of(tmp_path, SETTINGS, [8] * 5), Ends()
    with pytest.raises(memory.TooLargeError) as raised:
        group_of(runs, ends)
    assert raised.value.fits == 2
    group.train_group(Fragile(), runs, SHAPE, ends)
    assert list(ends.values()) == [None] * 5
    # Three parts, one after another: those of trials 0 and 3, of 1 and 4, of 2.
    assert [int(path.name) for path in ends] == [0, 3, 1, 4, 2]
    for k in range(5):
        assert_same_as_by_itself(tmp_path, tmp_path, k, 8)


def test_a_group_that_has_begun_is_not_cut_when_memory_runs_short(tmp_path, monkeypatch):
    rooms = iter([10**12])
    monkeypatch.setattr(memory, "available_bytes", lambda device: next(rooms, 0))
    ends = Ends()
    group.train_group(Fragile(), runs_of(tmp_path, SETTINGS, [4, 4, 8, 8, 8]), SHAPE, ends)
    assert list(ends.values()) == [None] * 5
    for k, budget in enumerate([4, 4, 8, 8, 8]):
        assert_same_as_by_itself(tmp_path, tmp_path, k, budget)


@pytest.mark.parametrize(
    ("room", "fits"), [(0, 2), (1000, 2), (1399, 2), (1400, 3), (2199, 4), (2200, None)]
)
def test_as_many_members_fit_as_there_is_room_for(room, fits, monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda device: room)
    try:
        memory.check_fit("cpu", member_bytes=400, shared_bytes=200, members=5)
        found = None
    except memory.TooLargeError as error:
        found = error.fits
    assert found == fits


@pytest.mark.parametrize(
    ("members", "sizes"),
    [
        (1, (2, 2)),
        (2, (2, 2)),
        (3, (3, 4)),
        (5, (5, 7)),
        (8, (8, 13)),
        (25, (25, 25)),
        (26, (26, 50)),
    ],
)
def test_a_compiled_stack_has_one_of_a_few_sizes(members, sizes):
    assert (engine._stack_size(members, False), engine._stack_size(members, True)) == sizes


# What torch.compile's own modules say when they are imported.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_compiled_group_has_nearly_the_same_numbers(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    trainer, ends = trainer_of("gelu")(), Ends()
    eager, compiled = (
        runs_of(tmp_path / how, others(3), [10, 10, 10]) for how in ("eager", "compiled")
    )
    group.train_group(trainer, eager, ANY, Ends())
    group.train_group(trainer, compiled, ANY, ends, is_compiled=True)
    assert list(ends.values()) == [None] * 3
    for one, other in zip(eager, compiled, strict=True):
        a, b = (Trained.read(run.folder.path) for run in (one, other))
        assert distance(b.state, a.state)[0] < 1e-4
        assert distance(b.metrics, a.metrics)[0] < 1e-4
