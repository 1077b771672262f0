"""Where trials may run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hpsearch.controller import device_slots
from hpsearch.errors import HpsearchError
from hpsearch.study.load import load_study


@pytest.mark.parametrize(
    ("resources", "gpus", "expected"),
    [
        (["parallel=3"], 0, ("cpu",) * 3),
        (["parallel=25"], 0, ("cpu",) * 25),
        ([], 2, ("cuda:0", "cuda:1")),
        (["trials_per_gpu=2"], 2, ("cuda:0", "cuda:1", "cuda:0", "cuda:1")),
        (["parallel=3"], 2, ("cuda:0", "cuda:1", "cuda:0")),
        (["device=cpu", "parallel=2"], 4, ("cpu", "cpu")),
        (["device=cuda"], 1, ("cuda:0",)),
    ],
)
def test_places_are_gpus_times_trials_a_gpu_or_cores(
    toy: Callable[..., Path], resources: list[str], gpus: int, expected: tuple[str, ...]
) -> None:
    study = load_study(toy(), [f"resources.{setting}" for setting in resources])
    assert device_slots(study, gpus) == expected


def test_automatic_places_share_the_cores_by_threads(
    toy: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: set(range(8)), raising=False)
    assert len(device_slots(load_study(toy()), 0)) == 8
    assert len(device_slots(load_study(toy(), ["resources.threads=3"]), 0)) == 2
    assert len(device_slots(load_study(toy(), ["resources.threads=16"]), 0)) == 1


def test_asking_for_a_gpu_that_is_not_there_is_said_so(toy: Callable[..., Path]) -> None:
    with pytest.raises(HpsearchError) as caught:
        device_slots(load_study(toy(), ["resources.device=cuda"]), 0)
    assert str(caught.value) == (
        "resources.device is cuda, but torch finds no GPU here; set it to auto or cpu"
    )
