"""What a trainer saves is what it loads, or is refused when it is saved."""

import collections
import enum
import pathlib
import random
import re
from typing import Any

import numpy as np
import pytest
import torch
from contract_toys import Tidy

from hpsearch.trainer.run import HP, Run
from hpsearch.trial import Folder, Spec

Point = collections.namedtuple("Point", "x y")


class Level(enum.IntEnum):
    HIGH = 1


@pytest.fixture
def run(tmp_path: pathlib.Path) -> Run:
    folder = Folder(tmp_path)
    folder.write_spec(Spec(0, 0, 0, "draw", {}, (), seed=1, budget=10))
    return Run(folder.read_spec(), folder, hp={}, objective="loss", report_every=1)


@pytest.mark.parametrize(
    "value",
    [
        np.float64(1.5),
        np.float32("inf"),
        np.int64(-3),
        np.bool_(True),
        np.arange(6).reshape(2, 3)[:, ::2],
        np.array(["a", "bc"]),
        np.zeros(2, dtype=[("a", "f4"), ("b", "i8")]),
        np.datetime64("2020-01-02"),
        np.random.RandomState(3).get_state(),
        np.random.default_rng(3).bit_generator.state,
        random.Random(3).getstate(),
        torch.Generator().manual_seed(3).get_state(),
        torch.nn.Parameter(torch.ones(2)),
        torch.nn.BatchNorm1d(2).state_dict(),
        {"a": [1, (2, {3})], 4: collections.Counter("aab")},
        10**400,
        b"bytes",
        None,
    ],
    ids=repr,
)
def test_a_value_is_loaded_as_it_was_saved(run: Run, value: Any) -> None:
    run.save({"value": value})
    loaded = (run.load() or {})["value"]
    assert type(loaded) is type(value)
    np.testing.assert_equal(_plain(loaded), _plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().numpy()
    if isinstance(value, collections.OrderedDict):
        return {name: _plain(item) for name, item in value.items()}
    return value


@pytest.mark.parametrize(
    "value, message",
    [
        (collections.deque([1]), "state['x'] is a deque, which run.load cannot read; save list("),
        (pathlib.Path("a"), "state['x'] is a PosixPath, which run.load cannot read; save str("),
        (HP({"lr": 1}), "state['x'] is a HP, which run.load cannot read; save dict(...) of it"),
        ([1, (2, Point(1, 2))], "state['x'][1][1] is a Point, which"),
        ({"deep": {"rng": np.random.default_rng(0)}}, "state['x']['deep']['rng'] is a Generator"),
        (np.array([None]), "state['x'] is a ndarray, which"),
        (Level.HIGH, "state['x'] is a Level, which"),
        (Tidy(), "state['x'] is a Tidy, which run.load cannot read; save numbers, strings"),
    ],
)
def test_what_could_not_be_loaded_is_refused_with_its_key_and_the_last_checkpoint_stays(
    run: Run, value: Any, message: str
) -> None:
    run.save({"step": 3})
    with pytest.raises(TypeError, match=re.escape(f"run.save: {message}")):
        run.save({"step": 4, "x": value})
    assert run.load() == {"step": 3}
    assert [path.name for path in run.folder.path.glob(".*")] == []
