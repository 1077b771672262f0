"""Where a trial's randomness comes from: counters, never a generator that was left somewhere.

Initial weights, the order of an epoch's rows and the noise of a step are functions of the trial's
seed and of the epoch or step alone. A checkpoint therefore holds no generator's state, and a trial
that goes on from it draws what it would have drawn.
"""

import contextlib
import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

_INIT, _ROWS, _NOISE, _EVALUATION = range(4)  # independent streams of one seed
_MASK = 2**64 - 1
_BLOCK_NUMBERS, _BLOCK_STEPS = 2**16, 64  # of noise that is drawn at a time, at most


def splitmix64(x: int) -> int:
    """A bijective mix of 64 bits (Steele, Lea & Flood 2014, fig. 17).

    It takes 1 µs where numpy's SeedSequence takes 20.
    """
    x = (x + 0x9E3779B97F4A7C15) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)


def mixed(seed: int, stream: int, counter: int) -> int:
    """A seed below 2^63 for one use of the trial's seed.

    torch's CPU generator keeps 32 bits of it: two of a trial's 10^5 steps share their noise once in
    a while, which is of no consequence.
    """
    return splitmix64(splitmix64(splitmix64(seed) ^ stream) ^ counter) >> 1


@contextlib.contextmanager
def initial_weights(seed: int) -> Iterator[None]:
    """Torch's global CPU generator is the trial's inside the block, and as before after it."""
    with _seeded(mixed(seed, _INIT, 0)):
        yield


@contextlib.contextmanager
def evaluation_randomness(seed: int) -> Iterator[None]:
    """As `initial_weights`, for metrics that draw: the same networks give the same numbers."""
    with _seeded(mixed(seed, _EVALUATION, 0)):
        yield


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Without the search for all kinds of devices on which `torch.manual_seed` spends 0.8 ms."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            torch.cuda.manual_seed_all(seed)
        yield


def order_of_rows(seed: int, epoch: int, rows: int) -> Tensor:
    """A permutation of 0 .. rows - 1, shape [rows], int64."""
    return torch.randperm(rows, generator=torch.Generator().manual_seed(mixed(seed, _ROWS, epoch)))


class Noise:
    """Standard normal tensors of a step; on the CPU, so that devices agree on them.

    They are drawn for a block of steps at a time, because seeding a generator for each step takes
    longer than drawing its few numbers. The block's length depends on the shapes alone.
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
        """By name, in the declared shapes, float32."""
        number, place = divmod(step, self._length)
        if number != self._number:
            self._generator.manual_seed(mixed(self._seed, _NOISE, number))
            self._block = {
                name: torch.randn((self._length, *shape), generator=self._generator)
                for name, shape in self.shapes.items()
            }
            self._number = number
        return {name: block[place] for name, block in self._block.items()}
