"""Counter-based randomness of a trial.

Initial weights, the order of an epoch's rows and the noise of a step are functions of the trial's
seed and of the epoch or step alone. A checkpoint therefore holds no generator's state, and a
resumed trial draws the same numbers.
"""

import contextlib
import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

_INIT, _ROWS, _NOISE, _EVALUATION = range(4)  # independent streams of one seed
_MASK = 2**64 - 1
_BLOCK_NUMBERS, _BLOCK_STEPS = 2**16, 64  # the most noise that is drawn at a time


def splitmix64(x: int) -> int:
    """A bijective mix of 64 bits (Steele, Lea & Flood 2014, fig. 17).

    It takes 1 µs; NumPy's SeedSequence takes 20.
    """
    x = (x + 0x9E3779B97F4A7C15) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)


def derive_seed(seed: int, stream: int, counter: int) -> int:
    """A seed below 2^63 for one use of the trial's seed.

    torch's CPU generator keeps 32 bits of it, so that a few of a trial's 10^5 steps share their
    noise, which is harmless.
    """
    return splitmix64(splitmix64(splitmix64(seed) ^ stream) ^ counter) >> 1


@contextlib.contextmanager
def initial_weights(seed: int) -> Iterator[None]:
    """Seed torch's global generator for `Trainer.build` inside the block; restore it after."""
    with _seeded(derive_seed(seed, _INIT, 0)):
        yield


@contextlib.contextmanager
def evaluation_randomness(seed: int) -> Iterator[None]:
    """Seed torch's global generator for evaluations: equal networks give equal metrics."""
    with _seeded(derive_seed(seed, _EVALUATION, 0)):
        yield


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Like `torch.manual_seed`, which takes 0.8 ms to look for all kinds of devices."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            torch.cuda.manual_seed_all(seed)
        yield


def row_order(seed: int, epoch: int, rows: int) -> Tensor:
    """A permutation of 0 .. rows - 1, shape [rows], int64."""
    return torch.randperm(
        rows, generator=torch.Generator().manual_seed(derive_seed(seed, _ROWS, epoch))
    )


class Noise:
    """Standard normal tensors of a step, drawn on the CPU, so that they are equal on all devices.

    Noise is drawn for a block of steps at a time, because seeding a generator takes longer than
    drawing a step's few numbers. The length of the block depends only on the shapes.
    """

    def __init__(self, seed: int, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self._seed = seed
        self.shapes = dict(shapes)
        self._generator = torch.Generator()
        largest = max((math.prod(shape) for shape in self.shapes.values()), default=1)
        self._length = min(max(_BLOCK_NUMBERS // max(largest, 1), 1), _BLOCK_STEPS)
        self._number = -1
        self._block: dict[str, Tensor] = {}

    def at(self, step: int) -> dict[str, Tensor]:
        """Tensors by name in the declared shapes, float32."""
        number, offset = divmod(step, self._length)
        if number != self._number:
            self._generator.manual_seed(derive_seed(self._seed, _NOISE, number))
            self._block = {
                name: torch.randn((self._length, *shape), generator=self._generator)
                for name, shape in self.shapes.items()
            }
            self._number = number
        return {name: block[offset] for name, block in self._block.items()}
