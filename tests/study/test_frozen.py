from pathlib import Path

import pytest
from study_texts import SMALL, WHOLE

from hpsearch.errors import StudyError
from hpsearch.study.frozen import freeze_study, study_differences
from hpsearch.study.load import load_study, thaw_study
from hpsearch.study.renamed_keys import rename_old_override


def study(text: str = WHOLE, *overrides: str):
    Path("s.yaml").write_text(text)
    return load_study("s.yaml", overrides)


def changed(old: str, new: str) -> list[str]:
    """The differences after replacing `old` by `new` in the file."""
    assert old in WHOLE
    return study_differences(freeze_study(study()), study(WHOLE.replace(old, new)))


def test_a_frozen_study_keeps_its_authors_words_and_names_the_overrides():
    text = SMALL + "space: {lr: {loguniform: [1e-4, 1.0e-2]}, a: ['no', off]}\n"
    assert freeze_study(study(text, "search.rounds=2", "space.lr={uniform: [0, .5]}")) == (
        "# frozen from s.yaml\n"
        "# --set search.rounds=2\n"
        "# --set space.lr={uniform: [0, .5]}\n"
        "study: small\n"
        "trainer: gan.py:GAN\n"
        "objective: {minimize: fid}\n"
        "budget: {steps: 10}\n"
        "space: {lr: {uniform: [0, .5]}, a: ['no', off]}\n"
        "search: {rounds: 2}\n"
    )


def test_a_frozen_study_thaws_to_the_same_study_without_its_trainer():
    frozen = study(WHOLE, "search.rounds=2", "limits.trial_seconds=1e3")
    Path("gan.py").unlink()
    thawed = thaw_study(freeze_study(frozen), "s.yaml")
    assert thawed.document == frozen.document
    assert (thawed.space, thawed.start, thawed.search) == (
        frozen.space,
        frozen.start,
        frozen.search,
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rounds: 4", "rounds: 9"),
        ("limits:", "resources: {parallel: 3, device: cpu, trials_per_gpu: 9}\nlimits:"),
        ("limits:", "resources: {trials_per_group: 3}\nlimits:"),
        ("limits:", "fuse: auto\nlimits:"),
        ("search_seconds: 36000", "search_seconds: 5, retries: 0"),
        ("limits:", "confirm: {seeds: 5, top: 3}\nlimits:"),
        ("growth: 2", "growth: 2.0, report_every: 500"),
        ("trials: 25, survivors: 3, seed: 0", "seed: 0"),
        ("[1e-5, 1e-2]", "[0.00001, 0.01]"),
        ("{uniform: [0, 1]}", "\n    uniform:\n    - 0.0\n    - 1.0 # a comment"),
        ("loss: [non_saturating, wgan, hinge]", "loss: {choice: [non_saturating, wgan, 'hinge']}"),
        ("study: digits-gan\ntrainer: gan.py:GAN", "trainer: gan.py:GAN\nstudy: digits-gan"),
    ],
)
def test_a_change_without_effect_on_results_is_no_difference(old, new):
    assert changed(old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("[1e-5, 1e-2]", "[1e-5, 1e-1]", ["space.lr_g.loguniform: [1e-5, 1e-2] -> [1e-5, 1e-1]"]),
        ("{int: [1, 5]}", "{logint: [1, 5]}",
         ["space.n_critic: {int: [1, 5]} -> {logint: [1, 5]}"]),
        ("wgan, hinge]", "wgan]",
         ["space.loss: [non_saturating, wgan, hinge] -> [non_saturating, wgan]"]),
        ("  beta1: {uniform: [0, 1]}\n", "", ["space.beta1: {uniform: [0, 1]} -> absent"]),
        ("  beta1:", "  new: [1, 2]\n  beta1:", ["space.new: absent -> [1, 2]"]),
        ("{penalty: [gradient, r1]}", "{penalty: r1}",
         ["space.penalty_weight.when: {penalty: [gradient, r1]} -> {penalty: r1}"]),
        (", when: {penalty: [gradient, r1]}", "",
         ["space.penalty_weight.when: {penalty: [gradient, r1]} -> absent"]),
        ("rounds: 4", "rounds: 3",
         ["search.rounds: 4 -> 3 (rounds can be added, not removed)"]),
        ("trials: 25", "trials: 30", ["search.trials: 25 -> 30"]),
        ("trials: 25", "structures: [5, 3], trials: 25",
         ["search.structures: absent -> [5, 3]"]),
        ("steps: 1000", "steps: 2000", ["budget.steps: 1000 -> 2000"]),
        ("growth: 2", "growth: 2, report_every: 10", ["budget.report_every: 500 -> 10"]),
        ("limits:", "resources: {threads: 2}\nlimits:", ["resources.threads: 1 -> 2"]),
        ("limits:", "fuse: off\nlimits:", ["fuse: auto -> off"]),
        ("trial_seconds: 600, ", "", ["limits.trial_seconds: 600 -> absent"]),
        ("limits:", "confirm: {top: 5}\nlimits:", ["confirm.top: 3 -> 5"]),
        ("minimize: fid", "maximize: acc", ["objective: {minimize: fid} -> {maximize: acc}"]),
        ("data: digits", "data: digits, k: 1", ["fixed.k: absent -> 1"]),
        ("2.0e-4", "3e-4", ["start: [{lr_g: 2.0e-4}] -> [{lr_g: 3e-4}]"]),
        ("gan.py:GAN", "gan:GAN", ["trainer: gan.py:GAN -> gan:GAN"]),
    ],
)  # fmt: skip
def test_a_change_of_results_is_shown_before_and_after(old, new, lines):
    assert changed(old, new) == lines


def test_one_number_of_structures_may_be_written_as_a_list():
    text = SMALL + "search: {structures: 5}\nspace: {lr: [1, 2]}\n"
    assert study_differences(freeze_study(study(text)), study(text.replace("5}", "[5]}"))) == []


def test_a_frozen_study_with_the_old_name_of_the_surrogate_is_unchanged():
    new = study(SMALL + "search: {surrogate: none}\nspace: {lr: [1, 2]}\n")
    old_text = freeze_study(new).replace("surrogate: none", "judge: none")
    thawed = thaw_study(old_text, "study.yaml")
    assert thawed.search.surrogate == "none"
    assert thawed.document == new.document
    assert study_differences(old_text, new) == []
    other = study(SMALL + "search: {surrogate: gp}\nspace: {lr: [1, 2]}\n")
    assert study_differences(old_text, other) == ["search.surrogate: none -> gp"]


@pytest.mark.parametrize(
    ("recorded", "override"),
    [
        ("search.judge=none", "search.surrogate=none"),
        (" search.judge =gp", "search.surrogate=gp"),
        ("search.rounds=2", "search.rounds=2"),
        ("fixed.judge=none", "fixed.judge=none"),
    ],
)
def test_a_recorded_override_gets_the_present_key(recorded, override):
    assert rename_old_override(recorded) == override


def test_one_fixed_number_is_not_the_same_as_float_and_as_int():
    text = SMALL + "fixed: {a: 1}\nspace: {lr: [1, 2]}\n"
    new = study(text.replace("a: 1}", "a: 1.0}"))
    assert study_differences(freeze_study(study(text)), new) == ["fixed.a: 1 -> 1.0"]


def test_another_order_of_the_parameters_is_a_difference():
    text = SMALL + "space: {lr: [1, 2], mode: [x, y]}\n"
    new = study(SMALL + "space: {mode: [x, y], lr: [1, 2]}\n")
    assert study_differences(freeze_study(study(text)), new) == [
        "space: [lr, mode] -> [mode, lr] (the order assigns a draw's values to parameters;"
        " restore it)"
    ]


def test_a_frozen_text_that_is_no_study_is_refused():
    with pytest.raises(StudyError) as caught:
        study_differences("", study())
    message = 'study.yaml:1:1  is empty; a study file begins with "study: NAME"'
    assert str(caught.value) == message
