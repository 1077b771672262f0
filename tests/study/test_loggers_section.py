from pathlib import Path

import pytest
from study_texts import SMALL

from hpsearch.study.frozen import freeze_study, study_differences
from hpsearch.study.load import load_study
from hpsearch.study.schema import MlflowSettings, TensorboardSettings

TEXT = SMALL + "space: {lr: {uniform: [0, 1]}}\n"


def loggers(text: str, *overrides: str):
    Path("s.yaml").write_text(TEXT + text)
    return load_study("s.yaml", overrides).loggers


def test_without_the_section_there_is_no_logger():
    assert loggers("") == ()


def test_loggers_are_names_and_mlflow_may_have_settings():
    assert loggers("loggers: [tensorboard, mlflow]") == (TensorboardSettings(), MlflowSettings())
    assert loggers("loggers: [mlflow: {uri: http://127.0.0.1:5000, experiment: gans}]") == (
        MlflowSettings("http://127.0.0.1:5000", "gans"),
    )
    assert loggers("loggers:\n- mlflow:\n    experiment: gans\n- tensorboard") == (
        MlflowSettings(None, "gans"),
        TensorboardSettings(),
    )


def test_an_override_gives_loggers():
    assert loggers("", "loggers=[tensorboard]") == (TensorboardSettings(),)


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        (
            "tensorboard",
            "s.yaml:6:1  loggers: must be a list, as in [tensorboard], [mlflow], or "
            "[mlflow: {uri: ..., experiment: ...}], got tensorboard",
        ),
        (
            "[tensorbord]",
            "s.yaml:6:11  loggers[0]: unknown logger tensorbord (has: tensorboard, mlflow). "
            'Did you mean "tensorboard"?',
        ),
        ("[wandb]", "s.yaml:6:11  loggers[0]: unknown logger wandb (has: tensorboard, mlflow)"),
        (
            "[mlflow, {mlflow: {uri: x}}]",
            "s.yaml:6:19  loggers[1]: mlflow is written twice; keep one",
        ),
        (
            "[{mlflow: {}, tensorboard: {}}]",
            "s.yaml:6:11  loggers[0]: must be one name, as in [tensorboard], [mlflow], or "
            "[mlflow: {uri: ..., experiment: ...}], got {mlflow: {}, tensorboard: {}}",
        ),
        (
            "[3]",
            "s.yaml:6:11  loggers[0]: must be one name, as in [tensorboard], [mlflow], or "
            "[mlflow: {uri: ..., experiment: ...}], got 3",
        ),
        (
            "[{tensorboard: {dir: x}}]",
            "s.yaml:6:26  loggers[0].tensorboard.dir: tensorboard has no settings; drop it",
        ),
        (
            "[{mlflow: {url: x}}]",
            "s.yaml:6:21  loggers[0].mlflow.url: unknown (has: uri, experiment). "
            'Did you mean "uri"?',
        ),
        (
            "[{mlflow: {experiment: 3}}]",
            "s.yaml:6:21  loggers[0].mlflow.experiment: must be text, got 3",
        ),
        (
            "[{mlflow: {uri: ''}}]",
            's.yaml:6:21  loggers[0].mlflow.uri: must be text, or be left out, got ""',
        ),
        (
            "[{mlflow: 5000}]",
            "s.yaml:6:12  loggers[0].mlflow: must be a mapping of uri, experiment, got 5000",
        ),
    ],
)
def test_a_wrong_logger_is_named_with_its_location_and_cure(faults, written, fault):
    assert faults(f"{TEXT}loggers: {written}\n") == [fault]


def test_other_loggers_are_no_difference():
    Path("s.yaml").write_text(TEXT + "loggers: [tensorboard]\n")
    frozen = freeze_study(load_study("s.yaml"))
    Path("s.yaml").write_text(TEXT + "loggers: [mlflow: {uri: http://127.0.0.1:5000}]\n")
    assert study_differences(frozen, load_study("s.yaml")) == []
