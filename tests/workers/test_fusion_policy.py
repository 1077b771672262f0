"""When the trials of a study train in groups, and what says that they cannot."""

import pytest
from toys import FUNCTION, STUDY

from hpsearch.controller import inspect_study
from hpsearch.errors import StudyError
from hpsearch.study.load import load_study
from hpsearch.study.trainer_description import TrainerDescription
from hpsearch.workers import fusion_policy as sharing

CLASS = """
from hpsearch import Trainer


class Toy(Trainer):
    defaults = {"x": 0.5, "kind": "a", "y": 1.0, "data": "digits"}
    structure = ("kind",)
"""


def described(kind: str) -> TrainerDescription:
    return TrainerDescription(kind, None, "", {}, [], 0, {}, {"x": 0.5, "y": 1.0}, ("kind",))


@pytest.mark.parametrize(
    ("fuse", "kind", "threads", "device", "mode"),
    [
        ("auto", "trainer", 1, "cpu", "eager"),
        ("auto", "trainer", 2, "cuda:0", "eager"),
        ("auto", "trainer", 2, "cpu", "off"),
        ("auto", "function", 1, "cpu", "off"),
        ("auto", "command", 1, "cpu", "off"),
        ("off", "trainer", 1, "cpu", "off"),
        ("eager", "trainer", 1, "cpu", "eager"),
        ("compile", "trainer", 1, "cpu", "compile"),
    ],
)
def test_study_trainer_and_device_alone_decide(toy, fuse, kind, threads, device, mode):
    study = load_study(toy(), [f"fuse={fuse}", f"resources.threads={threads}"])
    found, why = sharing.fusion_mode(study, described(kind), device)
    assert found == mode
    # A line is due only where somebody could have expected groups.
    assert (why is not None) == (fuse == "auto" and kind == "trainer" and mode == "off")


def test_what_a_group_shares_is_the_structure_and_the_choices_that_vary(toy):
    study = load_study(toy())
    shape = sharing.group_shape(study, described("trainer"), {"x": 0.1, "kind": "b", "y": 2.0})
    assert shape.values == {"kind": "b"}
    assert shape.varying == {"x": None, "y": None}


def refused(study) -> str:
    with pytest.raises(StudyError) as caught:
        inspect_study(study)
    return str(caught.value)


def test_a_function_that_shall_be_fused_is_refused_at_its_place(toy):
    path = toy(STUDY + "fuse: eager\n", FUNCTION)
    assert refused(load_study(path)) == (
        f"{path}:12:1  fuse: the trainer is a function, whose trials cannot be fused; "
        "write off or auto, or make it a Trainer class, got eager"
    )


def test_several_threads_on_a_cpu_that_shall_fuse_are_refused_with_the_cure(toy):
    path = toy(STUDY.replace(":train", ":Toy") + "fuse: compile\n", CLASS)
    said = refused(load_study(path, ["resources.device=cpu", "resources.threads=2"]))
    assert said.startswith(f"{path}:12:1  fuse: with several threads on a CPU, results depend on")
    assert said.endswith("set that to 1, or write off or auto, got compile")
    inspect_study(load_study(path, ["resources.device=cpu"]))
