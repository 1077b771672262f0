"""How much the benchmark of fused training measures."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from processes import Crowd
from workloads import WORKLOADS

Mode = Literal["eager", "compile"]  # of a fused group, in the words of a study's `fuse`
MODES: tuple[Mode, ...] = ("eager", "compile")
BATCHES = (32, 64, 128, 256)
TRIALS = (1, 2, 5, 25, 100)
COMPILED_TRIALS = (5, 25, 100)
# On the CPU: rows a step (trials times batch) above which a cell would take minutes.
MOST_ROWS = {"LeNet 28x28": 6400, "ResNet-8 28x28": 1600, "DCGAN 28x28": 1600}
LENGTHS = (250, 1000, 4000)  # steps of the trials whose whole processes are timed


@dataclass(frozen=True)
class Plan:
    """How much of everything is measured.

    Attributes:
        compiled: whether arms are measured that take long to get ready, because they compile.
        crowd: the trials of the processes; `LENGTHS` are those of lone and fused ones.
        slow_repeats: of the arms that start a process a trial.
    """

    device: str = "cpu"
    workloads: Sequence[str] = tuple(WORKLOADS)
    batches: Sequence[int] = BATCHES
    trials: Sequence[int] = TRIALS
    compiled: bool = True
    modes: Sequence[Mode] = MODES
    repeats: int = 5
    slow_repeats: int = 3
    ray_repeats: int = 1  # takes minutes
    chunk_s: float = 0.15
    crowd: Crowd = field(default_factory=lambda: Crowd("MLP 64-128-10", 32, 1000, 25))
    lengths: Sequence[int] = LENGTHS
    ray_python: str = sys.executable


QUICK = Plan(
    workloads=("MLP 64-128-10", "MLP GAN"),
    batches=(32,),
    trials=(2, 5),
    compiled=False,
    modes=("eager",),
    repeats=2,
    slow_repeats=1,
    chunk_s=0.02,
    crowd=Crowd("MLP 64-128-10", 32, 50, 2),
    lengths=(50,),
)
