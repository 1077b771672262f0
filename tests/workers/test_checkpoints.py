"""Who starts from whose weights, and that nothing else of a search changes with it."""

from dataclasses import replace
from pathlib import Path

import pytest

from hpsearch.controller import inspect_study
from hpsearch.controller.trial_table import TrialTable
from hpsearch.errors import RunFolderError, StudyError
from hpsearch.storage.run_folder import RunFolder
from hpsearch.storage.writer import StudyWriter
from hpsearch.study.load import load_study
from hpsearch.study.schema import Study
from hpsearch.trial import Direction, Outcome, Spec, Trial
from hpsearch.workers import checkpoints as inheritance


@pytest.fixture
def study(toy) -> Study:
    return load_study(toy(), ["search.inherit=weights", "search.trials=25"])


def run(table: TrialTable, round: int) -> list[Spec]:
    """Record a round and let the value of each trial be its number."""
    _, specs = table.round_specs(round)
    for spec in specs:
        value = float(spec.number)
        table.put(Trial(spec, Outcome("complete", value, {"loss": value})))
    return specs


@pytest.mark.parametrize("growth", [1.0, 2.0])
def test_draws_around_a_survivor_have_its_weights_and_others_none(study, growth):
    study = replace(study, budget=replace(study.budget, growth=growth))
    table = TrialTable(study, [])
    assert {spec.weights_of for spec in run(table, 0)} == {None}
    record, specs = table.round_specs(1)
    drawn = [spec for spec in specs if spec.role == "draw"]
    kept = [spec for spec in specs if spec.role == "continue"]
    assert {spec.weights_of for spec in drawn} - {None} == set(record.survivors)
    assert len([spec for spec in drawn if spec.weights_of is None]) < 8  # of the prior's 8 %
    assert {spec.weights_of for spec in kept} <= {None}
    assert [spec.parent for spec in drawn] == [None] * len(drawn)


def test_confirmations_and_repeats_train_from_scratch(study):
    table = TrialTable(study, [])
    run(table, 0)
    heir = next(spec for spec in run(table, 1) if spec.weights_of is not None)
    candidates = table.best(1, 3)
    assert {spec.weights_of for spec in table.confirm_specs(candidates, 1)} == {None}
    again = table.rerun_spec(heir.number, 0)
    assert (again.weights_of, again.params) == (None, heir.params)


def test_without_the_key_a_search_draws_the_same_points_and_no_weights(study):
    plain = replace(study, search=replace(study.search, inherit="none"))
    tables = [TrialTable(each, []) for each in (study, plain)]
    for table in tables:
        run(table, 0)
    heirs, others = ([spec for spec in table.round_specs(1)[1]] for table in tables)
    assert [replace(spec, weights_of=None) for spec in heirs] == others


def test_the_database_and_the_trials_folder_know_it(study, tmp_path):
    table = TrialTable(study, [])
    specs = [*run(table, 0), *run(table, 1)]
    store = StudyWriter.create_or_open(
        tmp_path / "db", "s", metric="loss", direction=Direction.MINIMIZE
    )
    store.record_trials(specs, study.space)
    recorded = {trial.spec.number: trial.spec for trial in store.recorded().trials}
    store.close()
    assert [recorded[spec.number].weights_of for spec in specs] == [s.weights_of for s in specs]
    folder = RunFolder(tmp_path).trial(specs[-1].number)
    folder.write_spec(specs[-1])
    assert folder.read_spec() == specs[-1]


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    """Trial 3 has left a checkpoint."""
    found = RunFolder(tmp_path)
    found.trial(3).path.mkdir(parents=True)
    found.trial(3).checkpoint.write_bytes(b"weights")
    return found


HEIR = Spec(9, 1, 0, "draw", {}, (), 0, 1, weights_of=3)


def test_weights_are_handed_down_once_and_never_over_a_checkpoint(folder):
    heir = folder.trial(9)
    inheritance.copy_parent_checkpoint(folder, HEIR)
    assert heir.inherited.read_bytes() == b"weights" and not heir.checkpoint.exists()
    folder.trial(3).checkpoint.unlink()
    inheritance.copy_parent_checkpoint(folder, HEIR)
    assert heir.inherited.read_bytes() == b"weights"
    heir.inherited.unlink()
    heir.checkpoint.write_bytes(b"own")
    inheritance.copy_parent_checkpoint(folder, HEIR)
    assert not heir.inherited.exists() and heir.checkpoint.read_bytes() == b"own"


def test_a_file_system_without_links_has_copies(folder, monkeypatch):
    def no_links(old: Path, new: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", no_links)
    inheritance.copy_parent_checkpoint(folder, HEIR)
    assert folder.trial(9).inherited.read_bytes() == b"weights"


def test_a_continuation_has_a_checkpoint_of_its_own(folder):
    inheritance.copy_parent_checkpoint(folder, Spec(9, 1, 0, "continue", {}, (), 0, 1, parent=3))
    copy = folder.trial(9).checkpoint
    assert copy.read_bytes() == b"weights" and copy.stat().st_nlink == 1
    assert not folder.trial(9).inherited.exists()


def test_weights_that_are_gone_are_named_or_not_promised(folder):
    assert inheritance.with_usable_parent(folder, HEIR) == HEIR
    checkpoint = folder.trial(3).checkpoint
    checkpoint.unlink()
    assert inheritance.with_usable_parent(folder, HEIR) == replace(HEIR, weights_of=None)
    with pytest.raises(RunFolderError) as raised:
        inheritance.copy_parent_checkpoint(folder, HEIR)
    assert str(raised.value) == (
        f"{checkpoint}: missing, and trial 9 starts from its weights. Restore the file, or start "
        "in another folder with --runs"
    )


def test_a_trainer_without_networks_that_we_know_is_refused(toy):
    with pytest.raises(StudyError) as raised:
        inspect_study(load_study(toy(), ["search.inherit=weights"]))
    assert str(raised.value) == (
        "--set search.inherit=weights  search.inherit: only a Trainer class's networks can be, and "
        "the trainer is a function; drop it"
    )


def test_another_word_than_weights_is_refused(toy):
    with pytest.raises(StudyError, match="inherit: must be none or weights, got all"):
        load_study(toy(), ["search.inherit=all"])
