from pathlib import Path

import pytest
from study_texts import SMALL, WHOLE

from hpsearch.errors import StudyError
from hpsearch.space import Choice, Condition, Int, Logint, Loguniform, Parameter, Uniform
from hpsearch.study.command import Command
from hpsearch.study.load import load_study, unknown_parameters
from hpsearch.study.schema import (
    Budget,
    Confirm,
    FileTrainer,
    Limits,
    ModuleTrainer,
    Objective,
    Resources,
    Search,
)
from hpsearch.trial import Direction

SPACE = "space: {lr: {uniform: [0, 1]}}\n"


def test_a_whole_file_becomes_a_study(folder):
    Path("s.yaml").write_text(WHOLE)
    study = load_study("s.yaml")
    assert study.name == "digits-gan"
    assert study.trainer == FileTrainer(folder / "gan.py", "GAN")
    assert study.objective == Objective("fid", Direction.MINIMIZE)
    assert study.search == Search(rounds=4, trials=25, survivors=3, seed=0)
    assert study.budget == Budget(steps=1000, growth=2.0, report_every=500)
    assert study.confirm == Confirm(top=3, seeds=5)
    assert study.limits == Limits(600, 4096, 36000, retries=3)
    assert study.resources == Resources("auto", "auto", 1, 1)
    assert study.fixed == {"data": "digits"}
    assert study.start == ({"lr_g": 0.0002},)
    assert study.path == Path("s.yaml")
    assert study.space.parameters == (
        Parameter("lr_g", Loguniform(1e-5, 1e-2)),
        Parameter("loss", Choice(("non_saturating", "wgan", "hinge"))),
        Parameter("penalty", Choice(("none", "gradient", "r1"))),
        Parameter(
            "penalty_weight",
            Loguniform(0.1, 100.0),
            (Condition("penalty", ("gradient", "r1")),),
        ),
        Parameter("n_critic", Int(1, 5)),
        Parameter("width", Logint(32, 128)),
        Parameter("beta1", Uniform(0.0, 1.0)),
    )


@pytest.mark.parametrize(
    ("said", "each"),
    [("5", [5, 5, 5]), ("[5]", [5, 5, 5]), ("[5, 3]", [5, 3, 3]), ("[]", [0, 0, 0])],
)
def test_structures_are_one_number_or_one_a_round(folder, said, each):
    Path("s.yaml").write_text(f"{SMALL}search: {{structures: {said}}}\n{SPACE}")
    search = load_study("s.yaml").search
    assert [search.structures_in(round) for round in range(3)] == each


def test_all_faults_come_at_once_in_the_order_of_the_file(faults):
    text = WHOLE.replace("rounds: 4", "rounds: 4.5").replace("{minimize: fid}", "{minimise: fid}")
    text = text.replace("[1e-5, 1e-2]", "[0, 0.01]").replace(
        "{uniform: [0, 1]}", "{unifrom: [0, 1]}"
    )
    assert faults(text.replace("gan.py:GAN", "gam.py:GAN")) == [
        "s.yaml:2:1  trainer: no such file beside the study file (gam.py is relative to it),"
        " got gam.py:GAN",
        "s.yaml:3:13  objective.minimise: unknown (has: minimize, maximize)."
        ' Did you mean "minimize"?',
        "s.yaml:4:10  search.rounds: must be a whole number, got 4.5",
        "s.yaml:10:10  space.lr_g.loguniform: low must be above 0, got [0, 0.01]",
        "s.yaml:16:11  space.beta1.unifrom: unknown distribution"
        ' (has: uniform, loguniform, int, logint, choice). Did you mean "uniform"?',
    ]


def test_what_is_missing_is_named_with_its_cure(faults):
    assert faults("confirm: {top: 0}") == [
        "s.yaml:1:1  study: missing; name the study, as in study: digits-gan",
        "s.yaml:1:1  objective: missing; write objective: {minimize: METRIC} or {maximize: METRIC}",
        "s.yaml:1:1  budget: missing; say how many steps a trial trains for,"
        " as in budget: {steps: 1000}",
        "s.yaml:1:1  space: missing; write the parameters to search,"
        " as in space: {lr: {loguniform: [1e-5, 1e-2]}}",
        "s.yaml:1:1  trainer: missing; write trainer: path/to/file.py:NAME (relative to this file)"
        " or package.module:NAME, or a command: [...]",
    ]


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("search: 3",
         "search: must be a mapping of rounds, trials, survivors, seed, structures, inherit, "
         "surrogate, got 3"),
        ("search: {structures: some}", "search.structures: must be a whole number of at least 1,"
         " or a list with one for each round, got some"),
        ("search: {structures: [5, 0]}", "search.structures: must be a whole number of at least 1,"
         " or a list with one for each round, got [5, 0]"),
        ("search: {structures: true}", "search.structures: must be a whole number of at least 1,"
         " or a list with one for each round, got true"),
        ("search: {surrogate: tpe}", "search.surrogate: must be none or gp, got tpe"),
        ("search: {judge: none}", "search.judge: is now called search.surrogate"),
        ("search: {seed: -1}", "search.seed: must be at least 0, got -1"),
        ("search: {rounds: true}", "search.rounds: must be a whole number, got true"),
        ("search: {trails: 3}",
         "search.trails: unknown (has: rounds, trials, survivors, seed, structures, inherit,"
         ' surrogate). Did you mean "trials"?'),
        ("search: {trials: 2}", "search.trials: survivors (3) must be at most search.trials (2)"),
        ("limits: {trial_seconds: 0}", "limits.trial_seconds: must be above 0, got 0"),
        ("limits: {trial_seconds: .nan}",
         "limits.trial_seconds: a number must be finite, got .nan"),
        ("limits: {trial_seconds: soon}", "limits.trial_seconds: must be a number, got soon"),
        ("resources: {parallel: many}",
         'resources.parallel: must be "auto" or a whole number of at least 1, got many'),
        ("resources: {device: tpu}",
         'resources.device: must be auto, cpu or cuda, got tpu. Did you mean "cpu"?'),
        ("resources: {trials_per_group: 0}",
         'resources.trials_per_group: must be "auto" or a whole number of at least 1, got 0'),
        ("fuse: compiled",
         'fuse: must be auto, off, eager or compile, got compiled. Did you mean "compile"?'),
        ("fuse: true", "fuse: must be auto, off, eager or compile, got true"),
        ("fixed: {lr: 3}", "space.lr: also under fixed, at s.yaml:5:9; keep one"),
        ("fixed: {my-data: 3}",
         "fixed.my-data: must be a name of letters, digits and _, as in Python"),
        ("fixed: 3", "fixed: must be a mapping of names to values, as in {data: digits}, got 3"),
        ("fixd: {}", "fixd: unknown section (has: study, trainer, command, objective, search,"
         " budget, confirm, limits, resources, fuse, loggers, fixed, start, space)."
         ' Did you mean "fixed"?'),
    ],
)  # fmt: skip
def test_a_wrong_section_is_named_with_the_rule_and_the_value(faults, section, message):
    [line] = faults(f"{SMALL}{section}\n{SPACE}")
    assert line.split("  ", 1)[1] == message


def test_test_data_never_steers_the_search(faults):
    assert faults(SMALL.replace("fid", "test_fid") + SPACE) == [
        "s.yaml:3:13  objective.minimize: test data must not steer the search;"
        " name a validation metric, got test_fid"
    ]


@pytest.mark.parametrize("name", ["a/b", "..", "-rf", '""', "ä", "a b"])
def test_a_name_that_makes_no_folder_is_refused(faults, name):
    shown = (name.strip('"') and name) or '""'
    assert faults(SMALL.replace("small", name) + SPACE) == [
        "s.yaml:1:1  study: must be up to 100 letters, digits, - _ . and begin with a letter, digit"
        f" or _ (it names a folder), got {shown}"
    ]


def test_as_many_survivors_as_trials_leave_no_new_draws_when_budgets_grow(faults):
    text = SMALL.replace("steps: 10", "steps: 10, growth: 2") + SPACE
    assert faults(text + "search: {trials: 3, survivors: 3}") == [
        "s.yaml:6:21  search.survivors: survivors (3) must be below search.trials (3)"
        " when budget.growth is above 1, or there would be no new draws"
    ]
    assert faults(SMALL + SPACE + "search: {trials: 3, survivors: 3}") == []


@pytest.mark.parametrize(
    ("steps", "growth", "round", "expected"),
    [(1000, 2.0, 3, 8000), (1000, 1.1, 2, 1210), (3, 1.5, 1, 4), (2**60 + 1, 1.0, 9, 2**60 + 1)],
)
def test_a_budget_grows_without_a_floats_error(steps, growth, round, expected):
    assert Budget(steps, growth).at(round) == expected


def test_a_trial_reports_at_half_its_budget_unless_the_file_says():
    assert [Budget(1).report_every, Budget(9).report_every] == [1, 4]
    assert Budget(9, report_every=3).report_every == 3


def test_a_trainer_may_be_a_module(faults):
    Path("s.yaml").write_text(SMALL.replace("gan.py:GAN", "mine.nets:GAN") + SPACE)
    assert load_study("s.yaml").trainer == ModuleTrainer("mine.nets", "GAN")


def test_a_trainer_is_found_beside_the_study_file_from_any_folder(folder, monkeypatch):
    (folder / "studies").mkdir()
    (folder / "studies/s.yaml").write_text(SMALL.replace("gan.py", "../gan.py") + SPACE)
    assert load_study("studies/s.yaml").trainer == FileTrainer(folder / "gan.py", "GAN")


@pytest.mark.parametrize(
    ("trainer", "rule"),
    [
        ("gan.py", "must end with the trainer's name: {forms}"),
        ("GAN", "must end with the trainer's name: {forms}"),
        ("gan.py:a-b", '"a-b" cannot be the name of a trainer: {forms}'),
        ("a b:GAN", "must be {forms}"),
        ("3", "must be {forms}"),
    ],
)
def test_a_trainer_of_another_form_is_refused_with_the_forms(faults, trainer, rule):
    forms = "path/to/file.py:NAME (relative to this file) or package.module:NAME"
    assert faults(SMALL.replace("gan.py:GAN", trainer) + SPACE) == [
        f"s.yaml:2:1  trainer: {rule.format(forms=forms)}, got {trainer}"
    ]


def test_a_file_that_cannot_be_read_says_why(folder):
    Path("latin.yaml").write_bytes(b"study: x\nfixed: {a: \xff}\n")
    messages = []
    for path in ("none.yaml", ".", "latin.yaml", "a\0b"):
        with pytest.raises(StudyError) as caught:
            load_study(path)
        messages.append(str(caught.value))
    assert messages == [
        "none.yaml  no such file; check the path",
        ".  is a folder; give the study file in it",
        "latin.yaml:2:12  is not UTF-8 text (byte 0xff); save it as UTF-8",
        "a\0b  cannot be read (embedded null byte); check the path",
    ]


def test_parameters_that_the_trainer_lacks_are_named_with_those_it_has():
    Path("s.yaml").write_text(
        SMALL + "fixed: {dta: 1}\nspace:\n    los: [a, b]\n    lr_g: [1, 2]\n"
    )
    faults = unknown_parameters(load_study("s.yaml"), ["loss", "penalty", "lr_g"], "GAN")
    assert [str(fault) for fault in faults] == [
        "s.yaml:7:5  space.los: unknown to trainer GAN (has: loss, penalty, lr_g)."
        ' Did you mean "loss"?',
        "s.yaml:5:9  fixed.dta: unknown to trainer GAN (has: loss, penalty, lr_g)",
    ]


def test_a_former_name_of_a_shipped_trainers_hyperparameter_gets_the_present_one():
    Path("s.yaml").write_text(SMALL + "fixed: {judges: recall}\nspace:\n    lr_g: [1, 2]\n")
    [fault] = unknown_parameters(load_study("s.yaml"), ["lr_g", "metrics"], "GAN")
    assert str(fault) == (
        "s.yaml:5:9  fixed.judges: unknown to trainer GAN (has: lr_g, metrics)."
        ' Did you mean "metrics"?'
    )
    [fault] = unknown_parameters(load_study("s.yaml"), ["lr_g"], "Own")
    assert str(fault) == "s.yaml:5:9  fixed.judges: unknown to trainer Own (has: lr_g)"


def test_a_command_is_read_with_the_folder_it_runs_in(folder):
    Path("s.yaml").write_text(
        SMALL.replace("trainer: gan.py:GAN", 'command: [python, t.py, --lr, "{lr}"]') + SPACE
    )
    assert load_study("s.yaml").trainer == Command(("python", "t.py", "--lr", "{lr}"), folder)
